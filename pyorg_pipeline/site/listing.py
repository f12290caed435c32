"""The parser of directory listings, in the formats that `FORMATS` names.

A page is accepted as a whole or not at all: a cut page, an error page or the listing of another
directory is an error, never a shorter list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from lxml.etree import LxmlError  # type: ignore[import-untyped]  # stubs are a package of their own
from parsel import Selector

from pyorg_pipeline.errors import ListingError
from pyorg_pipeline.model.companions import Entry

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

#: What is read, for messages.
FORMATS: Final = "supported formats: nginx (HTML, JSON, fancyindex), Apache, npmmirror"

# Markup of other formats, in small letters. No name of a file can contain it: names are escaped.
_UNSUPPORTED: Final = (
    (b'<td class="n"><a href=', "lighttpd"),
    (b"size</pre><hr", "Artifactory"),
    (b'href="https://caddyserver.com"', "Caddy"),
    (b"<title>directory listing for ", "Python's http.server"),
    (b"<listbucketresult", "S3 (XML)"),
    (b'"mod_time":', "Caddy (JSON)"),
    (b"<list>", "nginx's autoindex_format xml"),
)

# How pages of nginx's autoindex begin, in small letters: they are not searched for other formats.
_NGINX: Final = b"<html>\r\n<head><title>index of "

# Before the path in title and h1, of nginx (ngx_http_autoindex_module.c and
# ngx_http_fancyindex_module.c) as of Apache (mod_autoindex.c).
_HEADING = "Index of "

_TITLE = re.compile(rb"<title[^<>]*>([^<]*)<", re.IGNORECASE)

# An href that needs neither resolving nor decoding, as nearly all: no character has a meaning in
# URLs, and the first one excludes `.` and `..`.
_PLAIN_HREF = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~+,=@-]*/?")

# Apache's sizes from 973 bytes on: `1.2K`, `23M` (apr_strfsize), up to 1.3 in small letters; and
# those of fancyindex from 1 KiB on: `21.6 MiB`.
_INEXACT_SIZE = re.compile(
    r"[0-9]{1,4}(\.[0-9])?(?: ?[KMGTPE]| [KMGTPE]iB)", re.IGNORECASE | re.ASCII
)
# So many digits fit the signed 64 bits of the tables.
_LONGEST_SIZE = 18

_DATES = (
    # nginx, Apache up to 2.2 and npmmirror, which copies python.org's text; in JSON, nginx writes
    # the date of RFC 9110: `Tue, 14 Oct 2025 14:31:08 GMT`.
    re.compile(
        r"(?:[A-Z][a-z]{2}, )?(?P<day>\d\d)[- ](?P<month>[A-Z][a-z]{2})[- ](?P<year>\d{4}) "
        r"(?P<time>\d\d:\d\d)(?::\d\d GMT)?",
        re.ASCII,
    ),
    # Apache since 2.4, fancyindex (`2025-Oct-14 14:31`), npmmirror (`2025-10-14T14:31:08.000Z`).
    re.compile(
        r"(?P<year>\d{4})-(?P<month>\d\d|[A-Z][a-z]{2})-(?P<day>\d\d)[ T]"
        r"(?P<time>\d\d:\d\d)(?::\d\d(?:\.\d{1,9})?Z?)?",
        re.ASCII,
    ),
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


# A row of a listing: the decoded name, which ends in a slash for a directory and is empty if the
# row leads elsewhere; the link; and date and size as written, empty where the row shows nothing,
# and None where the row has an unknown format.
_Row = tuple[str, str, str | None, str | None]


def parse_listing(content: bytes, url: str, directory: str = "") -> list[Entry]:
    """Return the entries of a directory's page, in the page's order; raises ListingError.

    Names are decoded; bytes that are not UTF-8 become U+FFFD. Dates are cut to the minute and count
    as UTC, which python.org writes; Apache and fancyindex may write their local time without saying
    so. Sizes that are rounded are None. The page has to name the directory's last segment, which
    nginx's JSON does not.
    """
    page = content.strip().lower()
    if not page.startswith(_NGINX):
        known = next((name for markup, name in _UNSUPPORTED if markup in page), None)
        if known is not None:
            raise _no_listing(url, f"the listing has the format of {known}, which is not supported")
    if page.startswith(b"["):
        return _entries(_rows_of_json(content, url, directory), url)
    _require_complete_listing(content, page, url)
    root = _parse(content, url)
    _require_directory(_heading(root, url), url, directory)
    rows = list(_rows_of_html(root, url))
    if not rows:
        raise _incomplete(url, "the page lists nothing, not even its parent")
    return _entries(rows, url)


def _entries(rows: Iterable[_Row], url: str) -> list[Entry]:
    """Return the entries of all rows, the first of those with the same name."""
    entries: dict[str, Entry] = {}
    damaged = foreign = ""
    for written, link, date, size in rows:
        if not written:
            # The parent has no date, and the links for sorting have no row.
            if date:
                foreign = foreign or link
            continue
        is_directory = written.endswith("/")
        name = written.removesuffix("/")
        if name in entries:
            continue
        if size is None:
            damaged = damaged or f"the row of {name!r} is cut or has an unknown format"
            continue
        try:
            last_modified = _date(date) if date else None
            bytes_listed = None if is_directory else _size(size)
        except ValueError:
            columns = f"{date} {size}".strip()
            damaged = damaged or f"the row of {name!r} is invalid: {columns!r}"
            continue
        entries[name] = Entry(name, is_directory, last_modified, bytes_listed)
    if damaged and entries:
        raise _incomplete(url, damaged)
    if damaged:
        raise _no_listing(url, f"no row has a known format: {damaged}")
    if foreign and not entries:
        raise ListingError(
            url,
            f"all links lead elsewhere, the first to {foreign[:200]!r}; check the site's URL",
            is_listing=True,
        )
    return list(entries.values())


def _incomplete(url: str, reason: str) -> ListingError:
    """A page that is a listing, so that a later request may return the complete one."""
    return ListingError(url, f"{reason}; try again later", is_listing=True)


def _no_listing(url: str, reason: str) -> ListingError:
    return ListingError(url, f"{reason}; {FORMATS}")


def _rows_of_json(content: bytes, url: str, directory: str) -> Iterator[_Row]:
    """Yield the rows of nginx's `autoindex_format json`, or of cnpmcore, which npmmirror runs."""
    try:
        rows: list[Any] = json.loads(content.decode(errors="replace"))
    except (ValueError, RecursionError):
        raise _incomplete(url, "the page is cut or damaged: it is not valid JSON") from None
    for row in rows:
        match row:
            case {"name": str(name), "type": str(kind)}:
                name, link = name.removesuffix("/"), str(row.get("url", name))
            case _:
                raise _no_listing(url, "the page is JSON in an unknown format")
        if "url" in row:
            _require_directory(link.rstrip("/").rpartition("/")[0], url, directory)
        if not _is_name(name):
            name = ""
        elif kind in ("directory", "dir"):
            name += "/"
        # `date` is python.org's, `modified` beside it is the mirror's.
        date, size = row.get("mtime", row.get("date")), row.get("size", "")
        yield name, link, "" if date in (None, "-") else str(date), str(size)


