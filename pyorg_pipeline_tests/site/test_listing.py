"""The parser over recorded pages, and over pages that must not count as a listing.

`data/README.md` describes the pages of nginx. The pages of Apache are recorded from
Apache 2.4.71 (Debian 12), `IndexOptions FancyIndexing` (pre), `FancyIndexing HTMLTable NameWidth=*
VersionSort` (table) and `FancyIndexing NameWidth=* SuppressIcon SuppressDescription XHTML
Charset=UTF-8 FoldersFirst` (xhtml), over a folder made for it, with its clock on UTC.
"""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyorg_pipeline.demo.replica.tree import Node
from pyorg_pipeline.errors import ListingError
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.site.listing import parse_listing
from pyorg_pipeline_tests.support.listing_formats import fancyindex

DATA = Path(__file__).parent / "data"
URL = "https://www.python.org/ftp/python/3.7.3/"
APACHE_URL = "http://mirror.example/pub/python/3.13.9/"
#: File, URL, directory.
RECORDED = [
    ("root.html", "https://www.python.org/ftp/python/", ""),
    ("src.html", "https://www.python.org/ftp/python/src/", "src"),
    ("3.7.3.html", URL, "3.7.3"),
    ("devtest.html", "https://www.python.org/ftp/python/devtest/", "devtest"),
    ("apache_pre.html", APACHE_URL, "3.13.9"),
    ("apache_table.html", APACHE_URL, "3.13.9"),
    ("apache_xhtml.html", APACHE_URL, "3.13.9"),
]


def recorded(name: str) -> bytes:
    return (DATA / name).read_bytes()


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def page(
    rows: str, *, path: str = "/ftp/python/3.7.3/", parent: str = '<a href="../">../</a>\r\n'
) -> bytes:
    """A page as nginx makes them, with these rows."""
    return (
        f"<html>\r\n<head><title>Index of {path}</title></head>\r\n<body>\r\n"
        f"<h1>Index of {path}</h1><hr><pre>{parent}{rows}</pre><hr></body>\r\n</html>\r\n"
    ).encode()


def row(href: str, columns: str = "31-Oct-2025 10:00    7") -> str:
    return f'<a href="{href}">text</a>   {columns}\r\n'


def names(content: bytes, url: str = URL) -> list[str]:
    return [entry.name for entry in parse_listing(content, url, "3.7.3")]


def error_of(content: bytes, *, directory: str = "3.7.3", url: str = URL) -> ListingError:
    with pytest.raises(ListingError) as caught:
        parse_listing(content, url, directory)
    assert caught.value.url == url
    assert str(caught.value).startswith(url)
    return caught.value


def test_the_rows_of_nginx_are_entries_in_order() -> None:
    entries = parse_listing(recorded("3.7.3.html"), URL, "3.7.3")
    lines = recorded("3.7.3.html").decode().splitlines()[4:-2]
    assert len(entries) == len(lines) == 48
    for entry, line in zip(entries, lines, strict=True):
        size = line.split()[-1]
        assert entry.name == line.split('"')[1].rstrip("/")
        assert entry.is_directory == line.split('"')[1].endswith("/")
        assert entry.size == (None if size == "-" else int(size))
        assert entry.last_modified is not None
        assert entry.last_modified.strftime("%d-%b-%Y %H:%M") == " ".join(line.split()[-3:-1])
        assert entry.last_modified.tzinfo is UTC


def test_names_are_the_decoded_hrefs() -> None:
    entries = parse_listing(recorded("odd_names.html"), "http://host/ftp/python/odd/", "odd")
    found = {entry.name for entry in entries}
    assert len(entries) == len(found) == recorded("odd_names.html").count(b"<a href=") - 1
    assert {"a b", "a&b", "a<b>", "a%b", "a%2Fb", "a#b", "a?b", "a+b", "a:b", "a'b", 'a"b'} <= found
    assert {"x" * 46, "x" * 50, "x" * 51, "x" * 200, "\u00e9" * 30} <= found
    assert "latin-1 \N{REPLACEMENT CHARACTER}" in found
    assert all(entry.last_modified == at("2024-02-29 23:59") for entry in entries)


