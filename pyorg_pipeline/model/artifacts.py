"""Artifacts: files that users download for their own sake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from pyorg_pipeline.model.macos import UNIVERSAL
from pyorg_pipeline.model.values import Value, fields_as_json
from pyorg_pipeline.model.versions import (
    LEGACY_DIRECTORY,
    NormalizedPythonVersion,
    full_version,
    parse_release_directory,
)

#: The type of a file that no rule of the grammar matches.
UNRECOGNISED: Final = "unrecognised"
#: The type of a file about an artifact, where one is downloaded like an artifact.
COMPANION: Final = "companion"

#: The site.
PYTHON_ORG: Final = "https://www.python.org/ftp/python/"

#: What is known of a file beside version and type, most of it from its name: fields of an artifact,
#: and columns of tables.
ATTRIBUTES: Final[dict[str, type]] = {
    "format": str,
    "arch": str,
    "min_macos": str,
    "oldest_macos": str,
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
    "misplaced": bool,
}

#: Files with one of these flags are selected only by it: they are not offered for their version.
SET_ASIDE: Final = ("superseded", "misplaced")

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


def is_install_manager_zip(artifact_type: str, path: str) -> bool:
    """Whether an artifact is one of the zips that the install manager for Windows installs.

    Zips with `-embed-` in their names come with the installers.
    """
    is_zip = artifact_type == "windows-release" and path.endswith(".zip")
    return is_zip and "-embed-" not in path


def attribute_texts(name: str, value: object) -> Sequence[str]:
    """The texts with which an attribute's value is asked for; a flag that is None is false.

    A universal binary is also asked for with each of its architectures.
    """
    kind = ATTRIBUTES.get(name, str)
    value = kind() if value is None else value
    text = str(value).lower() if kind is bool else str(value)
    return [text, *UNIVERSAL.get(text, ())] if name == "arch" else [text]


def best_source(sources: Iterable[tuple[str, str | None]]) -> str | None:
    """The path of the best of a release's source archives, of their paths and formats."""
    ranked = [
        # 2.0 is in src/ and in a directory of its own; some names in src/ differ only by case.
        (path.startswith(f"{LEGACY_DIRECTORY}/"), SOURCE_PREFERENCE.index(packing), path)
        for path, packing in sources
        if packing in SOURCE_PREFERENCE
    ]
    return min(ranked)[-1] if ranked else None


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class PythonOrgArtifact(Value):
    """A file of the site, as the catalog has it; its fields are named like the columns there.

    Path-like: `os.fspath` gives `path`. Artifacts sort by version, then by path; those without a
    version come first.
    """

    #: The file's own name.
    name: str
    #: Below the site's root, such as `3.13.9/Python-3.13.9.tgz`.
    path: str
    #: In PEP 440's spelling, such as `3.15.0rc1`; None for unrecognised files.
    version: str | None = None
    #: Such as `source-release`, or `unrecognised`.
    artifact_type: str
    #: What is known beside version and type: this and the other ATTRIBUTES, else None.
    format: str | None = None
    arch: str | None = None
    #: Bytes; None if the site's listing shows no exact size.
    size: int | None = None
    #: UTC, to the minute as the site lists it.
    last_modified: datetime | None = None
    #: Suffixes of the files about this one, such as `.asc` and `.sigstore`.
    companions: tuple[str, ...] = ()
    #: In hexadecimal, as read from a companion or proved by a download; None if none was recorded.
    sha256: str | None = None
    #: Where it is from: `sigstore`, `manifest`, `spdx` or `download`.
    digest_source: str | None = None
    #: Whose signature of the digest was verified, if one was.
    signed_by: str | None = None
    #: That of the file that this one replaced, while its own is unconfirmed and `sha256` is None;
    #: see PythonOrgDownloads.confirm.
    sha256_before: str | None = None
    #: Where to get it.
    url: str
    min_macos: str | None = None
    oldest_macos: str | None = None
    options: str | None = None
    revision: str | None = None
    post_build: str | None = None
    debug: bool | None = None
    free_threaded: bool | None = None
    embed: bool | None = None
    webinstall: bool | None = None
    test: bool | None = None
    pdb: str | None = None
    package: str | None = None
    superseded: bool | None = None
    misplaced: bool | None = None

    @classmethod
    def from_name(
        cls, name: str, directory: str = "", *, site_url: str = PYTHON_ORG
    ) -> PythonOrgArtifact:
        """What is known of a file by its name and release directory, such as `3.13.9`, alone.

        Any text is accepted; a name that no rule knows is `unrecognised`. The directory resolves
        names such as `python31011.chm`. Size, date, companions and digests are in the catalog.
        """
        # The grammar of names imports this module.
        from pyorg_pipeline.model.names import classify_name  # noqa: PLC0415

        directory = directory.strip("/")
        version, artifact_type, attributes = classify_name(name, directory)
        path = f"{directory}/{name}" if directory else name
        values: dict[str, Any] = {
            "version": version.text if version is not None and len(version) == 5 else None,
            "artifact_type": artifact_type,
            **attributes,
        }
        return cls(name=name, path=path, url=site_url + quote(path), **values)

    @property
    def release_version(self) -> NormalizedPythonVersion | None:
        """Five items; three (the directory's) or None for unrecognised files."""
        if self.version is not None:
            return full_version(self.version)
        return parse_release_directory(self.path.partition("/")[0])

    @property
    def attributes(self) -> dict[str, Any]:
        """What is known beside version and type: those of ATTRIBUTES that are not None."""
        named = ((name, getattr(self, name)) for name in ATTRIBUTES)
        return {name: value for name, value in named if value is not None}

    @property
    def is_final(self) -> bool:
        """Whether it belongs to a final release."""
        return self.version is not None and full_version(self.version).is_final

    @property
    def release_type(self) -> str:
        """The name that python-org-downloads has for `artifact_type`."""
        return self.artifact_type

    @property
    def release_format(self) -> dict[str, Any]:
        """What python-org-downloads reports: those of `attributes` that the name says."""
        # The grammar of names imports this module.
        from pyorg_pipeline.model.names import parse_name  # noqa: PLC0415

        return parse_name(self.name, self.path.partition("/")[0]).attributes

    @property
    def related(self) -> list[str]:
        """The name that python-org-downloads has for `companions`, as a list."""
        return list(self.companions)

    def to_dict(self) -> dict[str, Any]:
        """The fields and `is_final` in types that JSON has; times are ISO 8601 in UTC."""
        return {**fields_as_json(self), "is_final": self.is_final}

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, PythonOrgArtifact):
            return NotImplemented
        mine, others = self.release_version or (), other.release_version or ()
        return (mine, self.path) < (others, other.path)
