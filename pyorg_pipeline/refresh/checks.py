"""Checks of the published tables. A check that fails is reported and blocks nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyorg_pipeline.catalog.store import VERSION_COLUMNS, version_key
from pyorg_pipeline.model.artifacts import (
    SET_ASIDE,
    SOURCE_PREFERENCE,
    UNRECOGNISED,
    is_release_type,
)
from pyorg_pipeline.model.companions import looks_like_companion
from pyorg_pipeline.model.text import plural, shortened

#: The columns that the checks of artifact_catalog read.
CHECKED_COLUMNS: Final = (
    "path",
    "name",
    *VERSION_COLUMNS,
    "version",
    "artifact_type",
    "format",
    "debug",
    *SET_ASIDE,
    "size",
    "sha256_before",
)

#: Many releases have a stray file or two. A new kind of file comes beside each of a release's
#: installers, which are more than ten.
STRAY_FILES: Final = 10

#: Of all files. A directory's first crawl adds old unrecognised files, but recognised ones in
#: proportion: of all of python.org's, 0.4 % are unrecognised.
RISEN_SHARE: Final = 0.001

#: Bytes. Source tarballs have from 3.6 MB (2.4.3c1) to 43 MB (3.15.0a8); before 2.0 from 0.39 MB
#: (0.9.1). They have doubled in twelve years.
SMALLEST_SOURCE: Final = 3_000_000
SMALLEST_SOURCE_BEFORE_2: Final = 300_000
LARGEST_SOURCE: Final = 150_000_000

_MOST_SAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check."""

    passed: bool
    #: What was found and, if it failed, what to do.
    description: str
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    #: The first paths or versions that failed.
    samples: Sequence[str] = ()


def unrecognised_share_did_not_jump(metadata: Mapping[str, Any]) -> CheckResult:
    """Whether the grammar still knows the site's names.

    It fails if the snapshot has more than STRAY_FILES unrecognised files more than the one before,
    and their share of all files rose by more than RISEN_SHARE.
    """
    now, share = metadata["unrecognised"], _unrecognised_share(metadata)
    numbers = {"unrecognised": now, "share": round(share, 6)}
    if not (earlier := metadata.get("before")):
        return CheckResult(True, "There is no earlier snapshot to compare with.", numbers)
    before, share_before = earlier["unrecognised"], _unrecognised_share(earlier)
    numbers |= {"unrecognised_before": before, "share_before": round(share_before, 6)}
    found = (
        f"{now:,} files are unrecognised ({share:.2%}), {before:,} were before ({share_before:.2%})"
    )
    if now - before <= STRAY_FILES or share - share_before <= RISEN_SHARE:
        return CheckResult(True, f"{found}.", numbers)
    return CheckResult(
        False,
        f"{found}: python.org may name its files in a new way. List them with "
        "artifact_type='unrecognised' and extend the grammar (model/names.py)",
        numbers,
    )


