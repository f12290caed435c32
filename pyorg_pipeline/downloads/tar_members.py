"""The structure of a tar stream, walked through without keeping anything of it.

Here: headers, their checksums, and how much data follows each (POSIX.1-1988 ustar, GNU, v7, and
the pax headers of POSIX.1-2001). Not here: what the members are; they are neither named nor
unpacked. The standard library's tarfile takes a damaged header for the end of the archive and
keeps every member, hence this.
"""

from __future__ import annotations

from typing import Final

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_SIZE: Final = slice(124, 136)
_CHECKSUM: Final = slice(148, 156)
_TYPE: Final = 156
_NAME: Final = slice(0, 100)
# GNU's old sparse format: whether a further block of its map follows.
_SPARSE_GOES_ON: Final = 482
_SPARSE_MAP_GOES_ON: Final = 504
# Links, devices, directories, pipes: whatever their size says, no data follows (POSIX pax, ustar
# interchange format).
_WITHOUT_DATA: Final = b"123456"
_LARGEST_SIZE: Final = 1 << 62


class TarTrouble(Exception):  # noqa: N818  # it never leaves the archives
    """What is wrong with a tar stream."""


class TarReader:
    """Takes a tar stream piece by piece, in any pieces."""

    def __init__(self) -> None:
        #: Headers so far that stand for something: files, directories, links, long names.
        self.members = 0
        #: Bytes so far.
        self.size = 0
        self._rest = b""
        self._to_skip = 0
        self._in_sparse_map = False
        self._data_after_map = 0
        self._ended = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            TarTrouble: a header is damaged.
        """
        self.size += len(piece)
        if self._ended:
            # What is behind the end is padding, which old writers did not clear.
            return
        if self._to_skip >= len(piece):
            self._to_skip -= len(piece)
            return
        data = self._rest + piece[self._to_skip :]
        self._to_skip = 0
        at = 0
        while at + _BLOCK <= len(data) and not self._ended:
            self._take(data[at : at + _BLOCK], self.size - len(data) + at)
            at += _BLOCK + self._to_skip
            self._to_skip = max(0, at - len(data))
        self._rest = data[at:]

    def finish(self) -> None:
        """Say that the stream is over.

        Raises:
            TarTrouble: it holds no tar archive, or the last member is cut off.
        """
        if not self.members and not self._ended:
            raise TarTrouble("no tar archive is inside")
        # An archive that simply ends behind a member is whole, as GNU tar and tarfile have it.
        if self._to_skip or self._in_sparse_map or (self._rest and not self._ended):
            raise TarTrouble(f"the tar archive is cut off after {self.size} bytes, within a member")

    def _take(self, block: bytes, position: int) -> None:
        if self._in_sparse_map:
            self._in_sparse_map = block[_SPARSE_MAP_GOES_ON] != 0
            if not self._in_sparse_map:
                self._to_skip, self._data_after_map = self._data_after_map, 0
            return
        if block == _ZEROS:
            self._ended = True
            return
        if not _checksum_fits(block):
            raise TarTrouble(f"the tar header at byte {position} of the unpacked data is damaged")
        self.members += 1
        length = _data_length(block, position)
        if block[_TYPE] == ord("S") and block[_SPARSE_GOES_ON]:
            self._in_sparse_map, self._data_after_map = True, length
        else:
            self._to_skip = length


def _data_length(header: bytes, position: int) -> int:
    """The bytes that follow a header, padded to whole blocks."""
    kind = header[_TYPE]
    name = header[_NAME].rstrip(b"\0")
    # The v7 format says by a slash alone that a member is a directory.
    if kind in _WITHOUT_DATA or (kind == 0 and name.endswith(b"/")):
        return 0
    size = _number(header[_SIZE])
    if size is None or not 0 <= size <= _LARGEST_SIZE:
        raise TarTrouble(f"the tar header at byte {position} of the unpacked data has no size")
    return -(-size // _BLOCK) * _BLOCK


def _checksum_fits(header: bytes) -> bool:
    """Whether a header's checksum is right; some old writers summed signed characters."""
    wanted = _number(header[_CHECKSUM])
    rest = header[: _CHECKSUM.start] + b" " * 8 + header[_CHECKSUM.stop :]
    return wanted in {sum(rest), sum(rest) - 256 * sum(byte > 127 for byte in rest)}


def _number(field: bytes) -> int | None:
    """An octal number, or a binary one, as GNU writes large ones; None if it is neither."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:])
    text = field.partition(b"\0")[0].strip()
    if not text:
        return 0
    return int(text, 8) if all(byte in b"01234567" for byte in text) else None
