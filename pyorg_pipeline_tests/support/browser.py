"""Chromium, driven by playwright, for tests and for the screenshots in docs/."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Where distributions install it; playwright's own is tried last.
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

#: Milliseconds to wait for an element.
PATIENCE: Final = 60_000


class NoBrowserError(Exception):
    """There is no browser on this machine, or no playwright."""


@contextmanager
def browser_page(*, dark: bool = False) -> Iterator[Page]:
    """An empty page of a browser with an empty profile, 1600 by 1000 pixels.

    Raises:
        NoBrowserError: says what is missing.
    """
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415  # may be missing
    except ImportError:
        raise NoBrowserError("playwright is not installed") from None
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        try:
            context = playwright.chromium.launch_persistent_context(
                profile,
                executable_path=found,
                args=list(_FLAGS),
                headless=True,
                viewport={"width": 1600, "height": 1000},
                color_scheme="dark" if dark else "light",
            )
        except Error as error:
            raise NoBrowserError(f"no Chromium could be started: {error.message}") from None
        try:
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            yield page
        finally:
            context.close()
