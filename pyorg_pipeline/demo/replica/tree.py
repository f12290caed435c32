"""The tree that a replica serves: directories and files that change while they are read.

Names, sizes, dates and contents, and how a change moves a directory's date on a real file system.
No HTTP, no HTML. Files are values that never change; a directory's entries are handed out as a copy
made under the lock, so that a page shows one consistent state.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Final

from pyorg_pipeline.demo.replica.companions import artifact_of, made_up_companion
from pyorg_pipeline.demo.replica.record import RecordedEntry
from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.entries import Entry

#: Of a file that is added with neither a size nor a content.
DEFAULT_SIZE: Final = 1000
_BLOCK: Final = 1 << 16
_COUNTER: Final = 8


@dataclass(frozen=True)
class File:
    """A file of the replica.

    Without a content its bytes are made up out of its path, size, date and generation: the same in
    every run, others for another file, and any stretch of them can be had without the rest. Those
    of a file about an artifact tell the digest of the artifact's bytes, if its size allows that.
    """

    #: Below the site's root.
    path: str
    size: int
    #: UTC, to the second.
    last_modified: datetime
    content: bytes | None = None
    #: How often it was replaced, so that its bytes differ even where size and date are kept.
    generation: int = 0
    #: The artifact that it tells the digest of.
    about: File | None = None

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`, which lie within the file."""
        content = self.content
        if content is None and self.about is not None:
            content = _companion(self)
        if content is not None:
            return content[start:stop]
        first = start // _BLOCK
        blocks = b"".join(self._block(number) for number in range(first, -(-stop // _BLOCK)))
        return blocks[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> bytes:
        """One block of made-up bytes; its number is in it, so that a shifted copy differs."""
        seconds = int(self.last_modified.timestamp())
        noise = _noise(f"{self.path}\0{self.size}\0{seconds}\0{self.generation}", self._is_html)
        start = b"%07x\n" % number if self._is_html else number.to_bytes(_COUNTER)
        if number == 0:
            start = self._title()
        return start + noise[len(start) :]

    def _title(self) -> bytes:
        text = f"Made up by pyorg_pipeline's replica of the site: {self.path}, {self.size} bytes\n"
        if self._is_html:
            text = f"<html>\n<head><title>{text}</title></head>\n<body>\n<h1>No listing</h1>\n<pre>"
        return text.encode("utf-8", "surrogateescape")

    @property
    def _is_html(self) -> bool:
        return self.path.endswith((".html", ".htm"))


# A few files' worth: it makes long downloads cheap, and a tree of 95 GB costs no memory.
@lru_cache(maxsize=32)
def _noise(seed: str, printable: bool) -> bytes:
    """A block of bytes that depend on the seed alone; lines of hexadecimal digits if printable."""
    digest = shake_256(seed.encode("utf-8", "surrogateescape"))
    if not printable:
        return digest.digest(_BLOCK)
    digits = digest.hexdigest(_BLOCK // 2)
    return "".join(digits[at : at + 63] + "\n" for at in range(0, _BLOCK, 64)).encode()


# A download asks for a bundle, then for a bill of materials; each is sent a piece at a time.
@lru_cache(maxsize=8)
def _companion(file: File) -> bytes | None:
    assert file.about is not None
    return made_up_companion(file.path.rpartition("/")[2], _sha256(file.about), file.size)


@lru_cache(maxsize=4096)
def _sha256(file: File) -> bytes:
    digest = sha256()
    for at in range(0, file.size, _BLOCK):
        digest.update(file.read(at, min(at + _BLOCK, file.size)))
    return digest.digest()


@dataclass
class _Directory:
    last_modified: datetime
    children: dict[str, _Directory | File] = field(default_factory=dict)


class ReplicaTree:
    """The files and directories below the site's root; safe to use from several threads.

    Paths are relative to the root; a directory's ends in a slash. Whatever cannot be done raises
    InvalidArgumentError and changes nothing.
    """

    def __init__(self, entries: Iterable[RecordedEntry]) -> None:
        self._lock = threading.Lock()
        self._root = _Directory(_second(None))
        for entry in entries:
            self._load(entry)

    def look_up(self, path: str) -> File | list[Entry] | None:
        """The file at `path`, the entries of the directory there, or None.

        Here a directory's path has no slash at its end, and the root's is empty.
        """
        with self._lock:
            node: _Directory | File | None = self._root
            beside: Mapping[str, _Directory | File] = {}
            for name in path.split("/") if path else ():
                beside = node.children if isinstance(node, _Directory) else {}
                node = beside.get(name)
            if isinstance(node, _Directory):
                return [_entry(name, child) for name, child in node.children.items()]
            artifact = artifact_of(path.rpartition("/")[2])
            about = None if artifact is None else beside.get(artifact)
            if node is not None and isinstance(about, File):
                return replace(node, about=about)
            return node

    def add(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
    ) -> None:
        """Add a file, or a directory, and the directories above it that are missing."""
        names, when = _names(path), _second(last_modified)
        child: _Directory | File
        if path.endswith("/"):
            if size is not None or content is not None:
                raise InvalidArgumentError(f"{path!r} is a directory: it has no size, no content")
            child = _Directory(when)
        else:
            child = File(path, _size(path, size, content, DEFAULT_SIZE), when, content)
        with self._lock:
            parent = self._parent(path, names, missing_made_at=when)
            if names[-1] in parent.children:
                raise InvalidArgumentError(f"{path!r} is there already: use replace")
            parent.children[names[-1]] = child
            parent.last_modified = when

    def replace(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
        renamed: bool = True,
    ) -> None:
        """Give a file other bytes; without a size and a content it keeps its size.

        `renamed`: another file was renamed over it, which moves its directory's date; otherwise it
        was written in place, which does not.
        """
        names, when = _names(path), _second(last_modified)
        with self._lock:
            parent = self._parent(path, names)
            old = self._child(path, parent, names[-1])
            if not isinstance(old, File):
                raise InvalidArgumentError(f"{path!r} is a directory: only files are replaced")
            parent.children[names[-1]] = replace(
                old,
                size=_size(path, size, content, old.size),
                last_modified=when,
                content=content,
                generation=old.generation + 1,
            )
            if renamed:
                parent.last_modified = when

    def remove(self, path: str, *, last_modified: datetime | None = None) -> None:
        """Remove a file, or a directory with everything in it; its directory's date moves."""
        names, when = _names(path), _second(last_modified)
        with self._lock:
            parent = self._parent(path, names)
            self._child(path, parent, names[-1])
            del parent.children[names[-1]]
            parent.last_modified = when

    def touch(self, path: str, last_modified: datetime) -> None:
        """Set the date of a file or a directory, and nothing else."""
        names, when = _names(path), _second(last_modified)
        with self._lock:
            parent = self._parent(path, names)
            child = self._child(path, parent, names[-1])
            if isinstance(child, File):
                parent.children[names[-1]] = replace(child, last_modified=when)
            else:
                child.last_modified = when

    def _load(self, entry: RecordedEntry) -> None:
        """Put a recorded entry in its place; dates are recorded, so none moves."""
        *above, name = _names(entry.path)
        directory = self._root
        for step in above:
            node = directory.children.setdefault(step, _Directory(entry.last_modified))
            if isinstance(node, File):
                raise InvalidArgumentError(f"{entry.path!r}: {node.path!r} is a file")
            directory = node
        there = directory.children.get(name)
        if isinstance(there, File if entry.size is None else _Directory):
            raise InvalidArgumentError(f"{entry.path!r} is both a file and a directory")
        if entry.size is not None:
            directory.children[name] = File(entry.path, entry.size, entry.last_modified)
        elif isinstance(there, _Directory):  # its files came first
            there.last_modified = entry.last_modified
        else:
            directory.children[name] = _Directory(entry.last_modified)

    def _parent(
        self, path: str, names: list[str], missing_made_at: datetime | None = None
    ) -> _Directory:
        """The directory that holds the last of `names`."""
        directory = self._root
        for name in names[:-1]:
            node = directory.children.get(name)
            if node is None and missing_made_at is not None:
                node = directory.children[name] = _Directory(missing_made_at)
                directory.last_modified = missing_made_at
            if not isinstance(node, _Directory):
                raise InvalidArgumentError(f"{path!r}: there is no directory {name!r} on its way")
            directory = node
        return directory

    @staticmethod
    def _child(path: str, parent: _Directory, name: str) -> _Directory | File:
        child = parent.children.get(name)
        if child is None:
            raise InvalidArgumentError(f"{path!r} is not there")
        if isinstance(child, _Directory) != path.endswith("/"):
            raise InvalidArgumentError(
                f"{path!r}: a directory's path ends in a slash, a file's not"
            )
        return child


def _names(path: str) -> list[str]:
    names = path.removesuffix("/").split("/")
    if "\0" in path or {"", ".", ".."} & set(names):
        raise InvalidArgumentError(f"{path!r} is no path below the site's root")
    return names


def _second(date: datetime | None) -> datetime:
    """A date as a file system tells it: UTC, to the second; now if there is none."""
    if date is None:
        date = datetime.now(UTC)
    if date.tzinfo is None:
        raise InvalidArgumentError(f"{date} has no time zone: use datetime(..., tzinfo=UTC)")
    return date.astimezone(UTC).replace(microsecond=0)


def _size(path: str, size: int | None, content: bytes | None, otherwise: int) -> int:
    if content is None:
        size = otherwise if size is None else size
        if size < 0:
            raise InvalidArgumentError(f"{path!r}: {size} is no size")
        return size
    if size not in {None, len(content)}:
        raise InvalidArgumentError(f"{path!r}: the content has {len(content)} bytes, not {size}")
    return len(content)


def _entry(name: str, child: _Directory | File) -> Entry:
    is_directory = isinstance(child, _Directory)
    size = None if isinstance(child, _Directory) else child.size
    return Entry(name, is_directory, child.last_modified.replace(second=0), size)
