"""A site that answers only when a test lets it, so that a refresh stops in the middle."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.command_line import PYORG, environment
from pyorg_pipeline_tests.support.processes import started

#: Seconds until a test fails because nothing requested the page.
TIMEOUT = 240


@contextmanager
def held_answer(site: Replica, path: str) -> Iterator[threading.Event]:
    """Answer no request for this path until the end; yields an event that the first one sets.

    The client gives up on each after its read timeout, and sends the next.
    """
    requested, go_on = threading.Event(), threading.Event()

    def hold(_: Request) -> Answer:
        requested.set()
        return Answer(hold=go_on)

    site.answer(path, hold)
    try:
        yield requested
    finally:
        go_on.set()
        site.clear_answers()


@contextmanager
def held_refresh(site: Replica, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A `pyorg refresh` in the middle of its crawl, until the end of the block."""
    command = [*PYORG, "refresh"]
    variables = environment(settings.home, PYORG_SITE_URL=settings.site_url)
    with started(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        with held_answer(site, "3.14.0/") as requested:
            assert requested.wait(TIMEOUT)
            yield process
        process.communicate()
