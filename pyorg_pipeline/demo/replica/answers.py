"""What a replica answers: as nginx answers for a directory, a file, and everything else.

Requests in, answers out, as values; the bytes on the wire are `replica_wire`'s work. The rules are
those of nginx 1.22 with its defaults and `autoindex on`, compared with it header by header. Left
out: several ranges in one request (answered with the whole file, as RFC 9110 allows), If-Match and
If-Unmodified-Since. A method other than GET and HEAD is answered with 405 everywhere, where nginx
says 403 of a directory and 404 of what is not there.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from pyorg_pipeline.demo.replica.autoindex import escape_uri, listing_page, status_page
from pyorg_pipeline.demo.replica.tree import File, ReplicaTree
from pyorg_pipeline.model.entries import Entry

#: Where the site's root is, as on python.org.
ROOT: Final = "/ftp/python/"
INDEX_PAGE: Final = "index.html"
_HTML: Final = {"Content-Type": "text/html"}
#: What nginx's own mime.types says of the endings in the record; all else is an octet-stream.
_CONTENT_TYPES: Final = {
    "crt": "application/x-x509-ca-cert",
    "hqx": "application/mac-binhex40",
    "htm": "text/html",
    "html": "text/html",
    "json": "application/json",
    "pdf": "application/pdf",
    "rpm": "application/x-redhat-package-manager",
    "sit": "application/x-stuffit",
    "txt": "text/plain",
    "xml": "text/xml",
    "zip": "application/zip",
}
_PIECE: Final = 1 << 18
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RANGE: Final = re.compile(r"bytes= *(\d*) *- *(\d*) *", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class FilePart:
    """A stretch of a file as the body of an answer; `bytes(part)` reads it all."""

    file: File
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __bytes__(self) -> bytes:
        return self.file.read(self.start, self.stop)

    def pieces(self, length: int) -> Iterator[bytes]:
        """The first `length` bytes, a piece at a time."""
        stop = min(self.stop, self.start + length)
        for at in range(self.start, stop, _PIECE):
            yield self.file.read(at, min(at + _PIECE, stop))


@dataclass(frozen=True)
class Answer:
    """What is sent for a request.

    As a canned answer (`Replica.answer`), what is left out is as usual: without a status and a body
    it is the answer that the site would give, with `headers` on top of its own. With a status and
    no body the body is nginx's page for that status; with a body and no status, the status is 200.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FilePart | None = None
    #: Close the connection after so many bytes of the body, although its whole length is declared.
    cut_after: int | None = None
    #: Be silent until this is set.
    hold: threading.Event | None = None
    #: Close the connection without a word (after `hold`).
    hang_up: bool = False

    def laid_over(self, ordinary: Answer) -> Answer:
        """This answer, with what it leaves out taken from the ordinary one."""
        if self.status is None and self.body is None:
            status, body, below = ordinary.status, ordinary.body, ordinary.headers
        else:
            status, body, below = self.status or 200, self.body, _HTML
            if body is None:
                body = status_page(status) if status >= 300 and status != 304 else b""
        own = {name.lower() for name in self.headers}
        kept = {name: value for name, value in below.items() if name.lower() not in own}
        return Answer(
            status, {**kept, **self.headers}, body, self.cut_after, self.hold, self.hang_up
        )


@dataclass(frozen=True)
class Request:
    """A request, as a function handed to `Replica.answer` sees it."""

    method: str
    #: Below the site's root, decoded; starts with a slash if it is not below it.
    path: str
    #: `headers["Range"]` or `headers.get("Range")`, whatever the case of the name.
    headers: Message
    #: What the site would answer.
    ordinary: Answer


def ordinary_answer(
    tree: ReplicaTree, method: str, target: str, headers: Message, *, index_pages: bool = False
) -> Answer:
    """The answer of a site that works, to a request for `target` (a path, maybe with a query)."""
    path = decoded_path(target)
    if path is None or method not in {"GET", "HEAD"}:
        return _status(400 if path is None else 405)
    # The root without its slash is below itself, so that it is redirected, too.
    below = f"{path}/".removeprefix(ROOT).rstrip("/")
    found = tree.look_up(below) if f"{path}/".startswith(ROOT) else None
    if isinstance(found, File) and not path.endswith("/"):
        return file_answer(found, headers)
    if not isinstance(found, list):
        return _status(404)
    if not path.endswith("/"):
        return _with_slash(path, target, headers)
    index = tree.look_up(f"{below}/{INDEX_PAGE}".lstrip("/")) if index_pages else None
    return file_answer(index, headers) if isinstance(index, File) else _listing(path, found)