def _require_complete_listing(content: bytes, page: bytes, url: str) -> None:
    """Raise a ListingError if the page, here also in small letters, is cut or another page."""
    if not page:
        raise _incomplete(url, "the page is empty")
    complete = page.endswith(b"</html>")
    if b"index of " not in page or not complete:
        found = _TITLE.search(content)
        title = found[1].decode(errors="replace").strip() if found else ""
        # A page with a title of its own is another page, whether it is complete or not.
        if page.startswith(b"<") and not complete and (not title or title.startswith(_HEADING)):
            raise _incomplete(url, "the page is cut: it does not end with </html>")
        shown = f" (its title is {title[:200]!r})" if title else ""
        raise _no_listing(url, f"the page is not a directory listing{shown}")
    # A proxy that repairs the end of a page hides the cut.
    for element in ("pre", "table"):
        if f"<{element}".encode() in page and f"</{element}>".encode() not in page:
            raise _incomplete(url, f"the page is cut: <{element}> does not end")


def _parse(content: bytes, url: str) -> HtmlElement:
    try:
        # Depending on its version, libxml2 drops bytes that are not UTF-8, or all after them.
        text = content.decode(errors="replace")
        root: HtmlElement | None = Selector(text=text, type="html").root
    except (LxmlError, ValueError) as error:
        raise _no_listing(url, f"the page cannot be parsed as HTML ({error})") from error
    if root is None:
        raise _no_listing(url, "the page cannot be parsed as HTML")
    return root


def _heading(root: HtmlElement, url: str) -> str:
    """Return the path in title or h1."""
    texts = ((tag.text or "").strip() for name in ("title", "h1") for tag in root.iter(name))
    heading = next((text for text in texts if text.startswith(_HEADING)), None)
    if heading is None:
        raise _no_listing(url, "the page is not a directory listing: title and h1 do not say so")
    return heading.removeprefix(_HEADING)


