"""From the page that a site serves for a directory to its entries.

Here: the formats of the pages (nginx's autoindex, Apache's `<pre>` and its table), and how to tell
a listing from everything else that a server answers with status 200. Not here: what the entries'
names mean (`model.artifacts`) and how the page got here (`client`).

A page is believed as a whole or not at all: no page gives an empty or a shorter list because it was
cut, is an error page, or belongs to another directory.
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
from pyorg_pipeline.model.entries import Entry

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

# nginx: ngx_http_autoindex_module.c; Apache: mod_autoindex.c. Both put it before the path, in the
# title as in the heading.
_HEADING = "Index of "

_TITLE = re.compile(rb"<title[^<>]*>([^<]*)<", re.IGNORECASE)

# An href that needs no resolving and no decoding, which is nearly every one: nothing in it has a
# meaning of its own in a URL, and the first character rules out `.` and `..`.
_PLAIN_HREF = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~+,=@-]*/?")

# Apache's sizes from 973 bytes on: `1.2K`, `23M` (apr_strfsize), up to 1.3 in small letters.
_INEXACT_SIZE = re.compile(r"[0-9]{1,4}(\.[0-9])?[KMGTPE]", re.IGNORECASE | re.ASCII)
# Bytes; 18 digits fit the signed 64 bits of the tables.
_EXACT_SIZE = re.compile(r"[0-9]{1,18}")

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
# `31-Jan-2020 10:00` (nginx, and Apache up to 2.2) or `2020-01-31 10:00` (Apache since 2.4).
_DATE = re.compile(
    r"(?:(?P<day>\d\d)-(?P<name>[A-Z][a-z]{2})-(?P<year>\d{4})"
    r"|(?P<iso_year>\d{4})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d))"
    r" (?P<hour>\d\d):(?P<minute>\d\d)",
    re.ASCII,
)

_NEXT = "; nothing was taken from it, ask again later"


def parse_listing(content: bytes, url: str, directory: str = "") -> list[Entry]:
    """Return the entries of a directory's page, in the page's order.

    Args:
        content: The page, as it came.
        url: Where the page came from, which its links are relative to.
        directory: The directory that was asked for, relative to the site; its last segment has to
            be the last one of the path that the page says it lists. Empty for the root of a site,
            which may have any path.

    Returns:
        Entries with their names decoded (bytes that are no UTF-8 become U+FFFD). Dates are taken
        for UTC: python.org's are; Apache writes its own local time and does not say which. Sizes
        are bytes; Apache's rounded ones are None.

    Raises:
        ListingError: The page is no listing, is cut, cannot be read, or shows another directory.
    """
    _require_a_whole_listing(content, url)
    root = _parse(content, url)
    _require_the_right_directory(root, url, directory)
    base = urlsplit(url)
    entries: dict[str, Entry] = {}
    links = 0
    foreign = ""
    for href, date, size in _rows(root, url):
        links += 1
        name = href if _PLAIN_HREF.fullmatch(href) else _name_below(base, url, href)
        if not name:
            # The parent has no date, the links that sort have not even a row of their own.
            if date:
                foreign = foreign or href
            continue
        is_directory = name.endswith("/")
        if is_directory:
            name = name[:-1]
        if name in entries:
            continue
        if size is None:
            raise ListingError(
                url, f"the row of {name!r} is cut or of an unknown format{_NEXT}", is_listing=True
            )
        try:
            last_modified = _date(date) if date else None
            entries[name] = Entry(
                name, is_directory, last_modified, None if is_directory else _size(size)
            )
        except ValueError:
            raise ListingError(
                url,
                f"the row of {name!r} cannot be read: {f'{date} {size}'.strip()!r}{_NEXT}",
                is_listing=True,
            ) from None
    if not entries and foreign:
        raise ListingError(
            url,
            f"all its links lead elsewhere, the first to {foreign[:200]!r}: is this the URL?",
            is_listing=True,
        )
    if not links:
        raise ListingError(
            url, f"it lists nothing, not even its own parent{_NEXT}", is_listing=True
        )
    return list(entries.values())


def _require_a_whole_listing(content: bytes, url: str) -> None:
    """Refuse what need not be parsed to see that it is no whole listing."""
    page = content.strip().lower()
    if not page:
        raise ListingError(url, f"the page is empty{_NEXT}", is_listing=True)
    ends = page.endswith(b"</html>")
    if b"index of " not in page or not ends:
        found = _TITLE.search(content)
        title = found[1].decode(errors="replace").strip() if found else ""
        # All the formats end so; what a cut takes away is taken from here. A page with a title of
        # its own is another page, whatever its end.
        if page.startswith(b"<") and not ends and (not title or title.startswith(_HEADING)):
            reason = "is cut: it does not end with </html>"
            raise ListingError(url, f"the page {reason}{_NEXT}", is_listing=True)
        named = f" (its title is {title[:200]!r})" if title else ""
        raise ListingError(url, f"the page is no directory listing{named}{_NEXT}")
    # A proxy that mends the end of what it relays would hide the cut.
    for element in ("pre", "table"):
        if f"<{element}".encode() in page and f"</{element}>".encode() not in page:
            raise ListingError(
                url, f"the page is cut: <{element}> never ends{_NEXT}", is_listing=True
            )


def _parse(content: bytes, url: str) -> HtmlElement:
    try:
        content.decode()
    except UnicodeDecodeError:
        # libxml2 would drop such bytes, or all that follows them; which, depends on its version.
        content = content.decode(errors="replace").encode()
    try:
        root: HtmlElement | None = Selector(body=content, encoding="utf-8", type="html").root
    except (LxmlError, ValueError) as error:
        raise ListingError(url, f"the page cannot be read as HTML ({error}){_NEXT}") from error
    if root is None:
        raise ListingError(url, f"the page cannot be read as HTML{_NEXT}")
    return root


def _require_the_right_directory(root: HtmlElement, url: str, directory: str) -> None:
    headings = [
        text
        for tag in ("title", "h1")
        for element in root.iter(tag)
        if (text := (element.text or "").strip()).startswith(_HEADING)
    ]
    if not headings:
        raise ListingError(
            url, f"the page is no directory listing: neither title nor h1 says so{_NEXT}"
        )
    wanted = directory.rstrip("/").rpartition("/")[2]
    if not wanted:
        return
    # The first decides: it is the title, and a page has one.
    listed = headings[0][len(_HEADING) :]
    last = listed.rstrip("/").rpartition("/")[2]
    if wanted not in (last, unquote(last)):
        raise ListingError(
            url, f"the page lists {listed[:200]!r}, not {directory!r}{_NEXT}", is_listing=True
        )


def _rows(root: HtmlElement, url: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of each link of the listing, as written.

    The date is empty where the row shows none and None where the row is not one of the format; so
    is the size. Links outside the listing (a mirror's banner, a README below it) are left out.
    """
    listed = False
    # lxml's own iteration: a Selector object a link costs more than all the rest of this module.
    for element in root.iter("pre", "table"):
        listed = True
        if element.tag == "pre":
            for link in element.iter("a"):
                href = link.get("href")
                if href is not None:
                    yield href, *_columns_of_text(link.tail)
        else:
            for row in element.iter("tr"):
                yield from _links_of_cells(row)
    if not listed:
        raise ListingError(url, f"the page holds neither <pre> nor <table>{_NEXT}")