def test_an_empty_directory_has_no_entries() -> None:
    url = "http://host/ftp/python/devtest/"
    assert parse_listing(recorded("devtest.html"), url, "devtest") == []
    for name in ("apache_empty_pre.html", "apache_empty_table.html"):
        assert (
            parse_listing(recorded(name), "http://mirror.example/pub/python/empty/", "empty") == []
        )


@pytest.mark.parametrize("name", ["apache_pre.html", "apache_table.html", "apache_xhtml.html"])
def test_apache_has_dates_and_exact_sizes_of_small_files(name: str) -> None:
    entries = parse_listing(recorded(name), APACHE_URL, "3.13.9")
    assert sorted(entries) == [
        Entry("Python-3.13.9.tar.xz", False, at("2025-10-14 14:31"), None),
        Entry("Python-3.13.9.tar.xz.spdx.json", False, at("2025-10-15 00:14"), None),
        Entry("Python-3.13.9.tgz", False, at("2025-10-14 14:31"), None),
        Entry("Python-3.13.9.tgz.sig", False, at("2025-10-14 23:21"), 96),
        Entry("a%2Fb", False, at("2025-10-16 08:02"), None),
        Entry("amd64", True, at("2025-10-14 22:49"), None),
        Entry("caf\u00e9.txt", False, at("2025-10-16 08:03"), None),
        Entry("notes & more #1.txt", False, at("2025-10-16 08:00"), None),
        Entry(
            "python-3.13.9-a-name-that-is-longer-than-any-column-of-a-listing.tar.xz",
            False,
            at("2000-01-01 00:00"),
            None,
        ),
        Entry("python-3.13.9-amd64.exe", False, at("2025-10-14 15:05"), None),
        Entry("python-3.13.9-embed-amd64.zip", False, at("2025-10-14 15:05"), None),
        Entry("win32", True, at("2025-10-14 20:43"), None),
        Entry("windows-3.13.9.json", False, at("2025-10-14 15:06"), None),
        Entry("zero", False, at("2025-10-16 08:01"), 0),
    ]


def test_a_description_after_the_size_is_ignored() -> None:
    content = page(row("a", "2020-01-31 10:00  1.2K  An archive: 31-Oct-2025 10:00 7"))
    assert parse_listing(content, URL, "3.7.3") == [Entry("a", False, at("2020-01-31 10:00"), None)]


@pytest.mark.parametrize("blank", ["", "&nbsp;", "  "])
def test_a_row_of_apache_may_have_no_date(blank: str) -> None:
    table = (
        "<html><head><title>Index of /x/3.7.3</title></head><body><table>"
        f'<tr><td><a href="a">a</a></td><td>{blank}</td><td>  - </td></tr></table></body></html>'
    )
    expected = [Entry("a", False, None, None)]
    assert parse_listing(table.encode(), URL, "3.7.3") == expected
    assert parse_listing(page(row("a", "        -   ")), URL, "3.7.3") == expected


def test_absolute_hrefs_are_resolved() -> None:
    hrefs = [
        "/ftp/python/3.7.3/rooted",
        "https://www.python.org/ftp/python/3.7.3/whole",
        "http://www.python.org/ftp/python/3.7.3/without-tls",
        "https://WWW.python.org:443/ftp/python/3.7.3/with-port",
        "//www.python.org/ftp/python/3.7.3/without-scheme",
        "/ftp/python/3%2E7.3/otherwise%2dencoded",
        "/ftp/python/3.7.3/folder/",
        "./dotted",
        "../3.7.3/roundabout",
    ]
    entries = parse_listing(page("".join(map(row, hrefs))), URL, "3.7.3")
    assert [entry.name for entry in entries] == [
        "rooted", "whole", "without-tls", "with-port", "without-scheme", "otherwise-encoded",
        "folder", "dotted", "roundabout",
    ]  # fmt: skip
    assert [entry.name for entry in entries if entry.is_directory] == ["folder"]


