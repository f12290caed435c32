"""What is asked of both nginx and the replica: a small tree of awkward names, and requests.

Used by the tests, which hold the replica against what nginx answered once, and by
`compare_with_nginx`, which asks a real nginx again. No test of its own.
"""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pyorg_pipeline.demo.replica.server import Replica

DATA = Path(__file__).parents[1] / "site" / "data"
#: Directories whose recorded listing is kept as nginx rendered it, and the name of the file.
KEPT_PAGES = {
    "": "root.html",
    "2.2.3/": "2.2.3.html",
    "3.7.3/": "3.7.3.html",
    "devtest/": "devtest.html",
    "src/": "src.html",
}
ODD_PAGE = "odd_names.html"

#: The date of everything in the odd tree; not on a minute, because listings cut the seconds.
DATE = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
#: 1,000 bytes that tell where they are from.
CONTENT = "".join(f"{number:03} " for number in range(250)).encode()
E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"
THREE_BYTES = "\N{HIRAGANA LETTER A}"
ODD_NAMES = [
    *("a b", "a&b", "a<b>", "a%b", "a%2Fb", "a#b", "a?b", "a+b", "a:b", "a'b", 'a"b', "a~b"),
    *("a\tb", "a\x7fb", "a;b=c,d@e!$()*[]^`{|}\\", ".hidden", "&" * 51, '"' * 47 + "<" * 4),
    *("A", "a", "Z", "_", "10", "2", "a.b", "a-b", "a_b"),
    *("x" * length for length in (46, 47, 48, 49, 50, 51, 60, 200)),
    *(E_ACUTE, E_ACUTE * 24 + "x", E_ACUTE * 25, E_ACUTE * 25 + "x", E_ACUTE * 30),
    *("y" * before + E_ACUTE + "z" * 10 for before in (44, 45, 46, 47, 48, 49)),
    *("y" * before + THREE_BYTES + "z" * 10 for before in (44, 45, 46, 47)),
    "y" * 48 + THREE_BYTES,
    b"latin-1 \xe9".decode("utf-8", "surrogateescape"),
]
ODD_DIRECTORY = "odd/"
ODD_TITLE = f"odd & <{E_ACUTE}> 100%?/"


class Case(NamedTuple):
    """A request to both."""

    method: str
    #: As it goes onto the wire.
    target: str
    headers: dict[str, str]


class Exchange(NamedTuple):
    """What came back."""

    status: int
    #: Sorted, without Date; the server's own address as `HOST`.
    headers: list[tuple[str, str]]
    #: As Latin-1, so that any byte goes into JSON.
    body: str


_TAG = f'"{int(DATE.timestamp()):x}-3e8"'
_MODIFIED = "Thu, 29 Feb 2024 23:59:58 GMT"
_EARLIER = "Thu, 29 Feb 2024 23:59:57 GMT"
_RANGES = [
    *("bytes=0-", "bytes=990-", "bytes=0-0", "bytes=10-19", "bytes=999-2000", "bytes=-5"),
    *("bytes=-1000", "bytes=-5000", "bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=5-1"),
    *("bytes=", "bytes=-", "bytes=a-b", "bytes=1-b", "bytes= 1 - 2 ", "BYTES=1-2", "lines=1-2"),
    *("bytes=0-99999", "bytes=+1-2", "bytes 1-2", "bytes=1-2 x", "bytes=0-1,5-6"),
]
_CONDITIONS: list[dict[str, str]] = [
    {"If-None-Match": _TAG},
    {"If-None-Match": f"W/{_TAG}"},
    {"If-None-Match": f'"other", {_TAG}'},
    {"If-None-Match": '"other"'},
    {"If-None-Match": "*"},
    {"If-Modified-Since": _MODIFIED},
    {"If-Modified-Since": _EARLIER},
    {"If-Modified-Since": "Fri, 01 Mar 2024 00:00:00 GMT"},
    {"If-Modified-Since": "yesterday"},
    {"If-None-Match": _TAG, "If-Modified-Since": _MODIFIED},
    {"If-None-Match": '"other"', "If-Modified-Since": _MODIFIED},
    {"If-None-Match": _TAG, "If-Modified-Since": _EARLIER},
    {"If-None-Match": _TAG, "Range": "bytes=0-9"},
    {"If-Range": _TAG, "Range": "bytes=0-9"},
    {"If-Range": f"W/{_TAG}", "Range": "bytes=0-9"},
    {"If-Range": '"other"', "Range": "bytes=0-9"},
    {"If-Range": _MODIFIED, "Range": "bytes=0-9"},
    {"If-Range": _EARLIER, "Range": "bytes=0-9"},
    {"If-Range": "tomorrow", "Range": "bytes=0-9"},
    {"If-Range": '"other"', "Range": "bytes=5000-"},
]
_TARGETS = [
    *("", "odd", "odd/", "odd?a=b&c#d", "odd/?a=b", "nix", "nix/", "file.bin/", "file.bin/x"),
    *("odd%20%26%20%3C%C3%A9%3E%20100%25%3F", "odd%20%26%20%3C%C3%A9%3E%20100%25%3F/"),
    *("odd/a%20b", "odd/a+b", "odd/a%2Bb", "odd/a%252Fb", "odd/a%2fb", "odd/%C3%A9", "odd/%c3%a9"),
    *("odd/latin-1%20%E9", "odd/D/a;b=c,d@e%21$()*%5B%5D%5E%60%7B%7C%7D%5C", "odd/.hidden"),
    *(
        "odd/D%3Fa&b%23+%22'",
        "//odd//a~b",
        "./odd/../file.bin",
        "odd/.",
        "odd/..",
        "%2e%2e/python/",
    ),
    *(
        "odd%2F",
        "odd%2",
        "%",
        "%zz",
        "%00",
        "a%00b",
        "../../../x",
        "../../..",
        "%2e%2e/%2e%2e/%2e./",
    ),
    *("page.html", "data.json", "bundle.zip", "cert.crt", "NOTES.TXT", "html", "two.tar.gz"),
]


