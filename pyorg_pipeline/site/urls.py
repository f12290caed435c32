"""URLs of the site: its base URL, and the targets of redirects, which may not leave its origin."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest
from urllib3.exceptions import HTTPError

from pyorg_pipeline.errors import InvalidArgumentError, SiteError
from pyorg_pipeline.model.text import without_credentials

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What requests and urllib3 raise for URLs that they cannot parse.
_UNPARSABLE: Final = (OSError, ValueError, HTTPError)


def normalize_base_url(base_url: str) -> str:
    """Return a base URL as requests would send it, with a final slash; credentials are kept.

    Raises InvalidArgumentError unless it is an http or https URL without query and fragment.
    """

    def invalid(reason: str) -> InvalidArgumentError:
        shown = re.sub(r"//.*@", "//***@", base_url)
        return InvalidArgumentError(
            f"invalid site URL {shown!r}: {reason}; use one like https://www.python.org/ftp/python/"
        )

    if not re.match(r"\s*https?://", base_url, re.IGNORECASE):
        raise invalid("it does not start with http:// or https://")
    try:
        url = _normalize(base_url.strip())
        # Fails for what no name server could look up: empty labels, or labels that are too long.
        _origin(url)[1].encode("idna")
        parts = urlsplit(url)
    except _UNPARSABLE:
        # Without the cause, which shows the URL with its credentials.
        raise invalid("it cannot be parsed") from None
    if parts.query or parts.fragment:
        raise invalid("it has a query or a fragment")
    return url if url.endswith("/") else f"{url}/"


def redirect_target(url: str, location: str) -> str:
    """Return where a redirect leads, without credentials and fragment; SiteError if elsewhere.

    It has to have the same origin; http to https on the default ports of the same host is allowed
    too, but not the way back, which would send credentials unencrypted.
    """
    here = _origin(url)
    allowed = [here]
    if here == ("http", here[1], 80):
        allowed.append(("https", here[1], 443))
    with suppress(*_UNPARSABLE):
        # Normalized before the check: two parsers may disagree about the host of a crafted URL.
        target = _normalize(urljoin(url, location.encode("latin-1").decode(errors="replace")))
        if _origin(target) in allowed:
            return without_credentials(urlsplit(target)._replace(fragment="").geturl())
    raise SiteError(
        url,
        f"it redirects to another site, {without_credentials(location)[:200]!r}, which is not "
        "followed; if the site has moved, configure its new URL",
    )


def _origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL (RFC 9110, 4.3.1)."""
    parts = urlsplit(url)
    port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def _normalize(url: str) -> str:
    """Return a URL as requests would send it: quoted, its host in lower case and in ASCII."""
    request = PreparedRequest()
    request.prepare_url(url, None)
    assert request.url is not None
    return request.url
