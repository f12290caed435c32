"""A catalog of the small site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import Catalog


@pytest.fixture
def empty(site: Replica, tmp_path: Path) -> Iterator[Catalog]:
    """A catalog before its first refresh."""
    with SiteClient(site.url, backoff=0, retries=0, read_timeout=3) as client:
        yield Catalog(CatalogStore(LocalLocation(tmp_path / "catalog")), client)


@pytest.fixture
def catalog(empty: Catalog) -> Catalog:
    """A catalog after its first refresh."""
    empty.refresh()
    return empty
