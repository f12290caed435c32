"""Archives that are undamaged, truncated, damaged, and followed by other data."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pyorg_pipeline.downloads.archives import MIN_UNPACKED_LIMIT, check_archive
from pyorg_pipeline.errors import InvalidArchiveError

NOISE = random.Random(314).randbytes(150_000)
FILES = {"README": b"This is Python.\n" * 40, "empty": b"", "Lib/noise.bin": NOISE}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar.xz": lzma.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
}
ENDINGS = [*PACKERS, ".zip"]
LONG = {"Python-3.3.0/" + "d" * 80 + "/" + "f" * 90: b"content"}


def tar(files: dict[str, bytes] = FILES, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zipped(
    files: dict[str, bytes] = FILES, comment: bytes = b"", method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def packed(ending: str) -> bytes:
    return zipped() if ending == ".zip" else PACKERS[ending](tar())


def check(folder: Path, content: bytes, ending: str) -> None:
    path = folder / "some.part"
    path.write_bytes(content)
    check_archive(path, f"Python-3.3.0{ending}")


def refused(folder: Path, content: bytes, ending: str) -> str:
    """The reason for which the archive is refused, and the library's error that it stands for."""
    with pytest.raises(InvalidArchiveError, match=r"not a valid \w+ archive") as caught:
        check(folder, content, ending)
    assert caught.value.subject == f"Python-3.3.0{ending}"
    reason, cause = caught.value.actual, caught.value.__cause__
    assert cause is None or reason == "it is damaged or incomplete"
    return f"{reason} {cause or ''}"


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_truncated_anywhere_is_refused(tmp_path: Path, ending: str) -> None:
    whole = packed(ending)
    check(tmp_path, whole, ending)
    ends = {*range(0, len(whole), len(whole) // 60), *range(len(whole) - 40, len(whole))}
    for end in sorted(ends):
        refused(tmp_path, whole[:end], ending)


def contents(whole: bytes, ending: str) -> list[bytes]:
    if ending == ".zip":
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            return sorted(archive.read(member) for member in archive.infolist())
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        files = [archive.extractfile(member) for member in archive]
        return sorted(file.read() for file in files if file is not None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_with_a_damaged_byte_is_refused_or_holds_the_same(
    tmp_path: Path, ending: str
) -> None:
    """Header fields of gzip and zip without a meaning for the content have no checksum."""
    whole = packed(ending)
    chance = random.Random(5)
    places = {
        *range(40),
        *range(len(whole) - 100, len(whole)),
        *chance.sample(range(len(whole)), 60),
    }
    found = 0
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            check(tmp_path, bytes(damaged), ending)
        except InvalidArchiveError:
            found += 1
        else:
            assert contents(bytes(damaged), ending) == contents(whole, ending)
    assert found > (110 if ending == ".zip" else 185)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("data", [b"x", b"<html>503</html>", bytes(2000) + b"more", NOISE])
def test_other_data_after_an_archive_or_instead_of_it_is_refused(
    tmp_path: Path, ending: str, data: bytes
) -> None:
    refused(tmp_path, packed(ending) + data, ending)
    refused(tmp_path, data, ending)


@pytest.mark.parametrize("ending", [*PACKERS])
def test_several_streams_and_zeros_after_them_are_accepted(tmp_path: Path, ending: str) -> None:
    whole = tar()
    half = len(whole) // 2
    streams = PACKERS[ending](whole[:half]) + PACKERS[ending](whole[half:])
    check(tmp_path, streams + bytes(70_000), ending)


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (gzip.compress(tar(LONG, tarfile.USTAR_FORMAT), mtime=0), ".tgz"),
        (gzip.compress(tar(LONG, tarfile.GNU_FORMAT), mtime=0), ".tar.gz"),
        (zipped(comment=b"Python" * 99), ".zip"),
        (zipped({}), ".zip"),
    ],
)
def test_an_archive_of_any_format_is_accepted(tmp_path: Path, content: bytes, ending: str) -> None:
    check(tmp_path, content, ending)


@pytest.mark.parametrize("ending", [*PACKERS])
@pytest.mark.parametrize("content", [b"<html>" * 1000, b"", bytes(1024)])
def test_a_compressed_file_that_is_no_tarball_is_refused(
    tmp_path: Path, ending: str, content: bytes
) -> None:
    assert "no tar archive is inside" in refused(tmp_path, PACKERS[ending](content), ending)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_decompression_bomb_is_refused_in_little_memory(tmp_path: Path, ending: str) -> None:
    size = MIN_UNPACKED_LIMIT + 50_000_000
    if ending == ".zip":
        bomb = zipped({"zeros": bytes(size)})
    else:
        header = tar({"zeros": b""})[:512]
        bomb = PACKERS[ending](header + bytes(size))
    assert len(bomb) * 100 < 50_000_000
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(bomb)
    del bomb
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArchiveError, match="unpacks to more than"):
            check_archive(path, path.name)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_an_xz_dictionary_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    stream = bytearray(lzma.compress(tar()))
    # The block header's dictionary size (xz's file format, 5.3.1), and the header's CRC-32.
    stream[16] = 34
    stream[20:24] = zlib.crc32(stream[12:20]).to_bytes(4, "little")
    assert "emory" in refused(tmp_path, bytes(stream), ".tar.xz")


def encrypted() -> bytes:
    whole = bytearray(zipped())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    return bytes(whole)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped(method=zipfile.ZIP_BZIP2), "method 12"),
        (zipped(method=zipfile.ZIP_LZMA), "method 14"),
        (encrypted(), "encrypted"),
        (b"MZ a program\n" + zipped(), "other data precedes it"),
        (lzma.compress(tar(), check=lzma.CHECK_NONE), "has no checksums"),
    ],
)
def test_other_kinds_of_archives_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    ending = ".tar.xz" if words == "has no checksums" else ".zip"
    assert words in refused(tmp_path, content, ending)
