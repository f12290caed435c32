"""Dagster's UI as a person sees it: pages, clicks and pictures in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import yaml

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.demo.replica.tree import Node
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, dagster_dev, wait_until
from pyorg_pipeline_tests.support.small_site import FILES, LONG_AGO, small_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Each asset, a word of its description, and what its Overview shows of what was written.
ASSETS = {
    "release_directories": ("root listing", "listing_age_seconds"),
    "release_artifacts": ("one table a directory", "changed_files"),
    "artifact_digests": ("Materializing this asset makes no request", "signatures_verified"),
    "artifact_catalog": ("Everything that the site has now", "releases_a_year"),
    "latest_version": ("newest final", "latest_final"),
    "releases": ("Each release, such as 3.15.0rc1", "newly_complete"),
    "catalog_changes": ("What appeared, vanished or was replaced", "appeared"),
    "install_manager": ("Materializing this asset makes no request", "no rows"),
    "downloaded_artifacts": ("Materializing this asset makes no request", "bytes_fetched"),
}


#: The newest source tarballs of two series.
NEWEST = ["3.14.0/Python-3.14.0.tar.xz", "3.13.9/Python-3.13.9.tar.xz"]


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    # The replica makes bundles with the digests of its files.
    bundles = [Node(f"{path}.sigstore", 2000, LONG_AGO) for path in NEWEST]
    with Replica([*small_site(), *bundles]) as replica:
        yield replica


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


def test_the_lineage_of_a_refreshed_catalog_is_complete_at_first_sight(
    page: Page, ui: DagsterUI
) -> None:
    # The page of all lineage: it shows assets, and no groups to be opened.
    page.goto(f"{ui.url}/asset-groups")
    for name in ASSETS:
        page.get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("Materialized", exact=True).nth(len(ASSETS) - 2).wait_for()
    page.get_by_text("100% filled").wait_for()
    assert page.get_by_text("Never materialized").count() == 0


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_s_overview_shows_its_description_and_metadata(
    page: Page, ui: DagsterUI, name: str
) -> None:
    page.goto(f"{ui.url}/assets/{name}")
    for text in (*ASSETS[name], "columns"):
        page.get_by_text(text).first.wait_for()


def test_the_newest_versions_and_their_dates_are_on_the_first_screen(
    page: Page, ui: DagsterUI
) -> None:
    page.goto(f"{ui.url}/assets/latest_version")
    rows = page.locator("tr", has=page.get_by_role("cell", name="3.15", exact=True))
    cell = rows.last.get_by_role("cell", name="3.15.0a1")
    cell.wait_for()
    box = cell.bounding_box()
    assert box is not None
    assert box["y"] < 1000
    assert rows.last.inner_text().split() == ["3.15", "3.15.0a1", f"{LONG_AGO:%Y-%m-%d}"]


def test_a_picture_is_drawn_and_not_blocked(page: Page, ui: DagsterUI) -> None:
    page.goto(f"{ui.url}/assets/artifact_catalog")
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


def test_the_launchpad_shows_a_selection_that_can_be_launched(
    page: Page, ui: DagsterUI, settings: Settings
) -> None:
    page.goto(f"{ui.url}/locations/pyorg_pipeline.definitions/jobs/download_artifacts/playground")
    # What a field means stands beside the editor.
    page.get_by_role("button", name="select_artifacts").wait_for()
    editor = page.locator(".CodeMirror").first
    config = yaml.safe_load(editor.evaluate("editor => editor.CodeMirror.getValue()"))
    shown = config.pop("ops")["select_artifacts"]["config"]
    assert config == {}
    folder = settings.home / "downloads"
    assert (shown["destination"], shown["limit"]) == (str(folder), 3)
    assert not {"batch_size", "retries", "retry_delay"}.intersection(shown)
    page.get_by_text("No errors").wait_for()
    page.get_by_role("button", name="Launch Run").click()
    run = finished_run(settings, job_name="download_artifacts")
    assert run.status is dg.DagsterRunStatus.SUCCESS
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert sizes == {path.partition("/")[2]: FILES[path] for path in NEWEST}