def decoded_path(target: str) -> str | None:
    """The path that a request's target means, or None where nginx says 400.

    Without query and fragment, percent-decoded, with `//`, `/./` and `/../` resolved; nothing
    leads above the server's root.
    """
    target = re.sub(r"^[A-Za-z]+://[^/?#]*", "", target)
    escaped = re.split(r"[?#]", target, maxsplit=1)[0]
    if not escaped.startswith("/") or _BAD_ESCAPE.search(escaped):
        return None
    # The standard library's server hands out the bytes of the request line as Latin-1.
    path = unquote_to_bytes(escaped.encode("latin-1")).decode("utf-8", "surrogateescape")
    if "\0" in path:
        return None
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            if not names:
                return None
            names.pop()
        elif name not in {"", "."}:
            names.append(name)
    ends_in_slash = path.endswith(("/", "/.", "/.."))
    return "/" + "/".join(names) + ("/" if names and ends_in_slash else "")


def below_root(target: str) -> str:
    """The decoded path below the site's root; the target as it is if it does not lead there."""
    path = decoded_path(target)
    return target if path is None else path.removeprefix(ROOT)


def file_answer(file: File, headers: Message) -> Answer:
    """The answer to a request for a file: whole, in part, or not at all if it is known already."""
    own = {"Last-Modified": _http_date(file.last_modified), "ETag": entity_tag(file)}
    if _is_known(own, file.last_modified, headers):
        return Answer(304, own, b"")
    own = {"Content-Type": content_type(file.path), **own}
    wanted = headers.get("Range")
    if wanted is not None and _range_still_applies(own["ETag"], file.last_modified, headers):
        part = _part(file, wanted)
        if isinstance(part, FilePart):
            shown = f"bytes {part.start}-{part.stop - 1}/{file.size}"
            return Answer(206, {**own, "Content-Range": shown}, part)
        if part == "unsatisfiable":
            shown = f"bytes */{file.size}"
            return Answer(416, {**_HTML, "Content-Range": shown}, status_page(416))
    return Answer(200, {**own, "Accept-Ranges": "bytes"}, FilePart(file, 0, file.size))


def entity_tag(file: File) -> str:
    """As nginx makes it, of date and length: another file of that date and length has it, too."""
    return f'"{int(file.last_modified.timestamp()):x}-{file.size:x}"'


def content_type(path: str) -> str:
    """The media type that the ending of a name says."""
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    return _CONTENT_TYPES.get(ending.lower() if dot else "", "application/octet-stream")


def _status(status: int) -> Answer:
    return Answer(status, _HTML, status_page(status))


def _listing(path: str, entries: list[Entry]) -> Answer:
    # nginx does not know the length before it has read the directory, hence the chunks.
    return Answer(200, {**_HTML, "Transfer-Encoding": "chunked"}, listing_page(path, entries))


def _with_slash(path: str, target: str, headers: Message) -> Answer:
    """The redirect to a directory's own URL; the query comes along, the host is the asked one."""
    query = "".join(target.partition("?")[1:]).partition("#")[0]
    location = f"http://{headers['Host'] or '127.0.0.1'}{escape_uri(path)}/{query}"
    return Answer(301, {**_HTML, "Location": location}, status_page(301))


def _is_known(own: Mapping[str, str], last_modified: datetime, headers: Message) -> bool:
    """Whether the client has this very file: 304. Every condition given has to say so."""
    since, tags = headers.get("If-Modified-Since"), headers.get("If-None-Match")
    if since is not None and _parsed_date(since) != last_modified:
        # nginx's `if_modified_since exact`, its default: an older date is another file, too.
        return False
    if tags is not None:
        return tags == "*" or own["ETag"] in {
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        }
    return since is not None


def _range_still_applies(tag: str, last_modified: datetime, headers: Message) -> bool:
    """Whether If-Range, if there is one, names this very file."""
    condition = headers.get("If-Range")
    if condition is None:
        return True
    if condition.endswith('"'):
        return bool(condition == tag)
    return _parsed_date(condition) == last_modified


def _part(file: File, wanted: str) -> FilePart | Literal["unsatisfiable"] | None:
    """The part of a file that a Range header asks for; None for the whole file."""
    # nginx ignores the bare `bytes=`, too: it looks at no header of less than seven characters.
    if not wanted.lower().startswith("bytes=") or len(wanted) < 7 or "," in wanted:
        return None
    matched = _RANGE.fullmatch(wanted)
    if matched is None:
        return "unsatisfiable"
    first, last = matched.groups()
    if first:
        start = int(first)
        stop = min(int(last) + 1, file.size) if last else file.size
    elif last:
        start, stop = max(file.size - int(last), 0), file.size
    else:
        return "unsatisfiable"
    if start < stop:
        return FilePart(file, start, stop)
    # nginx sends an empty file whole, whatever part of it was asked for.
    return None if start == 0 else "unsatisfiable"


def _http_date(date: datetime) -> str:
    return format_datetime(date, usegmt=True)


def _parsed_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
