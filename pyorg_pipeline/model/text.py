"""Text for messages and tables: times, shortened lists, URLs without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit


def iso_text(time: datetime, timespec: str = "seconds") -> str:
    """Return a time in UTC as ISO 8601, with the Z that jq and JavaScript expect."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def reason_text(error: Exception) -> str:
    """Return the message of another library's error in one line; its type if it has no message."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def shortened(texts: Iterable[str], most: int = 3, separator: str = ", ") -> str:
    """Return the first texts joined, and the number of the others: `a, b, c and 4 more`."""
    every = list(texts)
    rest = len(every) - most
    return separator.join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """Return a count and its noun: `1 request`, `2,500 requests`, `3 directories`."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun}"


def without_credentials(url: str) -> str:
    """Return a URL without its user and password."""
    return re.sub(r"//[^/?#]*@", "//", url, count=1)


def origin_text(url: str) -> str:
    """Return scheme and host of a URL, such as `https://hooks.example:8443`; `***` if invalid.

    Credentials, path and query are left out: a webhook's are secret.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "***"
    if not host or parts.scheme not in {"http", "https"}:
        return "***"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
