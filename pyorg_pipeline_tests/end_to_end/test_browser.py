"""Dagster's UI as a person sees it: pages, clicks and pictures in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.browser import NoBrowserError, browser_page
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, dagster_dev, wait_until
from pyorg_pipeline_tests.support.small_site import FILES, small_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Each asset, a word of its description, and an entry that its page shows of what was written.
ASSETS = {
    "release_directories": ("root listing", "listing_age_seconds"),
    "artifact_catalog": ("Everything that the site has now", "releases_a_year"),
    "latest_version": ("newest final", "latest_final"),
    "releases": ("Each release, such as 3.15.0rc1", "newly_complete"),
    "catalog_changes": ("What appeared, vanished or was replaced", "appeared"),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


@pytest.fixture(scope="module")
def page(settings: Settings) -> Iterator[Page]:  # noqa: ARG001  # a refresh runs a loop of its own
    try:
        with browser_page() as page:
            yield page
    except NoBrowserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def ui(
    page: Page,  # noqa: ARG001  # no server where there is no browser
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DagsterUI]:
    with dagster_dev(settings, tmp_path_factory.mktemp("dev") / "log") as ui:
        yield ui


def finished_run(settings: Settings, **how: Any) -> dg.DagsterRun:
    """The one run that these filters find, once it has ended."""
    with open_instance(settings.dagster_home) as instance:

        def found() -> list[dg.DagsterRun]:
            return list(instance.get_runs(dg.RunsFilter(**how)))

        wait_until(lambda: [run.is_finished for run in found()] == [True], "the run has ended")
        return found()[0]


def test_the_lineage_shows_each_asset_of_the_catalog(page: Page, ui: DagsterUI) -> None:
    page.goto(f"{ui.url}/locations/pyorg_pipeline.definitions/asset-groups/catalog")
    for name in [*ASSETS, "release_artifacts", "artifact_digests"]:
        page.get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("Materialized", exact=True).nth(len(ASSETS) - 1).wait_for()
    page.get_by_text("100% filled").wait_for()


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_s_page_shows_its_description_and_metadata(
    page: Page, ui: DagsterUI, name: str
) -> None:
    description, entry = ASSETS[name]
    page.goto(f"{ui.url}/assets/{name}")
    for text in (description, "pyorg_pipeline", "Column name"):
        page.get_by_text(text).first.wait_for()
    page.goto(f"{ui.url}/assets/{name}?view=events")
    page.get_by_text(entry, exact=True).first.wait_for()


def test_a_picture_is_drawn_and_not_blocked(page: Page, ui: DagsterUI) -> None:
    page.goto(f"{ui.url}/assets/artifact_catalog?view=events")
    row = page.locator("tr", has=page.get_by_text("releases_a_year", exact=True)).last
    row.get_by_text("Show Markdown").click()
    picture = page.get_by_alt_text("Releases a year, by level")
    picture.wait_for()
    # A browser that could not draw it would say 0.
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 300


def test_the_page_of_a_partition_shows_its_files_and_links_to_the_site(
    page: Page, ui: DagsterUI, site: Replica
) -> None:
    page.goto(f"{ui.url}/assets/release_artifacts?view=partitions&partition=3.13.9")
    page.get_by_text("Latest materialization").wait_for()
    link = page.get_by_role("link", name=f"{site.url}3.13.9/")
    assert link.get_attribute("href") == f"{site.url}3.13.9/"
    page.get_by_role("cell", name="Python-3.13.9.tar.xz", exact=True).wait_for()


def test_one_partition_is_materialised_by_clicking(
    page: Page, ui: DagsterUI, settings: Settings, site: Replica
) -> None:
    site.clear_requests()
    page.goto(f"{ui.url}/assets/release_artifacts?view=partitions&partition=3.14.0")
    page.get_by_text("Latest materialization").wait_for()
    page.get_by_role("button").filter(has_text="Materialize").first.click()
    page.get_by_role("button", name="Launch 1 run").click()
    run = finished_run(settings, tags={"dagster/partition": "3.14.0"})
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert [request.path for request in site.requests] == ["3.14.0/"]


def test_schedules_and_sensors_say_what_they_do(page: Page, ui: DagsterUI) -> None:
    page.goto(f"{ui.url}/automation")
    for name in ("hourly_root_listing", "weekly_full_crawl", "weekly_pruning"):
        page.get_by_text(name, exact=True).wait_for()
    page.goto(f"{ui.url}/locations/pyorg_pipeline.definitions/sensors/refresh_stale_tables")
    page.get_by_text("Crawls the directories that are new, changed or racy").first.wait_for()


def test_the_download_job_is_launched_from_the_launchpad(
    page: Page, ui: DagsterUI, settings: Settings, tmp_path: Path
) -> None:
    page.goto(f"{ui.url}/locations/pyorg_pipeline.definitions/jobs/download_artifacts/playground")
    # What a field means stands beside the editor.
    page.get_by_role("button", name="select_artifacts").wait_for()
    config = (
        "{ops: {select_artifacts: {config: {series: ['2.7'], attributes: {}, verify: 'false', "
        f"destination: '{tmp_path}'}}}}}}}}"
    )
    # Typed, the editor would close brackets by itself.
    page.locator(".CodeMirror").first.evaluate(
        "(editor, text) => editor.CodeMirror.setValue(text)", config
    )
    page.get_by_text("No errors").wait_for()
    page.get_by_role("button", name="Launch Run").click()
    run = finished_run(settings, job_name="download_artifacts")
    assert run.status is dg.DagsterRunStatus.SUCCESS
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes == {"Python-2.7.tgz": FILES["2.7/Python-2.7.tgz"]}
