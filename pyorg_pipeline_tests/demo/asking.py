"""Plain HTTP requests to a replica or an nginx, and their answers."""

from __future__ import annotations

import http.client
from typing import NamedTuple
from urllib.parse import quote, urlsplit


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(url: str, path: str = "", **headers: str) -> Answered:
    """The answer to a GET of `path` below `url`; an underscore in a header's name is a dash."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", address.path + quote(path), headers=sent)
        response = connection.getresponse()
        return Answered(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
