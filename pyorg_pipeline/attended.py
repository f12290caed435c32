"""A refresh that someone waits for: a bar while it runs, a summary afterwards."""

from __future__ import annotations

import logging
from time import monotonic

from dagster import DagsterExecutionInterruptedError

from pyorg_pipeline.refresh.watch import Watch
from pyorg_pipeline.reports.progress import crawl_progress
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.summary import RefreshSummary

LOGGER = logging.getLogger(__name__)


def attended_refresh(
    settings: Settings,
    *,
    full: bool = False,
    accept_vanished: bool = False,
    digests: bool = False,
) -> RefreshSummary:
    """Refresh with a progress bar on stderr, if that is a terminal; returns what was done.

    Directories that failed are in the summary and not raised: whoever asked sees the rest first.

    Raises:
        CatalogLockedError: another refresh is at work.
        PyorgError: the root could not be read or believed; the last good catalog stays.
    """
    started = monotonic()
    with crawl_progress(settings.site_url) as progress:

        def crawled(watch: Watch) -> None:
            progress(len(watch.crawls), watch.wanted)
            done = watch.crawls[-1]
            LOGGER.debug("%s: %s", done.directory, done.error or f"{done.rows} files")

        try:
            done = refresh(
                settings,
                full=full,
                accept_vanished=accept_vanished,
                digests=digests,
                on_crawl=crawled,
            )
        except DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
    return RefreshSummary.of(done, settings, monotonic() - started)
