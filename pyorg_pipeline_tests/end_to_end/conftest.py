"""Dagster's UI on a refreshed catalog. Each file says with its fixture `running` of which site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.browser import NoBrowserError, browser_page
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, dagster_dev

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def settings(running: Replica, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a home with a filled catalog."""
    home = str(tmp_path_factory.mktemp("home"))
    settings = load_settings({"PYORG_SITE_URL": running.url, "PYORG_HOME": home})
    refresh(settings)
    return settings


@pytest.fixture(scope="module")
def ui(settings: Settings) -> Iterator[DagsterUI]:
    with dagster_dev(settings, settings.home / "dagster-dev.log") as ui:
        yield ui


@pytest.fixture(scope="module")
def page(settings: Settings) -> Iterator[Page]:  # noqa: ARG001  # a refresh runs a loop of its own
    """A browser's page, or a skipped test where no browser is installed."""
    try:
        with browser_page() as page:
            yield page
    except NoBrowserError as error:
        pytest.skip(str(error))


@pytest.fixture
def site(running: Replica) -> Iterator[Replica]:
    """The site with its own answers, for one test."""
    running.clear_requests()
    yield running
    running.clear_answers()
