"""Listings as other servers than python.org's write them.

After ngx_http_autoindex_module.c (`autoindex_format json`), ngx_http_fancyindex_module.c and its
template.h (0.5.2), and cnpmcore's BinarySyncController, which npmmirror runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from pyorg_pipeline.demo.replica.answers import Answer, Request
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.demo.replica.tree import Node

#: From the path in the URL and the directory's children to the page.
Listing = Callable[[str, Sequence[Node]], bytes]

_FANCYINDEX = (
    '<!DOCTYPE html><html><head><meta http-equiv="content-type" content="text/html; charset=utf-8">'
    '<meta name="viewport" content="width=device-width"><style type="text/css">'
    "body,html {background:#fff;}</style>\n\n<title>Index of {path}</title>\n</head><body>"
    '<h1>Index of {path}</h1>\n<table id="list"><thead><tr>'
    '<th colspan="2"><a href="?C=N&amp;O=A">File Name</a>&nbsp;'
    '<a href="?C=N&amp;O=D">&nbsp;&darr;&nbsp;</a></th>'
    '<th><a href="?C=S&amp;O=A">File Size</a>&nbsp;'
    '<a href="?C=S&amp;O=D">&nbsp;&darr;&nbsp;</a></th>'
    '<th><a href="?C=M&amp;O=A">Date</a>&nbsp;'
    '<a href="?C=M&amp;O=D">&nbsp;&darr;&nbsp;</a></th>'
    '</tr></thead>\n<tbody><tr><td colspan="2" class="link">'
    '<a href="../?C=N&amp;O=A">Parent directory/</a></td>'
    '<td class="size">-</td><td class="date">-</td></tr>\n'
    "{rows}</tbody></table></body></html>"
)


def nginx_json(path: str, nodes: Sequence[Node]) -> bytes:  # noqa: ARG001  # it names no directory
    rows = []
    for node in nodes:
        kind = "directory" if node.size is None else "file"
        row = f'{{ "name":{json.dumps(node.name, ensure_ascii=False)}, "type":"{kind}", '
        row += f'"mtime":"{format_datetime(node.last_modified, usegmt=True)}"'
        rows.append(f"{row} }}" if node.size is None else f'{row}, "size":{node.size} }}')
    return ("[\n" + ",\n".join(rows) + ("\n" if rows else "") + "]").encode()


def npmmirror(path: str, nodes: Sequence[Node]) -> bytes:
    folder = f"https://registry.npmmirror.example/-/binary{path.removeprefix('/ftp')}"
    names = [node.name + ("/" if node.size is None else "") for node in nodes]
    rows = [
        {
            "id": "61c0ffee0000000000000000",
            "category": "python",
            "name": name,
            "date": f"{node.last_modified:%d-%b-%Y %H:%M}",
            "type": "dir" if node.size is None else "file",
            **({} if node.size is None else {"size": node.size}),
            "url": folder + name,
            "modified": "2026-01-02T03:04:05.678Z",
        }
        for node, name in zip(nodes, names, strict=True)
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def fancyindex(
    path: str, nodes: Sequence[Node], *, exact: bool = True, date: str = "%Y-%b-%d %H:%M"
) -> bytes:
    rows = []
    for node in nodes:
        slash = "/" if node.size is None else ""
        text = escape(node.name)
        size = "-"
        if node.size is not None:
            size = f"{node.size:>19}" if exact else _rounded(node.size)
        rows.append(
            f'<tr><td colspan="2" class="link"><a href="{quote(node.name)}{slash}" title="{text}">'
            f'{text}{slash}</a></td><td class="size">{size}</td>'
            f'<td class="date">{node.last_modified.strftime(date)}</td></tr>\r\n'
        )
    return _FANCYINDEX.replace("{path}", path).replace("{rows}", "".join(rows)).encode()


def _rounded(size: int) -> str:
    """As with `fancyindex_exact_size off`."""
    units = ["B", "KiB", "MiB", "GiB"]
    power = 0
    while size >= 1024 ** (power + 1):
        power += 1
    return f"{size / 1024**power:.1f} {units[power]}" if power else f"{size} B"


FORMATS: dict[str, Listing] = {
    "nginx's JSON": nginx_json,
    "npmmirror": npmmirror,
    "fancyindex": fancyindex,
}


def serve_in_format(site: Replica, listing: Listing) -> None:
    """Let a replica answer its listings in another format."""

    def answer(request: Request) -> Answer:
        nodes = site.listing(request.path)
        assert nodes is not None
        content_type = "text/html" if listing is fancyindex else "application/json"
        body = listing(f"/ftp/python/{request.path}", nodes)
        return Answer(headers={"Content-Type": content_type}, body=body)

    for path in ["", *(node.path for node in site.listing("") or () if node.size is None)]:
        site.answer(path, answer)
