"""Artifacts: files that users download for their own sake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pyorg_pipeline.model.versions import LEGACY_DIRECTORY, NormalizedPythonVersion

#: The type of a file that no rule of the grammar matches.
UNRECOGNISED: Final = "unrecognised"

#: What a file name can say beside version and type: the keys of an artifact's `release_format`,
#: and columns of the tables.
ATTRIBUTES: Final[dict[str, type]] = {
    "format": str,
    "arch": str,
    "min_macos": str,
    "options": str,
    "revision": str,
    "post_build": str,
    "debug": bool,
    "free_threaded": bool,
    "embed": bool,
    "webinstall": bool,
    "test": bool,
    "pdb": str,
    "package": str,
    "superseded": bool,
}


#: Packings of a source release, the best first.
SOURCE_PREFERENCE: Final = (
    "tarball_lzma",
    "tarball_zstd",
    "tarball_bzip2",
    "tarball_deflate",
    "archive_deflate",
)


def is_release_type(artifact_type: str) -> bool:
    """Whether an artifact of this type means that its version was released.

    Documentation, debug symbols and manifests only accompany a release.
    """
    return artifact_type.endswith("-release")


def best_source(sources: Iterable[tuple[str, str | None]]) -> str | None:
    """The path of the best of a release's source archives, of their paths and formats."""
    ranked = [
        # 2.0 is in src/ and in a directory of its own; some names in src/ differ only by case.
        (path.startswith(f"{LEGACY_DIRECTORY}/"), SOURCE_PREFERENCE.index(packing), path)
        for path, packing in sources
        if packing in SOURCE_PREFERENCE
    ]
    return min(ranked)[-1] if ranked else None


@dataclass(frozen=True, slots=True, repr=False)
class PythonOrgArtifact:
    """A file of the site, as the catalog has it. Path-like: `os.fspath` gives `path`.

    Artifacts sort by version, then by path; those without a version come first.
    """

    #: The file's own name.
    name: str
    #: Below the site's root, such as `3.13.9/Python-3.13.9.tgz`.
    path: str
    #: Five items; three (the directory's) or None for unrecognised files.
    release_version: NormalizedPythonVersion | None
    #: Such as `source-release`, or `unrecognised`.
    release_type: str
    #: What the name says beside version and type: keys of ATTRIBUTES, only those that apply.
    release_format: dict[str, Any] = field(hash=False)
    #: Suffixes of the files about this one, such as `.asc` and `.sigstore`.
    related: list[str] = field(hash=False)
    #: Bytes; None if the site's listing shows no exact size.
    size: int | None
    #: UTC, to the minute as the site lists it.
    last_modified: datetime | None
    #: Where to get it.
    url: str
    #: In hexadecimal, as read from a companion; None if none was recorded.
    sha256: str | None = None
    #: Which companion that was: `sigstore` or `spdx`.
    digest_source: str | None = None
    #: Whose signature of the digest was verified, if one was.
    signed_by: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether it belongs to a final release."""
        return self.release_version is not None and self.release_version.is_final

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, PythonOrgArtifact):
            return NotImplemented
        mine, others = self.release_version or (), other.release_version or ()
        return (mine, self.path) < (others, other.path)
