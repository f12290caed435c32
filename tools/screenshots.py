"""Takes the screenshots in docs/images from Dagster's UI with a catalog of the whole replica.

    python -m tools.screenshots

This takes a minute. Look at them before committing.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import load_settings
from pyorg_pipeline_tests.support.browser import browser_page
from pyorg_pipeline_tests.support.dagster_ui import dagster_dev

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
_JOBS: Final = "locations/pyorg_pipeline.definitions/jobs"


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    # The port of the README's outputs.
    with new_home() as home, Replica(port=8000) as site:
        settings = load_settings({"PYORG_HOME": str(home), "PYORG_SITE_URL": site.url})
        refresh(settings)
        with dagster_dev(settings, home / "log", PYORG_AUTOMATION="1") as ui:
            with browser_page() as page:
                take(page, f"{ui.url}/asset-groups", "100% filled", "lineage")
                take(page, f"{ui.url}/assets/latest_version", "latest_final", "latest_version")
                partition = "assets/release_artifacts?view=partitions&partition=3.13.9"
                take(page, f"{ui.url}/{partition}", "Latest materialization", "partition")
                take(page, f"{ui.url}/automation", "weekly_pruning", "automation")
                take(
                    page,
                    f"{ui.url}/{_JOBS}/download_artifacts/playground",
                    "No errors",
                    "launchpad",
                )
                take_picture(page, ui.url, "picture")
            with browser_page(dark=True) as page:
                take_picture(page, ui.url, "picture-dark")


@contextmanager
def new_home() -> Iterator[Path]:
    """A temporary folder with a readable name."""
    home = Path(tempfile.gettempdir()) / "pyorg-home"
    home.mkdir()
    try:
        yield home
    finally:
        shutil.rmtree(home)


def take(page: Page, url: str, text: str, name: str) -> None:
    """Take a page once it shows `text` and is idle."""
    page.goto(url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_load_state("networkidle")
    save(page, name)


def take_picture(page: Page, url: str, name: str) -> None:
    """Take the chart of the releases per year."""
    page.goto(f"{url}/assets/artifact_catalog")
    row = page.locator("tr", has=page.get_by_text("releases_a_year", exact=True)).last
    row.get_by_text("Show Markdown").click()
    page.get_by_alt_text("Releases a year, by level").wait_for()
    save(page, name)


def save(page: Page, name: str) -> None:
    # Wait for the graph's animation.
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"{name}.png")
    sys.stdout.write(f"{name}.png\n")


if __name__ == "__main__":
    main()
