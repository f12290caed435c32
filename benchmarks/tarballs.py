"""Files of recorded names and sizes with random bytes and made-up bundles, for nginx to serve."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pyorg_pipeline.demo.replica.tree import Node, read_record

#: Releases whose tarballs have recorded sizes.
_RELEASES: Final = (
    "3.12.13",
    "3.12.14",
    "3.13.12",
    "3.13.13",
    "3.13.14",
    "3.13.15",
    "3.14.3",
    "3.14.4",
)
_PIECE: Final = 1024 * 1024
#: Bytes of the files that memory is measured with.
_LARGE: Final = (25_000_000, 400_000_000)


@dataclass(frozen=True, slots=True)
class File:
    """A file that is served."""

    #: Below the site's root.
    path: str
    #: The file name to store it under.
    name: str
    #: Bytes.
    size: int
    #: In hexadecimal.
    sha256: str


@dataclass(frozen=True, slots=True)
class Served:
    """What nginx serves."""

    #: The folder with ftp/python in it.
    folder: Path
    files: Sequence[File]
    #: The files as JSON, for the programs that fetch them.
    listing: Path

    def part(self, name: str, files: Sequence[File]) -> Path:
        """A listing of these files alone."""
        listing = self.folder / f"{name}.json"
        listing.write_text(json.dumps([asdict(file) for file in files]))
        return listing


def source_tarballs() -> list[Node]:
    """Eight source tarballs of the record."""
    paths = {f"{release}/Python-{release}.tar.xz" for release in _RELEASES}
    return [entry for entry in read_record() if entry.path in paths]


def build_served(folder: Path, entries: Sequence[Node]) -> Served:
    """Make these entries with random bytes and a bundle each, unless they exist."""
    wanted = [(entry.path, entry.size or 0, entry.last_modified.timestamp()) for entry in entries]
    return _built(folder, "tarballs", wanted)


def large_files(folder: Path) -> Served:
    """A large file and a very large one, outside the release directories."""
    return _built(folder, "large", [(f"large/{size}", size, 1_700_000_000.0) for size in _LARGE])


def _built(folder: Path, name: str, wanted: Sequence[tuple[str, int, float]]) -> Served:
    root = folder / "ftp" / "python"
    listing = folder / f"{name}.json"
    if listing.exists():
        files = [File(**row) for row in json.loads(listing.read_text())]
        if [(file.path, file.size) for file in files] == [(path, size) for path, size, _ in wanted]:
            return Served(folder, files, listing)
    files = []
    for path, size, seconds in wanted:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        files.append(File(path, place.name, size, _write(place, size)))
        bundle = place.with_name(f"{place.name}.sigstore")
        bundle.write_text(json.dumps(_bundle(files[-1].sha256)))
        for written in (place, bundle, place.parent):
            os.utime(written, (seconds, seconds))
    served = Served(folder, files, listing)
    # Last: its presence means that all files are complete.
    served.part(name, files)
    return served


def _write(place: Path, size: int) -> str:
    """Write random bytes, the same ones in each run; returns their SHA-256."""
    digest = hashlib.sha256()
    numbers = random.Random(place.name)
    with place.open("wb") as file:
        for start in range(0, size, _PIECE):
            piece = numbers.randbytes(min(_PIECE, size - start))
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _bundle(sha256: str) -> dict[str, object]:
    """A Sigstore bundle with a digest and an empty signature."""
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": digest},
            "signature": "",
        },
    }
