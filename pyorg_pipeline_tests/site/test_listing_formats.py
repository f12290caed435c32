"""The parser over the formats of other servers, and over those that it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from pyorg_pipeline.demo.replica.tree import Node, ReplicaTree, read_record
from pyorg_pipeline.errors import ListingError
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.site.listing import parse_listing
from pyorg_pipeline_tests.support.listing_formats import FORMATS, Listing, fancyindex, npmmirror

DATA = Path(__file__).parent / "data"
PATH = "/ftp/python/3.7.3/"
URL = f"https://www.python.org{PATH}"
WHEN = datetime(2025, 10, 14, 14, 31, tzinfo=UTC)
SIZES = {"small": 96, "zero": 0, "kilo": 1024, "large": 22_681_368, "amd64": None}
NODES = [Node(f"3.7.3/{name}", size, WHEN) for name, size in SIZES.items()]


def error_of(content: bytes) -> ListingError:
    with pytest.raises(ListingError) as caught:
        parse_listing(content, URL, "3.7.3")
    return caught.value


@pytest.mark.parametrize(("name", "directory"), [("3.7.3", "3.7.3"), ("odd_names", "odd")])
def test_the_json_of_nginx_has_the_entries_of_its_html(name: str, directory: str) -> None:
    url = f"http://host/ftp/python/{directory}/"
    from_html = parse_listing((DATA / f"{name}.html").read_bytes(), url, directory)
    assert parse_listing((DATA / f"{name}.json").read_bytes(), url, directory) == from_html


@pytest.mark.parametrize("listing", FORMATS.values(), ids=FORMATS)
def test_every_directory_has_the_same_entries_in_every_format(listing: Listing) -> None:
    tree, rows = ReplicaTree(read_record()), 0
    root = tree.listing("") or []
    for path in ["", *(node.path for node in root if node.size is None)]:
        nodes = tree.listing(path) or []
        content = listing(f"/ftp/python/{path}", nodes)
        entries = parse_listing(content, f"http://host/ftp/python/{path}", path.removesuffix("/"))
        assert entries == [
            Entry(node.name, node.size is None, node.last_modified.replace(second=0), node.size)
            for node in nodes
        ]
        rows += len(entries)
    assert rows > 11_000


@pytest.mark.parametrize("date", ["%Y-%b-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%d-%b-%Y %H:%M"])
def test_sizes_that_fancyindex_rounds_are_unknown(date: str) -> None:
    content = fancyindex(PATH, NODES, exact=False, date=date)
    assert b"21.6 MiB" in content
    assert parse_listing(content, URL, "3.7.3") == [
        Entry("small", False, WHEN, 96),
        Entry("zero", False, WHEN, 0),
        Entry("kilo", False, WHEN, None),
        Entry("large", False, WHEN, None),
        Entry("amd64", True, WHEN, None),
    ]


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        (
            '{"name":"a","type":"file","date":"2025-10-14T14:31:42.123Z","size":7,"url":"x/3.7.3/a"}',
            Entry("a", False, WHEN, 7),
        ),
        ('{"name":"a/","type":"dir","date":"-","url":"/3.7.3/a/"}', Entry("a", True, None, None)),
        ('{"name":"a","type":"other"}', Entry("a", False, None, None)),
    ],
)
def test_rows_of_json_may_lack_date_and_size(row: str, entry: Entry) -> None:
    assert parse_listing(f" [{row}]\n".encode(), URL, "3.7.3") == [entry]


@pytest.mark.parametrize("listing", [*FORMATS.values(), partial(fancyindex, exact=False)])
def test_a_page_cut_anywhere_is_an_error_in_every_format(listing: Listing) -> None:
    whole = listing(PATH, NODES)
    assert len(parse_listing(whole, URL, "3.7.3")) == len(SIZES)
    for place in range(len(whole)):
        assert error_of(whole[:place]).transient, place


def test_a_listing_in_a_format_that_is_not_read_is_a_permanent_error_with_its_name() -> None:
    unread = {
        "lighttpd": (
            "<title>Index of /3.7.3/</title><h2>Index of /3.7.3/</h2>"
            '<div class="list"><table summary="Directory Listing" cellpadding="0"><tbody>\n'
            '<tr class="d"><td class="n"><a href="../">..</a>/</td><td class="m">&nbsp;</td>'
            '<td class="s">- &nbsp;</td><td class="t">Directory</td></tr>\n'
            '<tr><td class="n"><a href="a">a</a></td><td class="m">2025-Oct-14 14:31:08</td>'
            '<td class="s">21.6M</td><td class="t">application/x-xz</td></tr></tbody></table>'
        ),
        "Artifactory": (
            "<title>Index of python/3.7.3</title>\n</head>\n<body>\n<h1>Index of python/3.7.3</h1>"
            "\n<pre>Name  Last modified      Size</pre><hr/>\n<pre>"
            '<a href="../">../</a>\n<a href="a">a</a>  14-Oct-2025 14:31  21.63 MB\n</pre>\n<hr/>'
        ),
        "Caddy": (
            "<title>/3.7.3/</title><table><tr><td></td><td><a href='./a'>a</a></td></tr></table>"
            '<footer>Served with <a rel="noopener noreferrer" href="https://caddyserver.com">Caddy'
        ),
        "Python's http.server": (
            "<title>Directory listing for /3.7.3/</title>\n<h1>Directory listing for /3.7.3/</h1>"
            '\n<hr>\n<ul>\n<li><a href="a">a</a></li>\n</ul>\n<hr>'
        ),
    }
    pages = {name: f"<!DOCTYPE html><html>{text}</html>" for name, text in unread.items()}
    pages["Caddy (JSON)"] = (
        '[{"name":"a/","size":4096,"url":"./a/","mod_time":"2025-10-14T14:31Z"}]'
    )
    pages["S3 (XML)"] = '<?xml version="1.0"?>\n<ListBucketResult><Name>b</Name></ListBucketResult>'
    pages["nginx's autoindex_format xml"] = '<?xml version="1.0"?>\n<list>\n</list>'
    for name, text in pages.items():
        error = error_of(text.encode())
        assert error.reason == (
            f"the listing has the format of {name}, which is not supported; "
            "supported formats: nginx (HTML, JSON, fancyindex), Apache, npmmirror"
        )
        assert not error.transient


def test_an_unknown_format_of_all_rows_is_a_permanent_error() -> None:
    error = error_of(fancyindex(PATH, NODES, date="%b %d, %Y %H:%M"))
    assert "no row has a known format: the row of 'small' is invalid: 'Oct 14, 2025" in error.reason
    assert not error.transient


@pytest.mark.parametrize("listing", FORMATS.values(), ids=FORMATS)
def test_an_empty_directory_has_no_entries_in_every_format(listing: Listing) -> None:
    assert parse_listing(listing(PATH, []), URL, "3.7.3") == []


@pytest.mark.parametrize("listing", [fancyindex, npmmirror])
def test_the_listing_of_another_directory_is_an_error(listing: Listing) -> None:
    error = error_of(listing("/ftp/python/3.7.4/", [Node("3.7.4/a", 1, WHEN)]))
    assert "the page lists '" in error.reason
    assert error.transient