def _columns_of_text(text: str | None) -> tuple[str | None, str | None]:
    """Return date and size out of what follows a link in `<pre>`."""
    columns = (text or "").split(None, 3)
    if len(columns) >= 3 and ":" in columns[1]:
        return f"{columns[0]} {columns[1]}", columns[2]
    if len(columns) == 1:
        # Apache: a file whose date it cannot tell, or the parent.
        return "", columns[0]
    return None, None


def _links_of_cells(row: HtmlElement) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield href, date and size of each link that stands in a cell of a row of Apache's table."""
    cells = [cell for cell in row if cell.tag in ("td", "th")]
    for position, cell in enumerate(cells):
        link = next(cell.iter("a"), None)
        href = None if link is None else link.get("href")
        if href is None:
            continue
        columns = ["".join(other.itertext()).strip() for other in cells[position + 1 :]]
        if cell.tag == "td" and len(columns) >= 2:
            yield href, columns[0], columns[1]
            return
        yield href, None, None


def _name_below(base: SplitResult, url: str, href: str) -> str:
    """Return the decoded name that an href gives to something directly below the page's directory.

    A directory's ends in a slash. Empty if the href leads elsewhere: to the parent, another host,
    another order of the same page, or a place in it.
    """
    try:
        target = urlsplit(urljoin(url, href.strip()))
    except ValueError:
        return ""
    # A server behind a proxy that speaks TLS writes http into its absolute links; the scheme does
    # not matter, since the href is never asked for.
    if _place(target) != _place(base) or target.query or target.fragment:
        return ""
    here = [unquote(part) for part in base.path.rpartition("/")[0].split("/")]
    there = target.path.split("/")
    below = there[len(here) :]
    if [unquote(part) for part in there[: len(here)]] != here:
        return ""
    # One segment, or one and the nothing after its slash.
    if not 1 <= len(below) <= 2 or (len(below) == 2 and below[1]):
        return ""
    name = unquote(below[0], errors="replace")
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        return ""
    return f"{name}/" if len(below) == 2 else name


def _place(parts: SplitResult) -> str:
    """Return host and port, without credentials and default ports."""
    return parts.netloc.rpartition("@")[2].lower().removesuffix(":80").removesuffix(":443")


# Dates come in flocks: a release is copied within a few minutes. Pages are parsed in several
# threads, which the cache is safe for.
@lru_cache(maxsize=16384)
def _date(text: str) -> datetime:
    """Return the date that a row shows; ValueError if it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, name, year, iso_year, iso_month, iso_day, hour, minute = found.groups()
    if name is None:
        year, month, day = iso_year, int(iso_month), iso_day
    else:
        month = _MONTHS.get(name, 0)
    return datetime(int(year), month, int(day), int(hour), int(minute), tzinfo=UTC)


def _size(text: str) -> int | None:
    """Return the bytes that a row shows, None where they are not exact; ValueError if none."""
    if _EXACT_SIZE.fullmatch(text):
        return int(text)
    if text in ("-", "") or _INEXACT_SIZE.fullmatch(text):
        return None
    raise ValueError(text)
