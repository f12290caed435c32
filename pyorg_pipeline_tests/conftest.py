"""What tests of several rooms share: the whole record as a site, and a catalog filled from it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline.orchestration.run import refresh
from pyorg_pipeline.settings import load_settings
from pyorg_pipeline.site.replica import Replica
from pyorg_pipeline_tests.s3_server import s3_server


@pytest.fixture(scope="session")
def whole_site() -> Iterator[Replica]:
    """The whole record, served; to be read only, as all tests of a session share it."""
    with Replica() as replica:
        yield replica


@pytest.fixture(scope="session")
def catalog_home(whole_site: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PYORG_HOME with everything of the whole site; to be read only. Takes some seconds, once."""
    home = tmp_path_factory.mktemp("pyorg-home")
    done = refresh(load_settings({"PYORG_HOME": str(home), "PYORG_SITE_URL": whole_site.url}))
    assert not done.failures
    return home


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket on a real S3 server, for all tests of a session."""
    with s3_server() as url:
        yield url


@pytest.fixture
def s3_url(s3_bucket: str) -> str:
    """A URL below which nothing lies yet."""
    return f"{s3_bucket}/{secrets.token_hex(8)}"
