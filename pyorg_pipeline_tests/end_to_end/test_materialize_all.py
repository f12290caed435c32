"""What a person selects and materializes in the UI, under a real daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, wait_until
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, small_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.automation

ASSETS = [
    *("release_directories", "release_artifacts", "artifact_digests", "install_manager"),
    *("artifact_catalog", "latest_version", "releases", "catalog_changes", "downloaded_artifacts"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


def test_materialize_all_succeeds_for_every_asset_and_partition(
    ui: DagsterUI, site: Replica
) -> None:
    # The tests of this module share the site and run in any order.
    site.clear_requests()
    before = launched(ui)
    assert ui.materialize_all(ASSETS) == ("COMPLETED_SUCCESS", {"SUCCESS"})
    assert ui.states("release_artifacts") == dict.fromkeys(DIRECTORIES, "materialized")
    # Sensors and schedules are off: nothing else makes requests.
    new = [run for run in launched(ui) if run not in before]
    assert [run["id"] for run in new if "dagster/backfill" not in run["tags"]] == []
    requested = sorted(request.path for request in site.requests)
    assert requested == sorted(["", *(f"{name}/" for name in DIRECTORIES)])


def materialize(page: Page, url: str, partitions: Sequence[str] | None = None) -> None:
    """Click Materialize on a page, and in its dialog these partitions, all if empty."""
    page.goto(url)
    page.get_by_role("button").filter(has_text=re.compile("^Materialize")).first.click()
    if partitions is not None:
        dialog = page.locator(".dagster-portal")
        if partitions:
            dialog.get_by_text("Select a partition").click()
            for name in partitions:
                # Not the newest partition of the page behind the dialog.
                dialog.get_by_text(name, exact=True).first.click()
            dialog.get_by_text("Launch runs to materialize").click()
        else:
            dialog.get_by_role("button", name="All", exact=True).click()
        dialog.get_by_role("button", name=re.compile("^Launch")).click()
    page.get_by_text(re.compile("^(Launched run|Created backfill)")).wait_for()


def launched(ui: DagsterUI) -> list[dict[str, Any]]:
    """Id, status and tags of the runs that were not started by a command, the newest first."""
    runs = ui.ask("{ runsOrError { ... on Runs { results { id status tags { key } } } } }")
    found = [
        {**run, "tags": {tag["key"] for tag in run["tags"]}}
        for run in runs["runsOrError"]["results"]
    ]
    return [run for run in found if "pyorg/command" not in run["tags"]]


def ended(ui: DagsterUI, count: int) -> list[str]:
    """The states of the runs, once there are so many and all have ended, backfills included."""
    ends = {"SUCCESS", "FAILURE", "CANCELED"}

    def states() -> list[str]:
        return [run["status"] for run in launched(ui)]

    def has_ended() -> bool:
        # A backfill launches its later runs only after the first ones.
        found = ui.ask(
            "{ partitionBackfillsOrError"
            " { ... on PartitionBackfills { results { endTimestamp } } } }"
        )
        backfills = found["partitionBackfillsOrError"]["results"]
        is_over = all(one["endTimestamp"] is not None for one in backfills)
        return is_over and len(states()) >= count and ends.issuperset(states())

    wait_until(has_ended, f"{count} runs ended")
    return states()


def test_selections_launched_by_clicking_end_materialized_or_say_why_they_failed(
    page: Page, ui: DagsterUI, site: Replica
) -> None:
    before = len(launched(ui))
    materialize(page, f"{ui.url}/asset-groups", [])
    materialize(page, f"{ui.url}/asset-groups/release_artifacts,artifact_catalog", ["3.14.0"])
    materialize(page, f"{ui.url}/assets/release_artifacts", ["3.13.9", "3.14.0"])
    materialize(page, f"{ui.url}/assets/latest_version")
    assert set(ended(ui, before + 4)) == {"SUCCESS"}
    page.goto(f"{ui.url}/asset-groups")
    page.get_by_text("100% filled").wait_for()
    page.get_by_text("Materialized", exact=True).nth(len(ASSETS) - 2).wait_for()

    site.answer("3.14.0/", Answer(status=403))
    materialize(page, f"{ui.url}/asset-groups/release_artifacts,artifact_catalog", ["3.14.0"])
    assert ended(ui, before + 5)[0] == "FAILURE"
    page.goto(f"{ui.url}/runs/{launched(ui)[0]['id']}")
    page.get_by_text("forbidden (403)").first.wait_for()
    assert ui.states("release_artifacts")["3.14.0"] == "failed"
