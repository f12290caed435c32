"""The parser of directory listings: nginx's autoindex, Apache's `<pre>` and Apache's table.

A page is accepted as a whole or not at all: a cut page, an error page or the listing of another
directory is an error, never a shorter list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from lxml.etree import LxmlError  # type: ignore[import-untyped]  # stubs are a package of their own
from parsel import Selector

from pyorg_pipeline.errors import ListingError
from pyorg_pipeline.model.companions import Entry

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

# Before the path in title and h1, of nginx (ngx_http_autoindex_module.c) as of Apache
# (mod_autoindex.c).
_HEADING = "Index of "

_TITLE = re.compile(rb"<title[^<>]*>([^<]*)<", re.IGNORECASE)

# An href that needs neither resolving nor decoding, as nearly all: no character has a meaning in
# URLs, and the first one excludes `.` and `..`.
_PLAIN_HREF = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~+,=@-]*/?")

# Apache's sizes from 973 bytes on: `1.2K`, `23M` (apr_strfsize), up to 1.3 in small letters.
_INEXACT_SIZE = re.compile(r"[0-9]{1,4}(\.[0-9])?[KMGTPE]", re.IGNORECASE | re.ASCII)
# So many digits fit the signed 64 bits of the tables.
_LONGEST_SIZE = 18

# nginx, and Apache up to 2.2.
_DATE = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d)", re.ASCII)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# Apache since 2.4.
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d", re.ASCII)


def parse_listing(content: bytes, url: str, directory: str = "") -> list[Entry]:
    """Return the entries of a directory's page, in the page's order; raises ListingError.

    Names are decoded; bytes that are not UTF-8 become U+FFFD. Dates count as UTC, which python.org
    writes; Apache writes its local time without saying which. Sizes that Apache rounds are None.
    The last segment of the directory has to be the last one of the path in the page's heading.
    """
    _require_complete_listing(content, url)
    root = _parse(content, url)
    _require_directory(root, url, directory)
    base = urlsplit(url)
    entries: dict[str, Entry] = {}
    foreign = ""
    rows = list(_rows(root, url))
    for href, date, size in rows:
        name = href if _PLAIN_HREF.fullmatch(href) else _name_below(base, url, href)
        if not name:
            # The parent has no date, and the links for sorting have no row.
            if date:
                foreign = foreign or href
            continue
        is_directory = name.endswith("/")
        name = name.removesuffix("/")
        if name in entries:
            continue
        if size is None:
            raise _incomplete(url, f"the row of {name!r} is cut or has an unknown format")
        try:
            last_modified = _date(date) if date else None
            bytes_listed = None if is_directory else _size(size)
        except ValueError:
            columns = f"{date} {size}".strip()
            raise _incomplete(url, f"the row of {name!r} is invalid: {columns!r}") from None
        entries[name] = Entry(name, is_directory, last_modified, bytes_listed)
    if not entries and foreign:
        raise ListingError(
            url,
            f"all links lead elsewhere, the first to {foreign[:200]!r}; check the site's URL",
            is_listing=True,
        )
    if not rows:
        raise _incomplete(url, "the page lists nothing, not even its parent")
    return list(entries.values())


def _incomplete(url: str, reason: str) -> ListingError:
    """A page that is a listing, so that a later request may return the complete one."""
    return ListingError(url, f"{reason}; try again later", is_listing=True)


def _no_listing(url: str, reason: str) -> ListingError:
    return ListingError(url, f"{reason}; open it in a browser")


def _require_complete_listing(content: bytes, url: str) -> None:
    """Raise a ListingError if the page is visibly incomplete or another page."""
    page = content.strip().lower()
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


def _require_directory(root: HtmlElement, url: str, directory: str) -> None:
    """Raise if title or h1 do not say that the page lists this directory."""
    texts = ((tag.text or "").strip() for name in ("title", "h1") for tag in root.iter(name))
    heading = next((text for text in texts if text.startswith(_HEADING)), None)
    if heading is None:
        raise _no_listing(url, "the page is not a directory listing: title and h1 do not say so")
    listed = heading.removeprefix(_HEADING)
    expected = directory.rpartition("/")[2]
    last = listed.rstrip("/").rpartition("/")[2]
    if expected and expected not in (last, unquote(last)):
        raise _incomplete(url, f"the page lists {listed[:200]!r}, not {directory!r}")


def _rows(root: HtmlElement, url: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of each link of the listing, as written.

    A column is empty where the row shows nothing, and None where the row has an unknown format.
    Links outside the listing, such as those in a mirror's banner, are left out.
    """
    # lxml's own iteration: a Selector for each link takes longer than the rest of this module.
    elements = list(root.iter("pre", "table"))
    if not elements:
        raise _no_listing(url, "the page has neither <pre> nor <table>")
    for element in elements:
        if element.tag == "pre":
            for link in element.iter("a"):
                if href := link.get("href"):
                    yield href, *_columns_of_text(link.tail)
        else:
            for row in element.iter("tr"):
                yield from _link_of_row(row)


def _columns_of_text(text: str | None) -> tuple[str | None, str | None]:
    """Return date and size from the text after a link in `<pre>`."""
    columns = (text or "").split(None, 3)
    if len(columns) >= 3 and ":" in columns[1]:
        return f"{columns[0]} {columns[1]}", columns[2]
    if len(columns) == 1:
        # Apache: a file without a date, or the parent.
        return "", columns[0]
    return None, None


def _link_of_row(row: HtmlElement) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of a row of Apache's table; the header has `<th>` only."""
    cells = row.findall("td")
    for position, cell in enumerate(cells):
        link = cell.find(".//a[@href]")
        if link is not None:
            columns = ["".join(other.itertext()).strip() for other in cells[position + 1 :]]
            date, size = columns[:2] if len(columns) >= 2 else (None, None)
            yield link.get("href"), date, size
            return


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
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        return ""
    return f"{name}/" if len(below) == 2 else name


def _host(parts: SplitResult) -> str:
    """Return host and port, without credentials and default ports."""
    return parts.netloc.rpartition("@")[2].lower().removesuffix(":80").removesuffix(":443")


# The files of a release have nearly all the same date.
@lru_cache(maxsize=16384)
def _date(text: str) -> datetime:
    """Return the date of a row; ValueError if it is invalid."""
    if found := _DATE.fullmatch(text):
        day, month, year, time = found.groups()
        text = f"{year}-{_MONTHS.index(month) + 1:02}-{day} {time}"
    elif not _ISO_DATE.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _size(text: str) -> int | None:
    """Return the size of a row, None if it is not exact; ValueError if it is invalid."""
    if text.isdecimal() and text.isascii() and len(text) <= _LONGEST_SIZE:
        return int(text)
    if text in ("-", "") or _INEXACT_SIZE.fullmatch(text):
        return None
    raise ValueError(text)
