"""The entries of a listing, and their grouping into artifacts and companions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.names import LONGEST_NAME, classify_name, split_superseded
from pyorg_pipeline.model.versions import NormalizedPythonVersion


class Entry(NamedTuple):
    """One row of a directory listing."""

    #: The file's or directory's own name, percent-decoded, without a slash.
    name: str
    is_directory: bool
    #: UTC, to the minute; None if the site lists no date.
    last_modified: datetime | None
    #: Bytes; None for directories, and if the listing has no exact size.
    size: int | None


class ListedArtifact(NamedTuple):
    """An artifact or an unrecognised file, with its companions."""

    entry: Entry
    release_version: NormalizedPythonVersion | None
    artifact_type: str
    attributes: dict[str, str | bool]
    #: The suffixes of the companions' names, such as `.asc`; sorted.
    companions: tuple[str, ...]
    #: The companions' own rows, in the same order.
    companion_entries: tuple[Entry, ...]


_SIGNATURE_SUFFIXES: Final = (".asc", ".sig", ".sign", ".minisig", ".sigstore")

#: Signatures, certificates, transparency logs, bills of materials and digests. An artifact's
#: companions may have any suffix; an unrecognised file's only these.
_COMPANION_SUFFIX: Final = re.compile(
    r"(?:\.(?:asc|sig|sign|minisig|crt|pem|sigstore|rekor|(?:spdx|cdx)\.json"
    r"|md5|sha1|sha224|sha256|sha384|sha512))+\Z",
    re.ASCII | re.IGNORECASE,
)


def is_signature(suffix: str) -> bool:
    """Whether a companion with that suffix is a signature, by OpenPGP, Sigstore or minisign."""
    return split_superseded(suffix)[0].lower().endswith(_SIGNATURE_SUFFIXES)


def looks_like_companion(name: str) -> bool:
    """Whether a name ends like that of a signature, bill of materials or digest."""
    return _COMPANION_SUFFIX.search(split_superseded(name)[0], 1) is not None


def companion_name(artifact: str, suffix: str) -> str:
    """Return the name, or path, of an artifact's companion with a suffix.

    That of `X_superceded` with `.asc_superceded` is `X.asc_superceded`.
    """
    return artifact.removesuffix(split_superseded(suffix)[1]) + suffix


def group_listing(directory: str, entries: Iterable[Entry]) -> list[ListedArtifact]:
    """Return a directory's artifacts and unrecognised files, sorted by version, then name.

    A file whose name starts with an artifact's name and a dot is that artifact's companion, unless
    it is an artifact itself; the longest such name counts. Companions of superseded artifacts have
    the same mark: `X.asc_superceded` belongs to `X_superceded`. A companion without its artifact
    is an unrecognised file. Subdirectories are left out.
    """
    files = {entry.name: entry for entry in entries if not entry.is_directory}
    parsed = {name: classify_name(name, directory) for name in files}
    recognised = {name for name in files if parsed[name].artifact_type != UNRECOGNISED}
    companions: dict[str, dict[str, Entry]] = {name: {} for name in recognised}
    # An owner's name is shorter than its companions': unrecognised owners come first.
    for name in sorted(files.keys() - recognised, key=len):
        for owner, suffix in _possible_owners(name):
            if owner in recognised or (
                owner in companions and _COMPANION_SUFFIX.match(split_superseded(suffix)[0])
            ):
                companions[owner][suffix] = files[name]
                break
        else:
            companions[name] = {}
    grouped = []
    for name, found in companions.items():
        suffixes = tuple(sorted(found))
        rows = tuple(found[suffix] for suffix in suffixes)
        grouped.append(ListedArtifact(files[name], *parsed[name], suffixes, rows))
    return sorted(grouped, key=lambda listed: (listed.release_version or (), listed.entry.name))


def _possible_owners(name: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a file's name extends, the longest first, each with the suffix."""
    if len(name) > LONGEST_NAME:
        return
    plain, mark = split_superseded(name)
    end = len(plain)
    while (end := name.rfind(".", 1, end)) != -1:
        yield name[:end] + mark, name[end:]