def _require_directory(listed: str, url: str, directory: str) -> None:
    """Raise unless the path that a page names has the directory's last segment."""
    expected = directory.rpartition("/")[2]
    last = listed.rstrip("/").rpartition("/")[2]
    if expected and expected not in (last, unquote(last)):
        raise _incomplete(url, f"the page lists {listed[:200]!r}, not {directory!r}")


def _rows_of_html(root: HtmlElement, url: str) -> Iterator[_Row]:
    """Yield a row for each link of the listing.

    Links outside the listing, such as those in a mirror's banner, are left out.
    """
    # lxml's own iteration: a Selector for each link takes longer than the rest of this module.
    elements = list(root.iter("pre", "table"))
    if not elements:
        raise _no_listing(url, "the page has neither <pre> nor <table>")
    base = urlsplit(url)
    for element in elements:
        rows = _links_of_pre(element) if element.tag == "pre" else _links_of_table(element)
        for href, date, size in rows:
            name = href if _PLAIN_HREF.fullmatch(href) else _name_below(base, url, href)
            yield name, href, date, size


def _links_of_pre(element: HtmlElement) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of each link in `<pre>`, out of the text after it."""
    for link in element.iter("a"):
        if href := link.get("href"):
            columns = (link.tail or "").split(None, 3)
            if len(columns) >= 3 and ":" in columns[1]:
                yield href, f"{columns[0]} {columns[1]}", columns[2]
            elif len(columns) == 1:
                # Apache: a file without a date, or the parent.
                yield href, "", columns[0]
            else:
                yield href, None, None


def _links_of_table(element: HtmlElement) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of each row of a table; the header has `<th>` only."""
    for row in element.iter("tr"):
        cells = row.findall("td")
        for position, cell in enumerate(cells):
            link = cell.find(".//a[@href]")
            if link is not None:
                columns = ["".join(other.itertext()).strip() for other in cells[position + 1 :]]
                date, size = columns[:2] if len(columns) >= 2 else (None, None)
                if size is not None and ":" in size:
                    # fancyindex has them in this order.
                    date, size = size, date
                # fancyindex shows the parent's date so.
                yield link.get("href"), "" if date == "-" else date, size
                break


def _name_below(base: SplitResult, url: str, href: str) -> str:
    """Return the decoded name of an href directly below the page's directory, else an empty text.

    The name of a directory ends in a slash.
    """
    try:
        target = urlsplit(urljoin(url, href.strip()))
    except ValueError:
        return ""
    # The scheme is not compared: a server behind a TLS proxy writes http into absolute links.
    if _host(target) != _host(base) or target.query or target.fragment:
        return ""
    here = [unquote(part) for part in base.path.rpartition("/")[0].split("/")]
    there = target.path.split("/")
    below = there[len(here) :]
    if [unquote(part) for part in there[: len(here)]] != here:
        return ""
    # One segment, or one and the empty one after its slash.
    if not 1 <= len(below) <= 2 or (len(below) == 2 and below[1]):
        return ""
    name = unquote(below[0], errors="replace")
    if not _is_name(name):
        return ""
    return f"{name}/" if len(below) == 2 else name


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _host(parts: SplitResult) -> str:
    """Return host and port, without credentials and default ports."""
    return parts.netloc.rpartition("@")[2].lower().removesuffix(":80").removesuffix(":443")


# The files of a release have nearly all the same date.
@lru_cache(maxsize=16384)
def _date(text: str) -> datetime:
    """Return the date of a row; ValueError if it is invalid."""
    found = next((found for each in _DATES if (found := each.fullmatch(text))), None)
    if found is None:
        raise ValueError(text)
    year, month, day, time = found.group("year", "month", "day", "time")
    if month.isalpha():
        month = f"{_MONTHS.index(month) + 1:02}"
    return datetime.fromisoformat(f"{year}-{month}-{day} {time}").replace(tzinfo=UTC)


def _size(text: str) -> int | None:
    """Return the size of a row, None if it is not exact; ValueError if it is invalid."""
    if text.isdecimal() and text.isascii() and len(text) <= _LONGEST_SIZE:
        return int(text)
    if text in ("-", "") or _INEXACT_SIZE.fullmatch(text):
        return None
    if text.endswith(" B") and text[:-2].isdecimal():
        return _size(text[:-2])
    raise ValueError(text)
