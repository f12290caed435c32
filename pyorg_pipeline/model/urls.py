"""URLs as they may be shown, without what is secret in them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


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
