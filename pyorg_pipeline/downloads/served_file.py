"""Which version of a file a server gave, and whether a later answer continues that very one.

Values and rules, no input and no output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# RFC 9110, 8.8.2.2: a date is a strong validator only if the file was at rest for a while when it
# was sent. One second is the least; the minute of RFC 7232 also bears two clocks that differ.
_AT_REST: Final = timedelta(seconds=60)
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A version of a file, as an answer with status 200 shows it."""

    url: str
    #: Bytes; None where the server declared none.
    size: int | None
    etag: str
    last_modified: str
    #: Content-Encoding, which makes other bytes of the same file.
    encoding: str
    #: What If-Range can say of it; empty where nothing is strong enough (RFC 9110, 13.1.5).
    condition: str

    def size_if_continued(self, headers: Mapping[str, str], start: int) -> int | None:
        """Return the size of the whole, if a 206 with these headers is the rest of this version.

        If-Range asks the server to be sure of that; a server that does not know it, or a cache
        that mixes versions up, is found out here.

        Args:
            headers: Of the 206.
            start: The first byte that was asked for; all from there on were.
        """
        matched = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip().lower())
        if matched is None:
            return None
        first, last, size = map(int, matched.groups())
        length = headers.get("Content-Length", "").strip()
        # RFC 9110, 15.3.7: a 206 carries the ETag that a 200 would have had, but may leave out
        # Last-Modified where the condition was an ETag.
        date = headers.get("Last-Modified", "").strip()
        is_rest = (
            (first, last) == (start, size - 1)
            and self.size in (None, size)
            and length in ("", str(size - start))
            and headers.get("ETag", "").strip() == self.etag
            and (date == self.last_modified or (not date and bool(self.etag)))
            and headers.get("Content-Encoding", "").strip() == self.encoding
        )
        return size if is_rest else None


def served_file(url: str, size: int | None, headers: Mapping[str, str]) -> ServedFile:
    """Return the version that an answer with status 200 gives."""
    etag = headers.get("ETag", "").strip()
    last_modified = headers.get("Last-Modified", "").strip()
    if _is_strong(etag):
        condition = etag
    elif not etag and _was_at_rest(last_modified, headers.get("Date", "")):
        condition = last_modified
    else:
        # A weak ETag says that the bytes may differ: a date would not be better (nginx weakens
        # the tag of what it compresses).
        condition = ""
    encoding = headers.get("Content-Encoding", "").strip()
    return ServedFile(url, size, etag, last_modified, encoding, condition)


def _is_strong(etag: str) -> bool:
    # RFC 9110, 8.8.3. Without quotation marks it would be taken for a date.
    return len(etag) >= 2 and etag.startswith('"') and etag.endswith('"')


def _was_at_rest(last_modified: str, date: str) -> bool:
    try:
        return parsedate_to_datetime(date) - parsedate_to_datetime(last_modified) >= _AT_REST
    # A TypeError where only one of them has a zone.
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
