"""The pages that nginx makes: directory listings and the short pages of errors and redirects.

Bytes in, bytes out: no socket, no tree. The rules are those of nginx's
`src/http/modules/ngx_http_autoindex_module.c` and `ngx_http_special_response.c`, with
`autoindex_exact_size on`, `autoindex_localtime off`, no charset and `server_tokens off`. Every page
of the record was compared byte for byte with nginx 1.22.1. Without a charset nginx counts bytes, so
a cut can fall inside a character; its pages are bytes, not always UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_from_bytes

from pyorg_pipeline.model.entries import Entry

#: NGX_HTTP_AUTOINDEX_NAME_LEN: of a longer name three bytes less are shown, and two dots and a >.
_NAME_WIDTH: Final = 50
#: Right-aligned: `%19O` in nginx's source.
_SIZE_WIDTH: Final = 19
#: English whatever the locale, which strftime's %b is not.
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
#: What nginx's NGX_ESCAPE_URI leaves as it is, beside letters and digits.
_SAFE_IN_URI: Final = "!$&'()*+,-./:;=@[]_~"
#: nginx says these otherwise than the standard library.
_REASONS: Final = {
    302: "Moved Temporarily",
    405: "Not Allowed",
    414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def name_bytes(name: str) -> bytes:
    """The bytes of a name; what is not UTF-8 goes through `surrogateescape`."""
    return name.encode("utf-8", "surrogateescape")


def listing_page(url_path: str, entries: Iterable[Entry]) -> bytes:
    """The listing of the directory at `url_path`, which starts and ends with a slash.

    Directories come first, then files, each in byte order. Names that start with a dot are left
    out, as nginx leaves them out.
    """
    title = _escape_html(name_bytes(url_path))
    shown = [(name_bytes(entry.name), entry) for entry in entries if entry.name[0] != "."]
    shown.sort(key=lambda pair: (not pair[1].is_directory, pair[0]))
    return b"".join(
        [
            b"<html>\r\n<head><title>Index of ",
            title,
            b"</title></head>\r\n<body>\r\n<h1>Index of ",
            title,
            b'</h1><hr><pre><a href="../">../</a>\r\n',
            *(_row(name, entry) for name, entry in shown),
            b"</pre><hr></body>\r\n</html>\r\n",
        ]
    )


def _row(name: bytes, entry: Entry) -> bytes:
    slash = b"/" if entry.is_directory else b""
    if len(name) > _NAME_WIDTH:
        text, padding = _escape_html(name[: _NAME_WIDTH - 3]) + b"..&gt;", 0
    else:
        # A directory's slash is shown where there is room: not after a name of 50 bytes.
        visible = (name + slash)[:_NAME_WIDTH]
        text, padding = _escape_html(visible), _NAME_WIDTH - len(visible)
    href = quote_from_bytes(name, safe="").encode() + slash
    size = "-" if entry.size is None else str(entry.size)
    details = f"{' ' * padding} {_date(entry)} {size:>{_SIZE_WIDTH}}\r\n"
    return b'<a href="' + href + b'">' + text + b"</a>" + details.encode()


def _date(entry: Entry) -> str:
    # The field is optional because other sites may show none; nginx always shows one.
    if entry.last_modified is None:
        raise ValueError(f"nginx shows a date for everything, and {entry.name!r} has none")
    date = entry.last_modified.astimezone(UTC)
    month = _MONTHS[date.month - 1]
    return f"{date.day:02}-{month}-{date.year} {date.hour:02}:{date.minute:02}"


def _escape_html(text: bytes) -> bytes:
    # Four characters, not html.escape's five: nginx lets ' stand.
    for raw, escaped in ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;"), (b'"', b"&quot;")):
        text = text.replace(raw, escaped)
    return text


def reason_phrase(status: int) -> str:
    """What nginx says after the number of a status."""
    if status in _REASONS:
        return _REASONS[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def status_page(status: int) -> bytes:
    """The page that nginx sends with a status which says that all is not well."""
    text = f"{status} {reason_phrase(status)}"
    return (
        f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n"
        f"<center><h1>{text}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def escape_uri(path: str) -> str:
    """A decoded path as nginx writes it into the Location of a redirect."""
    return quote_from_bytes(name_bytes(path), safe=_SAFE_IN_URI)
