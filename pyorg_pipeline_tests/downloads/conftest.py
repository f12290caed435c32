"""Fixtures of the tests of downloads: a site with one file, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import BYTES, DATE, PATH


@pytest.fixture
def replica() -> Iterator[Replica]:
    """A site that has BYTES at PATH."""
    with Replica([]) as replica:
        replica.add(PATH, content=BYTES, last_modified=DATE)
        yield replica


@pytest.fixture
def client(replica: Replica, connect: Callable[..., SiteClient]) -> SiteClient:
    return connect(replica.url)
