"""Archives that are whole, cut, damaged, and followed by something else."""

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

from pyorg_pipeline.downloads.archives import (
    UNPACKED_AT_LEAST,
    CheckedArchive,
    archive_kind,
    check_archive,
)
from pyorg_pipeline.errors import InvalidArgumentError, VerificationError

NOISE = random.Random(314).randbytes(150_000)
FILES = {"README": b"This is Python.\n" * 40, "empty": b"", "Lib/noise.bin": NOISE}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar.xz": lzma.compress,
    ".tgz": gzip.compress,
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
}
ENDINGS = [*PACKERS, ".zip"]
KINDS = {".tar.xz": "xz", ".tgz": "gzip", ".tar.gz": "gzip", ".tar.bz2": "bzip2", ".zip": "zip"}


def tar(files: dict[str, bytes] = FILES, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zipped(files: dict[str, bytes] = FILES, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def packed(ending: str) -> bytes:
    return zipped() if ending == ".zip" else PACKERS[ending](tar())


def check(folder: Path, content: bytes, ending: str) -> CheckedArchive:
    path = folder / f"Python-3.3.0{ending}"
    path.write_bytes(content)
    return check_archive(path)


def refused(folder: Path, content: bytes, ending: str) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        check(folder, content, ending)
    error = caught.value
    assert error.subject == f"Python-3.3.0{ending}"
    assert error.expected == f"a whole {KINDS[ending]} archive"
    assert error.actual_source == f"the {len(content)} bytes received"
    return error


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_whole_archive_is_read_to_its_end(tmp_path: Path, ending: str) -> None:
    checked = check(tmp_path, packed(ending), ending)
    unpacked = sum(map(len, FILES.values())) if ending == ".zip" else len(tar())
    assert checked == (KINDS[ending], 3, unpacked)


def test_the_name_tells_the_format_and_may_be_another_than_the_file_s(tmp_path: Path) -> None:
    path = tmp_path / "whatever.part"
    path.write_bytes(packed(".tgz"))
    assert check_archive(path, "Python-2.7.TGZ").kind == "gzip"
    assert archive_kind("Python-3.14.0.tar.xz") == "xz"
    assert archive_kind("python-3.14.0-amd64.exe") is None
    with pytest.raises(InvalidArgumentError, match="no archive that can be checked"):
        check_archive(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_cut_anywhere_is_refused(tmp_path: Path, ending: str) -> None:
    whole = packed(ending)
    ends = {*range(0, len(whole), len(whole) // 60), *range(len(whole) - 40, len(whole))}
    for end in sorted(ends):
        error = refused(tmp_path, whole[:end], ending)
        assert any(word in error.actual for word in ("cut off", "empty", "damaged")), end


@pytest.mark.parametrize("ending", [*PACKERS])
def test_an_archive_with_a_damaged_byte_is_refused(tmp_path: Path, ending: str) -> None:
    """Header fields without a meaning for the content have no checksum in gzip's format."""
    whole = packed(ending)
    free = range(4, 10) if KINDS[ending] == "gzip" else range(0)
    chance = random.Random(5)
    places = [0, 1, 2, 3, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(60))]
    for place in sorted(set(places) - set(free)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            refused(tmp_path, bytes(damaged), ending)
        except pytest.fail.Exception:
            # gzip's flags: a name or comment that ends before the data does no harm to it.
            assert PACKERS[ending] is gzip.compress
            assert gzip.decompress(bytes(damaged)) == tar()


def test_a_zip_with_a_damaged_byte_is_refused_or_holds_the_same(tmp_path: Path) -> None:
    """Dates and attributes in its headers have no checksum."""
    whole = zipped()
    chance = random.Random(7)
    found = 0
    directory = whole.index(b"PK\x01\x02")
    places = [*range(60), *range(directory, len(whole)), *chance.sample(range(len(whole)), 100)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            check(tmp_path, bytes(damaged), ".zip")
        except VerificationError:
            found += 1
            continue
        with zipfile.ZipFile(io.BytesIO(bytes(damaged))) as archive:
            assert sorted(archive.read(info) for info in archive.infolist()) == sorted(
                FILES.values()
            )
    assert found > 150


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("more", [b"x", b"<html></html>", b"\0\0\0\0more", NOISE])
def test_an_archive_that_something_follows_is_refused(
    tmp_path: Path, ending: str, more: bytes
) -> None:
    refused(tmp_path, packed(ending) + more, ending)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("content", [b"<html><title>503</title></html>", b"\0" * 2000, NOISE])
def test_what_is_no_archive_is_refused(tmp_path: Path, ending: str, content: bytes) -> None:
    refused(tmp_path, content, ending)


@pytest.mark.parametrize("ending", [*PACKERS])
def test_streams_one_after_another_and_zeros_behind_them_are_whole(
    tmp_path: Path, ending: str
) -> None:
    whole = tar()
    half = len(whole) // 2
    streams = PACKERS[ending](whole[:half]) + PACKERS[ending](whole[half:])
    assert check(tmp_path, streams + bytes(70_000), ending) == (KINDS[ending], 3, len(whole))


@pytest.mark.parametrize("ending", [*PACKERS])
def test_a_stream_that_is_whole_but_no_tar_is_refused(tmp_path: Path, ending: str) -> None:
    error = refused(tmp_path, PACKERS[ending](b"<html>" * 1000), ending)
    assert "tar header at byte 0 of the unpacked data is damaged" in error.actual
    assert "no tar archive" in refused(tmp_path, PACKERS[ending](b""), ending).actual


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_of_any_format_with_links_and_long_names_is_whole(tmp_path: Path, format: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        folder = tarfile.TarInfo("Python-3.3.0/")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("Python-3.3.0/link")
        link.type, link.linkname, link.size = tarfile.SYMTYPE, "README", 5000
        archive.addfile(link)
        member = tarfile.TarInfo("Python-3.3.0/" + "d" * 80 + "/" + "f" * 90)
        member.size = 700
        archive.addfile(member, io.BytesIO(bytes(700)))
    assert check(tmp_path, gzip.compress(out.getvalue()), ".tgz").unpacked == len(out.getvalue())


def test_a_tar_without_its_end_mark_is_whole_and_one_cut_within_a_member_is_not(
    tmp_path: Path,
) -> None:
    whole = tar({"one": b"1" * 1000, "two": b"2" * 1000})
    assert check(tmp_path, gzip.compress(whole[: 4 * 512 + 1024]), ".tgz").members == 2
    for end in (100, 512, 900, 1536 + 200, 1536 + 512, 3071):
        error = refused(tmp_path, gzip.compress(whole[:end]), ".tgz")
        assert "within a member" in error.actual or "no tar archive" in error.actual, end
    damaged = bytearray(whole)
    damaged[1536 + 30] ^= 1
    error = refused(tmp_path, gzip.compress(damaged), ".tgz")
    assert "tar header at byte 1536 of the unpacked data is damaged" in error.actual


def test_a_v7_tar_with_a_signed_checksum_and_a_directory_by_its_slash_is_whole(
    tmp_path: Path,
) -> None:
    header = bytearray(512)
    header[:6] = b"caf\xe9s/"
    header[124:136] = b"     123456 "
    header[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in header)
    header[148:156] = b"%6o\0 " % signed
    assert check(tmp_path, gzip.compress(bytes(header) + bytes(1024)), ".tgz").members == 1


def test_a_sparse_member_of_gnu_tar_is_followed_to_its_end(tmp_path: Path) -> None:
    def header(size: int, kind: bytes) -> bytearray:
        block = bytearray(512)
        block[:4] = b"name"
        block[124:136] = b"%011o\0" % size
        block[156:157] = kind
        return block

    def summed(block: bytearray) -> bytes:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)

    sparse = header(512, b"S")
    sparse[482] = 1
    map_block = bytearray(b"\1" * 512)
    last_map_block = bytearray(b"\1" * 512)
    last_map_block[504] = 0
    stream = summed(sparse) + map_block + last_map_block + b"d" * 512
    stream += summed(header(0, b"0")) + bytes(1024)
    assert check(tmp_path, gzip.compress(stream), ".tgz").members == 2
    refused(tmp_path, gzip.compress(stream[:1024]), ".tgz")


def test_a_size_that_is_no_number_or_beyond_belief_is_refused(tmp_path: Path) -> None:
    for field in (b"99999999999\0", b"\xff" * 12, b"-0000000001\0"):
        block = bytearray(512)
        block[:4] = b"name"
        block[124:136] = field
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        error = refused(tmp_path, gzip.compress(bytes(block) + bytes(1024)), ".tgz")
        assert "has no size" in error.actual


def test_an_xz_stream_without_checksums_proves_nothing(tmp_path: Path) -> None:
    error = refused(tmp_path, lzma.compress(tar(), check=lzma.CHECK_NONE), ".tar.xz")
    assert "without checksums" in error.actual


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bomb_is_given_up_in_little_memory(tmp_path: Path, ending: str) -> None:
    size = UNPACKED_AT_LEAST + 50_000_000
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
        with pytest.raises(VerificationError, match="unpacks to more than"):
            check_archive(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_dictionary_beyond_belief_is_refused(tmp_path: Path) -> None:
    stream = bytearray(lzma.compress(tar()))
    # The block header's dictionary size (xz's file format, 5.3.1), and the header's CRC-32.
    stream[16] = 34
    stream[20:24] = zlib.crc32(stream[12:20]).to_bytes(4, "little")
    assert "emory" in refused(tmp_path, bytes(stream), ".tar.xz").actual


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_by_another_method_is_refused(tmp_path: Path, method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("README", b"text")
    assert f"method {method}" in refused(tmp_path, out.getvalue(), ".zip").actual


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    whole = bytearray(zipped())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(tmp_path, bytes(whole), ".zip").actual


def test_a_zip_may_have_a_comment_and_an_empty_one_is_whole(tmp_path: Path) -> None:
    assert check(tmp_path, zipped(comment=b"Python" * 99), ".zip").members == 3
    assert check(tmp_path, zipped({}), ".zip") == ("zip", 0, 0)


def test_a_zip_behind_something_else_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, b"MZ a program\n" + zipped(), ".zip")
    assert "does not start with a member" in error.actual


def test_a_file_that_is_not_there_is_no_broken_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_archive(tmp_path / "Python-3.3.0.tgz")