@pytest.mark.parametrize(
    "href",
    [
        "../", "..", "./", ".", "", "/", "/ftp/python/", "?C=N;O=D", "?C=M&amp;O=A", "#top", "a#b",
        "a?b", "a/b", "a/b/", "../3.7.4/", "/ftp/python/3.7.4/a", "/ftp/python/3.7.3x/a",
        "http://elsewhere.example/ftp/python/3.7.3/a", "https://www.python.org:8443/ftp/python/3.7.3/a",
        "//elsewhere.example/ftp/python/3.7.3/a", "javascript:alert(1)", "mailto:a@b.example",
        "http://[broken/a", "a%2Fb", "%2e%2e", "%2E", "%2e%2e/", "a%00b", "%2F", "..%2Fa",
    ],
)  # fmt: skip
def test_links_to_elsewhere_are_not_entries(href: str) -> None:
    assert names(page(row(href) + row("kept"))) == ["kept"]


def test_the_first_of_two_rows_with_the_same_name_counts() -> None:
    content = page(row("a", "01-Jan-2020 00:00 1") + row("b") + row("%61", "02-Jan-2020 00:00 2"))
    entries = parse_listing(content, URL, "3.7.3")
    assert [(entry.name, entry.size) for entry in entries] == [("a", 1), ("b", 7)]


def test_invalid_utf8_loses_no_rows() -> None:
    content = page(row("a") + "MARK" + row("b")).replace(
        b"MARK", row("caf\u00e9").encode("latin-1")
    )
    assert names(content) == ["a", "caf\N{REPLACEMENT CHARACTER}", "b"]


@pytest.mark.parametrize(
    "columns",
    [
        *(f"{date} 7" for date in ("31-Feb-2025 10:00", "01-Foo-2025 10:00", "2025-13-01 10:00")),
        *(
            f"31-Oct-2025 10:00 {size}"
            for size in ("x", "1e5", "7" * 19, "\u0663", "-1", "1.23K", "K", "12345K")
        ),
        *("", "31-Oct-2025", "31-Oct-2025 10:00", "31-Oct-20<b></b>", "01-Jan-2025 25:00 7"),
    ],
)
def test_a_row_that_is_cut_or_has_an_invalid_date_or_size_is_an_error(columns: str) -> None:
    error = error_of(page(row("a", columns) + row("b")))
    assert "the row of 'a' is" in error.reason
    assert error.is_listing


@pytest.mark.parametrize(("name", "url", "directory"), RECORDED)
def test_a_page_cut_anywhere_is_an_error(name: str, url: str, directory: str) -> None:
    whole = recorded(name)
    last = whole.rindex(b"</html>") + len(b"</html>")
    for place in range(last):
        error = error_of(whole[:place], url=url, directory=directory)
        assert error.is_listing, place
    # Only white space follows.
    assert parse_listing(whole[:last], url, directory) == parse_listing(whole, url, directory)