def every_final_has_a_source_tarball(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether each final release has a source tarball, as all of python.org's have."""
    has_source: dict[tuple[Any, ...], bool] = {}
    for row in rows:
        if (
            is_release_type(row["artifact_type"])
            and row["releaselevel"] == "final"
            and not row["misplaced"]
        ):
            key = (*version_key(row), row["version"])
            has_source[key] = has_source.get(key, False) or _is_source(row)
    missing = [key[-1] for key in sorted(has_source) if not has_source[key]]
    return _result(
        missing,
        {"finals": len(has_source), "without": len(missing)},
        passed=f"All of {len(has_source):,} final releases have a source tarball.",
        failed=f"{len(missing)} of {len(has_source):,} final releases have no source tarball: "
        f"{shortened(missing)}. One that is being uploaded has none for a while; if it stays "
        "so, look at its directory for a source under a name that no rule knows",
    )


def files_are_in_their_directory(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether each file is in the directory of its version, which pre-releases share."""
    rows = list(rows)
    misplaced = [f"{row['path']} ({row['version']})" for row in rows if row["misplaced"]]
    return _result(
        misplaced,
        {"files": len(rows), "misplaced": len(misplaced)},
        passed=f"None of {len(rows):,} files is in the directory of another version.",
        failed=f"{plural(len(misplaced), 'file')} in the directory of another version: "
        f"{shortened(misplaced)}. They do not count as released, and are downloaded only by their "
        "path; if a release is lost by this, tell python.org",
    )


def paths_are_unique(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether each path is in the snapshot once: downloads and digests are identified by it."""
    counts = Counter(row["path"] for row in rows)
    repeated = sorted(path for path, count in counts.items() if count > 1)
    return _result(
        repeated,
        {"paths": len(counts), "repeated": len(repeated)},
        passed=f"None of {len(counts):,} paths is repeated.",
        failed=f"{len(repeated)} paths are repeated: {shortened(repeated)}. "
        "`pyorg refresh --full` rewrites every table; if it does not help, report it",
    )


def sizes_are_plausible(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether no artifact is empty, and the size of each source tarball is within bounds.

    A file that is being uploaded, or was cut, is too small. Other artifacts than sources differ too
    much in size for bounds: a webinstall executable has 0.8 MB.
    """
    known, odd = 0, []
    for row in rows:
        size = row["size"]
        if size is None or row["artifact_type"] == UNRECOGNISED:
            continue
        known += 1
        smallest = 1
        if _is_source(row):
            smallest = SMALLEST_SOURCE_BEFORE_2 if row["major"] < 2 else SMALLEST_SOURCE
        if size < smallest or (_is_source(row) and size > LARGEST_SOURCE):
            odd.append(f"{row['path']} ({size:,} bytes)")
    return _result(
        odd,
        {"sizes": known, "implausible": len(odd)},
        passed=f"All of {known:,} sizes are plausible.",
        failed=f"{plural(len(odd), 'implausible size')}: {shortened(odd)}. The files may be being "
        "uploaded; if this stays so after the next refresh, do not use them and tell python.org",
    )


def replaced_files_are_confirmed(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether the digest of each file that the site replaced is confirmed."""
    replaced = [row["path"] for row in rows if row["sha256_before"] is not None]
    return _result(
        replaced,
        {"unconfirmed": len(replaced)},
        passed="No digest of a replaced file is unconfirmed.",
        failed=f"{plural(len(replaced), 'replaced file')} with an unconfirmed digest: "
        f"{shortened(replaced)}. `pyorg refresh --digests` confirms those of which only the date "
        "changed, and `pyorg confirm PATH` one whose new digest python.org announced",
    )


def companions_have_their_artifact(rows: Iterable[Mapping[str, Any]]) -> CheckResult:
    """Whether the artifact of each signature, bundle and bill of materials exists."""
    alone = [
        row["path"]
        for row in rows
        if row["artifact_type"] == UNRECOGNISED and looks_like_companion(row["name"])
    ]
    return _result(
        alone,
        {"without_artifact": len(alone)},
        passed="Each companion has its artifact.",
        failed=f"{len(alone)} companions belong to a file that does not exist: {shortened(alone)}. "
        "An upload may be in progress; if it stays so, the artifact was removed or renamed",
    )


def latest_never_goes_back(
    rows: Iterable[Mapping[str, Any]], metadata: Mapping[str, Any]
) -> CheckResult:
    """Whether each latest version of the last week still exists or was replaced by a higher one.

    The metadata's `before` has those of a week: see publish.latest_versions.
    """
    now = {(row["series"], row["final_only"]): row for row in rows}
    back = []
    for before in metadata.get("before") or ():
        row = now.get((before["series"], before["final_only"]))
        if row is None or version_key(row) < version_key(before):
            what = "final" if before["final_only"] else "of any level"
            after = "none" if row is None else row["version"]
            back.append(f"{before['series'] or 'all'}, {what}: {before['version']} to {after}")
    return _result(
        back,
        {"rows": len(now), "went_back": len(back)},
        passed="No latest version went back.",
        failed=f"Latest versions went back: {shortened(back)}. A release was withdrawn, which "
        "fails this check for a week, or a listing lost it: look at its directory on the site; "
        "`pyorg refresh --full` reads all directories again",
    )


def _result(
    samples: Sequence[str], numbers: Mapping[str, int | float], *, passed: str, failed: str
) -> CheckResult:
    """The result of a check that fails if there is a sample of what is wrong."""
    return CheckResult(not samples, failed if samples else passed, numbers, samples[:_MOST_SAMPLES])


def _unrecognised_share(counts: Mapping[str, Any]) -> float:
    files = counts["artifacts"] + counts["unrecognised"]
    return counts["unrecognised"] / files if files else 0.0


def _is_source(row: Mapping[str, Any]) -> bool:
    return (
        row["artifact_type"] == "source-release"
        and row["format"] in SOURCE_PREFERENCE
        and not row["debug"]
        and not any(row[flag] for flag in SET_ASIDE)
    )
