"""The tree that a replica serves: files with made-up bytes, in directories that change."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Any, Final

from pyorg_pipeline.demo.replica.record import RecordedEntry
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, SBOM_SUFFIX

#: The size of a file that is added with neither a size nor a content.
DEFAULT_SIZE: Final = 1000


@dataclass(frozen=True)
class File:
    """A file of the replica.

    Without a content its bytes are generated: the same in every run, different for every file.
    """

    #: Below the site's root.
    path: str
    size: int
    #: UTC, to the second.
    last_modified: datetime
    content: bytes | None = None
    #: How often it was replaced, so that its bytes differ even where size and date are kept.
    generation: int = 0

    def read(self) -> bytes:
        """Its bytes."""
        if self.content is not None:
            return self.content
        title = f"Made up by pyorg_pipeline's replica of the site: {self.path}, {self.size} bytes\n"
        start = title.encode("utf-8", "surrogateescape")[: self.size]
        seconds = int(self.last_modified.timestamp())
        noise = shake_256(start + f"{seconds} {self.generation}".encode())
        return start + noise.digest(self.size - len(start))


@lru_cache(maxsize=4096)
def _sha256(file: File) -> bytes:
    return sha256(file.read()).digest()


def companion_content(path: str, artifact: File, size: int) -> bytes | None:
    """A Sigstore bundle or SBOM with the artifact's digest, padded to `size`; None if it is longer.

    It has the form of a real one but no valid signature: downloads are verified by the digest, and
    `verify='signature'` refuses them.
    """
    digest = _sha256(artifact)
    content: dict[str, Any]
    if path.endswith(BUNDLE_SUFFIX):
        made_up = b64encode(b"made up").decode()
        message_digest = {"algorithm": "SHA2_256", "digest": b64encode(digest).decode()}
        content = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"certificate": {"rawBytes": made_up}, "tlogEntries": []},
            "messageSignature": {"messageDigest": message_digest, "signature": made_up},
        }
    else:
        package = {
            "SPDXID": "SPDXRef-PACKAGE-cpython",
            "name": "CPython",
            "packageFileName": artifact.path.rpartition("/")[2],
            "checksums": [{"algorithm": "SHA256", "checksumValue": digest.hex()}],
        }
        content = {
            "SPDXID": "SPDXRef-DOCUMENT",
            "spdxVersion": "SPDX-2.3",
            "packages": [package],
        }
    encoded = json.dumps(content).encode()
    return encoded.ljust(size) if len(encoded) <= size else None


class ReplicaTree:
    """The files and directories below the site's root; safe to use from several threads.

    Paths are relative to the root: `3.13.0/` for a directory, `3.13.0/Python-3.13.0.tgz` for a
    file, an empty one for the root. A directory's date moves as on a real file system: when an
    entry is added, removed or renamed in it, and not when something changes further down. Dates
    are those given, or now.
    """

    def __init__(self, entries: Iterable[RecordedEntry]) -> None:
        self._lock = threading.Lock()
        #: The children of each directory by name: files, and the dates of subdirectories, whose
        #: names end in a slash.
        self._directories: dict[str, dict[str, File | datetime]] = {"": {}}
        for path, size, last_modified in entries:
            parent, name = _split(path)
            siblings = self._make_directory(parent, last_modified)
            if size is None:
                siblings[name] = last_modified
                self._directories.setdefault(path, {})
            else:
                siblings[name] = File(path, size, last_modified)

    def listing(self, path: str) -> list[Entry] | None:
        """The entries of the directory at `path` at one moment; None if there is none."""
        with self._lock:
            children = self._directories.get(path)
            if children is None:
                return None
            return [
                Entry(name, False, child.last_modified.replace(second=0), child.size)
                if isinstance(child, File)
                else Entry(name.rstrip("/"), True, child.replace(second=0), None)
                for name, child in children.items()
            ]

    def file(self, path: str) -> File | None:
        """The file at `path`; a bundle or SBOM without a given content has the right digest."""
        parent, name = _split(path)
        with self._lock:
            siblings = self._directories.get(parent, {})
            file = siblings.get(name)
            if not isinstance(file, File):
                return None
            suffixes = (suffix for suffix in (BUNDLE_SUFFIX, SBOM_SUFFIX) if name.endswith(suffix))
            artifact = siblings.get(name.removesuffix(next(suffixes, "")))
        if isinstance(artifact, File) and artifact is not file and file.content is None:
            return replace(file, content=companion_content(path, artifact, file.size))
        return file

    def add(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
    ) -> None:
        """Add a file, or a directory (`path` ends in a slash), and the directories above it."""
        parent, name = _split(path)
        when = _to_second(last_modified)
        with self._lock:
            siblings = self._make_directory(parent, when)
            if name in siblings:
                raise ValueError(f"{path!r} exists already")
            if path.endswith("/"):
                self._make_directory(path, when)
            else:
                if size is None:
                    size = DEFAULT_SIZE if content is None else len(content)
                siblings[name] = File(path, size, when, content)
                self._set_directory_date(parent, when)

    def replace(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
    ) -> None:
        """Rename another file over this one; its size stays if none and no content is given."""
        when = _to_second(last_modified)
        with self._lock:
            siblings, name = self._find(path)
            old = siblings[name]
            assert isinstance(old, File), f"{path!r} is a directory"
            if size is None:
                size = old.size if content is None else len(content)
            siblings[name] = File(path, size, when, content, old.generation + 1)
            self._set_directory_date(_split(path)[0], when)

    def remove(self, path: str, *, last_modified: datetime | None = None) -> None:
        """Remove a file, or a directory with everything in it."""
        with self._lock:
            siblings, name = self._find(path)
            del siblings[name]
            if path.endswith("/"):
                for below in [known for known in self._directories if known.startswith(path)]:
                    del self._directories[below]
            self._set_directory_date(_split(path)[0], _to_second(last_modified))

    def touch(self, path: str, last_modified: datetime) -> None:
        """Set the date of a file or directory, and nothing else."""
        when = _to_second(last_modified)
        with self._lock:
            siblings, name = self._find(path)
            child = siblings[name]
            siblings[name] = replace(child, last_modified=when) if isinstance(child, File) else when

    def _find(self, path: str) -> tuple[dict[str, File | datetime], str]:
        """The children of the directory that holds `path`, and its name among them."""
        parent, name = _split(path)
        siblings = self._directories.get(parent, {})
        if name not in siblings:
            raise ValueError(f"{path!r} does not exist")
        return siblings, name

    def _make_directory(self, path: str, when: datetime) -> dict[str, File | datetime]:
        """The children of the directory at `path`, which is made if it does not exist."""
        if path not in self._directories:
            parent, name = _split(path)
            self._make_directory(parent, when)[name] = when
            self._set_directory_date(parent, when)
            self._directories[path] = {}
        return self._directories[path]

    def _set_directory_date(self, path: str, when: datetime) -> None:
        if path:  # the root's own date is shown nowhere
            parent, name = _split(path)
            self._directories[parent][name] = when


def _split(path: str) -> tuple[str, str]:
    """The directory that holds `path`, and the last name in it, with a directory's slash."""
    parent, slash, name = path.rstrip("/").rpartition("/")
    return parent + slash, name + ("/" if path.endswith("/") else "")


def _to_second(date: datetime | None) -> datetime:
    """A date as a file system stores it: UTC, to the second; now if there is none."""
    return (datetime.now(UTC) if date is None else date.astimezone(UTC)).replace(microsecond=0)