def cases() -> list[Case]:
    """Every request; targets are whole."""
    root = "/ftp/python/"
    file, empty = root + "file.bin", root + "empty.bin"
    return [
        *(Case(method, root + target, {}) for target in _TARGETS for method in ("GET", "HEAD")),
        Case("GET", "/ftp/python", {}),
        Case("HEAD", "/ftp/python?x", {}),
        *(Case("GET", file, {"Range": value}) for value in _RANGES),
        *(Case("GET", empty, {"Range": value}) for value in _RANGES),
        *(Case("GET", file, headers) for headers in _CONDITIONS),
        Case("HEAD", file, {}),
        Case("HEAD", file, {"Range": "bytes=0-9"}),
        Case("HEAD", file, {"Range": "bytes=5000-"}),
        Case("HEAD", file, {"If-None-Match": _TAG}),
        Case("GET", empty, {}),
        Case("GET", root + "odd/", {"Range": "bytes=0-9", "If-Modified-Since": _MODIFIED}),
        Case("POST", file, {}),
        Case("DELETE", file, {}),
        Case("FROB", file, {}),
    ]


def odd_files() -> list[tuple[str, bytes]]:
    """Path and content of each file of the odd tree; directories' paths end in a slash."""
    names = [*ODD_NAMES, "D/a;b=c,d@e!$()*[]^`{|}\\", "D?a&b#+\"'/inside"]
    return [
        ("file.bin", CONTENT),
        ("empty.bin", b""),
        *((name, b"x") for name in ("page.html", "data.json", "bundle.zip", "cert.crt")),
        *((name, b"x") for name in ("NOTES.TXT", "html", "two.tar.gz")),
        *((f"odd/{name}", name.encode("utf-8", "surrogateescape")) for name in names),
        *((f"odd/d{name}/", b"") for name in ODD_NAMES if len(name) < 100),
        (ODD_TITLE, b""),
    ]


def odd_replica() -> Replica:
    """A replica of the odd tree."""
    replica = Replica([])
    for path, content in odd_files():
        if path.endswith("/"):
            replica.add(path, last_modified=DATE)
        else:
            replica.add(path, content=content, last_modified=DATE)
    return replica


def exchange(url: str, case: Case) -> Exchange:
    """Ask the server at `url`, on a connection of its own, and take the answer apart."""
    address = urlsplit(url).netloc
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(case.method, case.target, headers=case.headers)
        response = connection.getresponse()
        body = response.read()
        headers = sorted(
            (name, value.replace(address, "HOST"))
            for name, value in response.getheaders()
            if name != "Date"
        )
        return Exchange(response.status, headers, body.decode("latin-1"))
    finally:
        connection.close()


def in_short(answer: Exchange) -> Exchange:
    """The answer as it is kept: a long body as its digest alone."""
    if len(answer.body) <= 300:
        return answer
    return answer._replace(body="sha256:" + sha256(answer.body.encode("latin-1")).hexdigest())


def read_kept_answers() -> list[tuple[Case, Exchange]]:
    """The requests that nginx was asked, and its answers."""
    kept = json.loads((DATA / "nginx_answers.json").read_text(encoding="ascii"))
    return [
        (
            Case(*row["request"]),
            Exchange(row["status"], [(name, value) for name, value in row["headers"]], row["body"]),
        )
        for row in kept
    ]


def keep_answers(answers: list[tuple[Case, Exchange]]) -> None:
    """Write what nginx answered, a line an answer."""
    rows = [
        json.dumps(
            {
                "request": list(case),
                "status": answer.status,
                "headers": answer.headers,
                "body": answer.body,
            }
        )
        for case, answer in ((case, in_short(answer)) for case, answer in answers)
    ]
    text = "[\n" + ",\n".join(rows) + "\n]\n"
    (DATA / "nginx_answers.json").write_text(text, encoding="ascii")
