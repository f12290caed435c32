"""Refreshes from sites whose listings have other formats than python.org's."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from pyorg_pipeline.catalog.store import CATALOG_FILE
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import ListingError
from pyorg_pipeline_tests.support.filling import Catalog
from pyorg_pipeline_tests.support.listing_formats import FORMATS, fancyindex, serve_in_format
from pyorg_pipeline_tests.support.small_site import DIRECTORIES


def rows(catalog: Catalog) -> list[dict[str, Any]]:
    return [{**row, "crawled_at": None} for row in catalog.store.rows(CATALOG_FILE)]


def test_every_format_gives_the_same_catalog_and_no_changes(
    site: Replica, catalog: Catalog
) -> None:
    expected = rows(catalog)
    for listing in FORMATS.values():
        serve_in_format(site, listing)
        assert all(done.error is None for done in catalog.crawl(*DIRECTORIES).values())
        assert catalog.refresh() == {}
        assert rows(catalog) == expected
        assert catalog.sequence is None
    serve_in_format(site, partial(fancyindex, exact=False))
    catalog.crawl(*DIRECTORIES)
    catalog.refresh()
    assert [{**row, "size": None} for row in rows(catalog)] == [
        {**row, "size": None} for row in expected
    ]


def test_a_format_that_is_not_read_is_refused_and_changes_nothing(
    site: Replica, catalog: Catalog
) -> None:
    page = b"<title>Directory listing for /ftp/python/</title>\n<ul></ul></html>"
    site.answer("", Answer(body=page))
    with pytest.raises(ListingError) as caught:
        catalog.update(full=True)
    assert str(caught.value) == (
        f"{site.url}: the listing has the format of Python's http.server, which is not supported; "
        "supported formats: nginx (HTML, JSON, fancyindex), Apache, npmmirror"
    )
    assert not caught.value.transient
    assert len(rows(catalog)) == 10
