"""Whom a URL speaks to, and where a redirect may lead: to the same host and no other."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest
from requests.utils import get_auth_from_url
from urllib3 import exceptions as broken

from pyorg_pipeline.errors import InvalidArgumentError, SiteError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def taken_apart(base_url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the base URL, normalised and without credentials, and the credentials."""
    shown = re.sub(r"//.*@", "//***@", base_url)

    def refused(reason: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{shown!r} cannot be the URL of a site: {reason}; "
            "give one like https://www.python.org/ftp/python/"
        )

    if not re.match(r"\s*https?://", base_url, re.IGNORECASE):
        raise refused("it starts with neither http:// nor https://")
    try:
        url = normalised(base_url.strip())
        # What a look-up of the name would trip over: empty labels, or long ones.
        origin_of(url).host.encode("idna")
        parts = urlsplit(url)
    except (OSError, ValueError, broken.HTTPError):
        # Without the cause, which shows the URL as it was given.
        raise refused("it cannot be read") from None
    if parts.query or parts.fragment:
        raise refused("it has a query or a fragment")
    user, password = get_auth_from_url(url)
    auth = (user, password) if user or password else None
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}", auth


def normalised(url: str) -> str:
    """Return the URL as requests would ask for it: quoted, its host in lower case and in ASCII."""
    request = PreparedRequest()
    request.prepare_url(url, None)
    assert request.url is not None
    return request.url


class Origin(NamedTuple):
    """Who is spoken to (RFC 9110, 4.3.1)."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """Return whom a URL speaks to."""
    parts = urlsplit(url)
    port = parts.port
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    return Origin(parts.scheme, parts.hostname or "", port)


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads, if that is the same host.

    From http to https, both on their default ports, is a way on; the way back would show to
    everybody on the line what was sent in secret.
    """
    refusal = SiteError(
        url,
        f"it redirects to {re.sub('//.*@', '//', location)[:200]!r}, which is not the same site "
        "and was not asked; if that is where it moved, make that the site's URL",
    )
    try:
        # What requests makes of it is what would be asked: two parsers may differ on who is meant.
        target = normalised(urljoin(url, location.encode("latin-1").decode(errors="replace")))
        parts = urlsplit(target)
        if parts.scheme not in _DEFAULT_PORTS:
            raise refusal
        here, there = origin_of(url), origin_of(target)
    except (OSError, ValueError, broken.HTTPError):
        raise refusal from None
    upgrade = here.scheme == "http" and here.port == 80 and there == ("https", here.host, 443)
    if there != here and not upgrade:
        raise refusal
    # Without credentials and without the place in the page.
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
