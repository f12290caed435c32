"""What the replica answers: listings and files as nginx serves them, and faults on demand."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import Message
from email.utils import format_datetime
from html import escape
from http.client import responses
from typing import Final
from urllib.parse import quote

from pyorg_pipeline.demo.replica.tree import Node, ReplicaTree

#: Where the site's root is, as on python.org.
ROOT: Final = "/ftp/python/"
_HTML: Final = {"Content-Type": "text/html"}
#: nginx cuts longer names in its listings.
_NAME_WIDTH: Final = 50
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """What is sent for a request.

    In an answer given to `Replica.answer`, what is left out is filled in: without a status and a
    body it is the site's own answer, with `headers` added. With a status and no body, the body is
    a short page that names the status. With a body and no status, the status is 200.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    #: Close the connection after so many bytes of the body; its whole length is declared.
    cut_after: int | None = None
    #: Send nothing, or only the head and `hold_after` bytes of the body, until this is set.
    hold: threading.Event | None = None
    hold_after: int | None = None
    #: Close the connection without an answer, after `hold`.
    hang_up: bool = False

    def completed_by(self, ordinary: Answer) -> Answer:
        """This answer, with what it leaves out taken from the site's own."""
        if self.status is None and self.body is None:
            status, body, inherited = ordinary.status, ordinary.body, ordinary.headers
        else:
            status, inherited = self.status or 200, _HTML
            body = _status_page(status) if self.body is None else self.body
        own = {name.lower() for name in self.headers}
        kept = {name: value for name, value in inherited.items() if name.lower() not in own}
        return replace(self, status=status, headers={**kept, **self.headers}, body=body)


@dataclass(frozen=True)
class Request:
    """A request, as a function handed to `Replica.answer` gets it."""

    #: Below the site's root, decoded; starts with a slash if it is not below it.
    path: str
    headers: Message
    #: What the site would answer.
    ordinary: Answer


def ordinary_answer(tree: ReplicaTree, path: str, headers: Message) -> Answer:
    """The site's answer to a request for `path`, which is decoded and below the site's root."""
    nodes = tree.listing(path)
    if nodes is not None:
        # nginx does not know the length before it has read the directory, hence the chunks.
        chunked = {**_HTML, "Transfer-Encoding": "chunked"}
        return Answer(200, chunked, _listing_page(ROOT + path, nodes))
    if tree.listing(f"{path}/") is not None:
        location = f"http://{headers['Host']}{ROOT}{quote(path)}/"
        return Answer(301, {**_HTML, "Location": location}, _status_page(301))
    file = tree.file(path)
    return Answer(404, _HTML, _status_page(404)) if file is None else _file_answer(file, headers)


def _listing_page(url_path: str, nodes: Iterable[Node]) -> bytes:
    """A listing as of nginx's `ngx_http_autoindex_module` with `autoindex_exact_size on`."""
    title = escape(url_path, quote=False)
    ordered = sorted(nodes, key=lambda node: (node.size is not None, node.name))
    page = (
        f"<html>\r\n<head><title>Index of {title}</title></head>\r\n<body>\r\n"
        f'<h1>Index of {title}</h1><hr><pre><a href="../">../</a>\r\n'
        f"{''.join(map(_row, ordered))}</pre><hr></body>\r\n</html>\r\n"
    )
    return page.encode("utf-8", "surrogateescape")


def _row(node: Node) -> str:
    slash = "/" if node.size is None else ""
    href = quote(node.name, safe="", errors="surrogateescape") + slash
    # A directory's slash is shown where there is room.
    text = (node.name + slash)[:_NAME_WIDTH]
    if len(node.name) > _NAME_WIDTH:
        text = f"{text[:-3]}..>"
    padding = " " * (_NAME_WIDTH - len(text))
    size = "-" if node.size is None else node.size
    # Not strftime's %b, which depends on the locale.
    _, day, month, year, time, _ = _http_date(node.last_modified).split()
    date = f"{day}-{month}-{year} {time[:5]}"
    return f'<a href="{href}">{escape(text, quote=False)}</a>{padding} {date} {size:>19}\r\n'


def _status_page(status: int) -> bytes:
    text = f"{status} {responses.get(status, 'Unknown')}"
    return (
        f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n"
        f"<center><h1>{text}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()


def _file_answer(file: Node, headers: Message) -> Answer:
    """The answer to a request for a file: all of it, or the part that a Range header names."""
    content, date = file.read(), _http_date(file.last_modified)
    size = len(content)
    # Made as nginx makes it: another file with the same date and length has the same tag.
    etag = f'"{int(file.last_modified.timestamp()):x}-{size:x}"'
    is_html = file.path.endswith((".html", ".htm"))
    content_type = "text/html" if is_html else "application/octet-stream"
    own = {"Content-Type": content_type, "Last-Modified": date, "ETag": etag}
    asked = _RANGE.fullmatch(headers.get("Range", ""))
    if asked is None or headers.get("If-Range", etag) not in {etag, date}:
        return Answer(200, {**own, "Accept-Ranges": "bytes"}, content)
    start = int(asked[1])
    stop = min(int(asked[2]) + 1, size) if asked[2] else size
    if start >= stop:
        unsatisfied = {**_HTML, "Content-Range": f"bytes */{size}"}
        return Answer(416, unsatisfied, _status_page(416))
    part = {**own, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Answer(206, part, content[start:stop])


def _http_date(date: datetime) -> str:
    return format_datetime(date, usegmt=True)