@pytest.mark.parametrize("name", ["src.html", "apache_table.html"])
def test_a_cut_page_with_a_repaired_end_is_an_error(name: str) -> None:
    whole = recorded(name)
    content = whole[: len(whole) // 2] + b"\n</body></html>\n"
    assert error_of(content, directory="").is_listing


@pytest.mark.parametrize(
    ("content", "words", "is_listing"),
    [
        (b"", "empty", True),
        (b" \r\n\t", "empty", True),
        (b'{"files": []}', "not a directory listing", False),
        (b'["a", "b"]', "JSON in an unknown format", False),
        (b'[{"name": 7, "type": "file"}]', "JSON in an unknown format", False),
        (b"[" * 100_000, "not valid JSON", True),
        (b'[{"name":"a","type":"file","size":true}]', "no row has a known format", False),
        (b"Index of /x/3.7.3/\n../\na 31-Oct-2025 10:00 7\n", "not a directory listing", False),
        (bytes(range(256)) * 40, "not a directory listing", False),
        (b"<html><title>Python 3.7.3</title><p>Hi</p></html>", "'Python 3.7.3'", False),
        (b"<html><title>Python 3.7.3</title><p>Index of /3.7.3/", "'Python 3.7.3'", False),
        (b"<html><title>Files</title>An index of everything</html>", "title and h1 do not", False),
        (b"<html><h1>Index of /3.7.3/</h1><a href='a'>a</a></html>", "neither <pre>", False),
        (b"<html><title>Index of /3.7.3/</title><pre></pre></html>", "not even its parent", True),
    ],
)
def test_another_page_is_an_error_with_its_reason(
    content: bytes, words: str, is_listing: bool
) -> None:
    error = error_of(content)
    assert words in error.reason
    assert error.is_listing == error.transient == is_listing


def test_the_listing_of_another_directory_is_an_error() -> None:
    error = error_of(page(row("a"), path="/ftp/python/3.7.4/"))
    assert "'/ftp/python/3.7.4/', not '3.7.3'" in error.reason
    assert error_of(page(row("a"), path="/ftp/python/13.7.3/")).is_listing
    error = error_of(page(row("/backend/3.7.3/a") + row("/backend/3.7.3/b")))
    assert "/backend/3.7.3/a" in error.reason


@pytest.mark.parametrize(
    ("path", "url", "directory"),
    [
        ("/some/mirror/3.7.3", "http://host/3.7.3/", "3.7.3"),
        ("/", "http://host/here/", ""),
        ("/ftp/python/a &amp; b/", "http://host/ftp/python/a%20%26%20b/", "a & b"),
        ("/ftp/python/a%20b/", "http://host/ftp/python/a%20b/", "sub/a b"),
    ],
)
def test_the_last_segment_of_the_path_is_compared_decoded(
    path: str, url: str, directory: str
) -> None:
    [entry] = parse_listing(page(row("x"), path=path), url, directory)
    assert entry.name == "x"


def test_links_outside_the_listing_are_left_out() -> None:
    content = page(row("kept")).replace(
        b"<hr><pre>", b'<p>See the <a href="LICENSE">licence</a> first.</p><hr><pre>'
    )
    assert names(content) == ["kept"]


def test_tags_may_be_in_capitals() -> None:
    content = (
        b"<HTML><HEAD><TITLE>Index of /pub/python/3.7.3</TITLE></HEAD><BODY>\n"
        b"<H1>Index of /pub/python/3.7.3</H1>\n"
        b'<PRE><IMG SRC="/icons/blank.gif" ALT="     "> <A HREF="?N=D">Name</A>\n<HR>\n'
        b'<IMG SRC="/icons/back.gif" ALT="[DIR]"> <A HREF="/pub/python/">Parent Directory</A>   '
        b"   18-Mar-2019 20:17      -  \n"
        b'<IMG SRC="/icons/unknown.gif" ALT="[   ]"> <A HREF="README">README</A>      '
        b"25-Mar-2019 22:00     7k  \n"
        b"</PRE><HR>\n<ADDRESS>Apache/1.3.42 Server</ADDRESS>\n</BODY></HTML>\n"
    )
    entries = parse_listing(content, "http://host/pub/python/3.7.3/", "3.7.3")
    assert entries == [Entry("README", False, at("2019-03-25 22:00"), None)]


FRAGMENTS = [
    *("<a href=", '"', "'", ">", "</a>", "<pre>", "</pre>", "<table>", "<tr>", "<td>", "</td>"),
    *("31-Oct-2025 10:00", " ", "-", "7", "1.2K", "\r\n", "a/", "../", "%2F", "%00", "http://"),
    *("[", "<!--", "-->", "<?", "<![CDATA[", "&#0;", "&#xD800;", "&lt;", "\x00", "\ufeff"),
    *("</html>", *string.printable),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60), st.binary(max_size=400))
@example(["<b>"] * 5000, b"")
def test_any_content_is_a_list_or_a_listing_error(fragments: list[str], content: bytes) -> None:
    rows = (
        page("".join(fragments)),
        page("%s").replace(b"%s", content),
        fancyindex("/3.7.3/", [Node("%s", 1, at("2025-10-14 14:31"))]).replace(b"%25s", content),
        json.dumps([{"name": text, "type": text, "mtime": text} for text in fragments]).encode(),
    )
    for framed in (*rows, content):
        try:
            entries = parse_listing(framed, URL, "3.7.3")
        except ListingError:
            continue
        for entry in entries:
            assert entry.name not in ("", ".", "..")
            assert "/" not in entry.name
            assert "\0" not in entry.name
            assert entry.size is None or not entry.is_directory
