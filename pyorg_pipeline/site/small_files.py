"""Small files of the site, whole in memory: companions such as signature bundles.

Here: one file's decoded bytes, bounded. Not here: artifacts, which go to a disk piece by piece
(`transfer`), and what stands in a companion (`model.digests`).
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

from pyorg_pipeline.errors import SiteError, SiteUnreachableError
from pyorg_pipeline.site.retry import TransientError

if TYPE_CHECKING:
    from pyorg_pipeline.site.client import FileAnswer

#: Bytes, decoded. A bundle has 10 kB, the largest bill of materials some 3 MB.
LARGEST_COMPANION: Final = 16 * 1024 * 1024
#: Seconds that a file may take altogether, however steadily it drips in.
LONGEST: Final = 120.0

_PIECE: Final = 64 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def read_body(answer: FileAnswer, url: str, limit: int) -> bytes:
    """Return the decoded body of an answer."""
    deadline = time.monotonic() + LONGEST
    content = bytearray()
    for piece in answer.chunks(_PIECE):
        content += piece
        if len(content) > limit:
            raise _too_large(url, limit)
        if time.monotonic() > deadline:
            raise SiteUnreachableError(
                url, f"it was not whole after {LONGEST:g} s; try again later"
            )
    if answer.length is not None and len(content) != answer.length:
        words = "the connection was cut off; try again later"
        raise TransientError(SiteUnreachableError(url, words))
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return bytes(content)
    if encoding not in ("gzip", "x-gzip"):
        raise SiteError(url, f"its Content-Encoding {encoding[:80]!r} was not asked for")
    return _decoded(bytes(content), url, limit)


def _decoded(content: bytes, url: str, limit: int) -> bytes:
    gzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        decoded = gzip.decompress(content, limit + 1)
    except zlib.error as error:
        words = "it cannot be decoded; try again later"
        raise TransientError(SiteUnreachableError(url, words)) from error
    if len(decoded) > limit:
        raise _too_large(url, limit)
    if not gzip.eof:
        words = "it was cut off within its Content-Encoding; try again later"
        raise TransientError(SiteUnreachableError(url, words))
    return decoded


def _too_large(url: str, limit: int) -> SiteError:
    return SiteError(url, f"it is larger than {limit} bytes, which no file of its kind is")
