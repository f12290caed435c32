"""What the companions of one artifact say of its digest, as rows for the record.

Here: which companion of an artifact is due, reading it, and the row that comes of it. Not here:
many artifacts at once (`digests`) and the tables (`digest_records`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyorg_pipeline.downloads.sigstore import verify_bundle
from pyorg_pipeline.downloads.verify import ABSENT
from pyorg_pipeline.errors import SiteStatusError, VerificationError
from pyorg_pipeline.model.digests import (
    BUNDLE_SUFFIX,
    DIGEST_SOURCES,
    CompanionError,
    companion_digest,
)
from pyorg_pipeline.model.signers import SIGNERS, Signer
from pyorg_pipeline.refresh.digest_records import Row, in_force
from pyorg_pipeline.site.client import SiteClient

OK: Final = "ok"
MISSING: Final = "missing"
UNREADABLE: Final = "unreadable"
REJECTED: Final = "rejected"
CHANGED: Final = "changed"

#: What `artifacts_with_digests` looks at of a row of release_artifacts.
LISTED: Final = (
    "path",
    "major",
    "minor",
    "companions",
    "companion_sizes",
    "companion_dates",
    "gone_since",
)

#: Nothing is to be done about these until the listing shows another companion. A rejected one may
#: verify with the trust root of another day, a changed one may be taken back.
_SETTLED: Final = frozenset({OK, MISSING, UNREADABLE})


class Companion(NamedTuple):
    """A companion that tells a digest, as the listing shows it."""

    suffix: str
    #: Bytes; None where the listing shows no exact size.
    size: int | None
    last_modified: datetime | None


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact whose companions tell its digest."""

    path: str
    #: Who has to have signed it; None where that is not known.
    signer: Signer | None
    #: The strongest first.
    companions: tuple[Companion, ...]
    #: What is on record of it, by the companion's suffix.
    rows: dict[str, Row]
    #: The digest in force.
    sha256: str | None


def artifacts_with_digests(
    listed: Iterable[dict[str, Any]], rows: Iterable[Row], accept: Collection[str] = ()
) -> list[Artifact]:
    """The artifacts that are there and have companions that tell a digest.

    Args:
        listed: rows of release_artifacts, with the columns LISTED at least.
        rows: what is on record of them.
        accept: paths of which what is on record does not count.
    """
    kept = [row for row in rows if row["path"] not in accept]
    digests = in_force(kept)
    by_path: dict[str, dict[str, Row]] = {}
    for row in kept:
        by_path.setdefault(row["path"], {})[row["companion"]] = row
    found = []
    for artifact in listed:
        if artifact["gone_since"] is not None:
            continue
        companions = _companions(artifact)
        if companions:
            path = artifact["path"]
            digest = digests.get(path)
            found.append(
                Artifact(
                    path,
                    SIGNERS.get((artifact["major"], artifact["minor"])),
                    companions,
                    by_path.get(path, {}),
                    None if digest is None else digest.sha256,
                )
            )
    return found


def _companions(artifact: dict[str, Any]) -> tuple[Companion, ...]:
    suffixes = artifact["companions"]
    # A table that was written before these columns came has none.
    unknown = [None] * len(suffixes)
    sizes = artifact.get("companion_sizes") or unknown
    dates = artifact.get("companion_dates") or unknown
    shown = {entry[0]: Companion(*entry) for entry in zip(suffixes, sizes, dates, strict=True)}
    return tuple(shown[suffix] for suffix in DIGEST_SOURCES if suffix in shown)


def is_due(artifact: Artifact, *, verify: bool) -> bool:
    """Whether one of the artifact's companions has to be read."""
    return _next_due(artifact, artifact.rows, verify=verify) is not None


def read_artifact(client: SiteClient, artifact: Artifact, *, verify: bool) -> list[Row]:
    """Read what is due of an artifact's companions; the rows that are new.

    Args:
        client: the site's.
        artifact: with what is on record of it.
        verify: whether to verify bundles where the signer is known.

    Raises:
        SiteError: a companion could not be had, for another reason than being missing.
    """
    rows = dict(artifact.rows)
    made: dict[str, Row] = {}
    while (companion := _next_due(artifact, rows, verify=verify)) is not None:
        if companion.suffix in made:
            # Read just now, and still unsettled: it is for the next time.
            break
        row = _row(client, artifact, companion, verify=verify)
        rows[companion.suffix] = made[companion.suffix] = row
    return list(made.values())


def _next_due(artifact: Artifact, rows: dict[str, Row], *, verify: bool) -> Companion | None:
    for companion in artifact.companions:
        row = rows.get(companion.suffix)
        if row is None or not _is_settled(row, companion, artifact.signer if verify else None):
            return companion
        if row["state"] != MISSING:
            return None
    return None


def _is_settled(row: Row, companion: Companion, signer: Signer | None) -> bool:
    """Whether a row says all that its companion can tell.

    Args:
        row: what is on record.
        companion: as it is listed now.
        signer: who could be verified now; None for nobody.
    """
    listed = (companion.size, companion.last_modified)
    if row["state"] not in _SETTLED or listed != (
        row["companion_size"],
        row["companion_last_modified"],
    ):
        return False
    is_unverified = companion.suffix == BUNDLE_SUFFIX and row["signed_by"] is None
    return not (row["state"] == OK and is_unverified and signer is not None)


def _row(client: SiteClient, artifact: Artifact, companion: Companion, *, verify: bool) -> Row:
    before = artifact.rows.get(companion.suffix, {})
    suffix = companion.suffix
    row: Row = {
        "path": artifact.path,
        "companion": suffix,
        "sha256": before.get("sha256"),
        "digest_source": DIGEST_SOURCES[suffix],
        "signed_by": before.get("signed_by"),
        "conflicting_sha256": None,
        "error": None,
        "companion_size": companion.size,
        "companion_last_modified": companion.last_modified,
        "checked_at": datetime.now(UTC),
    }
    source = artifact.path + suffix
    content = b""
    try:
        content = client.read_file(source)
        sha256 = companion_digest(suffix, content, source, artifact.path.rpartition("/")[2])
        signed_by = None
        if verify and suffix == BUNDLE_SUFFIX and artifact.signer is not None:
            identity, issuer = artifact.signer
            verify_bundle(content, sha256, identity=identity, issuer=issuer, name=source)
            signed_by = identity
    except SiteStatusError as error:
        if error.status not in ABSENT:
            raise
        return {**row, "state": MISSING}
    except CompanionError as error:
        # With the size of what came: a page that a proxy sent instead has another one than is
        # listed, and the file itself is asked for again.
        size = len(content)
        return {**row, "state": UNREADABLE, "error": error.reason, "companion_size": size}
    except VerificationError as error:
        return {**row, "state": REJECTED, "error": f"{error.what} {error.actual}"}
    if artifact.sha256 not in (None, sha256):
        words = f"it tells another SHA-256, {'signed by ' + signed_by if signed_by else 'unsigned'}"
        return {**row, "state": CHANGED, "conflicting_sha256": sha256, "error": words}
    if row["sha256"] == sha256:
        # The digest was proven before, whether or not it was now.
        signed_by = signed_by or row["signed_by"]
    return {**row, "sha256": sha256, "signed_by": signed_by, "state": OK}
