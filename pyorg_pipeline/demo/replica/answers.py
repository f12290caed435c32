"""The replica's answers: listings and files as nginx serves them, and faults on demand."""

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
    """The answer to a request.

    `Replica.answer` completes an answer: without status and body, both are those of the site's own
    answer, with `headers` added. A status without a body gets a short page that names it. A body
    without a status gets the status 200.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    #: Close the connection after this many bytes of the body; the full length is declared.
    cut_after: int | None = None
    #: Wait for this event before sending, or after the head and `hold_after` bytes of the body.
    hold: threading.Event | None = None
    hold_after: int | None = None
    #: Close the connection without an answer, after `hold`.
    hang_up: bool = False

    def completed_by(self, ordinary: Answer) -> Answer:
        """Return this answer, completed by the site's own."""
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
    """A request, for a function that was given to `Replica.answer`."""

    #: Below the site's root, decoded; other paths start with a slash.
    path: str
    headers: Message
    #: The site's own answer.
    ordinary: Answer


def ordinary_answer(tree: ReplicaTree, path: str, headers: Message) -> Answer:
    """Return the site's own answer to a request for a decoded path below its root."""
    nodes = tree.listing(path)
    if nodes is not None:
        # nginx sends a listing before it knows the length.
        chunked = {**_HTML, "Transfer-Encoding": "chunked"}
        return Answer(200, chunked, _listing_page(ROOT + path, nodes))
    is_root = f"{path}/" == ROOT
    if is_root or tree.listing(f"{path}/") is not None:
        below = "" if is_root else f"{quote(path)}/"
        location = f"http://{headers['Host']}{ROOT}{below}"
        return Answer(301, {**_HTML, "Location": location}, _status_page(301))
    file = tree.file(path)
    return Answer(404, _HTML, _status_page(404)) if file is None else _file_answer(file, headers)


def _listing_page(url_path: str, nodes: Iterable[Node]) -> bytes:
    """Return a listing as nginx renders it with `autoindex_exact_size on`."""
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
    # The name is cut after the slash is added.
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
    """Return the answer to a request for a file, or for the part that a Range header names."""
    content, date = file.read(), _http_date(file.last_modified)
    size = len(content)
    # As nginx computes it: another file with the same date and length has the same tag.
    etag = f'"{int(file.last_modified.timestamp()):x}-{size:x}"'
    is_html = file.path.endswith((".html", ".htm"))
    content_type = "text/html" if is_html else "application/octet-stream"
    own = {"Content-Type": content_type, "Last-Modified": date, "ETag": etag}
    requested = _RANGE.fullmatch(headers.get("Range", ""))
    if requested is None or headers.get("If-Range", etag) not in {etag, date}:
        return Answer(200, {**own, "Accept-Ranges": "bytes"}, content)
    start = int(requested[1])
    stop = min(int(requested[2]) + 1, size) if requested[2] else size
    if start >= stop:
        unsatisfied = {**_HTML, "Content-Range": f"bytes */{size}"}
        return Answer(416, unsatisfied, _status_page(416))
    part = {**own, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Answer(206, part, content[start:stop])


def _http_date(date: datetime) -> str:
    return format_datetime(date, usegmt=True)
