"""What tests of several rooms share: the whole record as a site, and a catalog filled from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline.orchestration.run import refresh
from pyorg_pipeline.settings import load_settings
from pyorg_pipeline.site.replica import Replica


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
