"""Text for messages and tables: shortened lists, URLs without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit


def shortened(texts: Iterable[str], most: int = 3, separator: str = ", ") -> str:
    """The first texts joined, and how many are left out: `a, b, c and 4 more`."""
    every = list(texts)
    rest = len(every) - most
    return separator.join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """A count and its noun: `1 request`, `2,500 requests`, `3 directories`."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun}"


def without_credentials(url: str) -> str:
    """A URL without the user and password before its host."""
    return re.sub(r"//[^/?#]*@", "//", url, count=1)


def origin_text(url: str) -> str:
    """Scheme and host of a URL, such as `https://hooks.example:8443`; `***` if it has none.

    Credentials, path and query are left out: a webhook's are a secret.
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
