"""Refreshing a catalog that is missing or too old, before a query reads it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING, Final

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.catalog.reader import CatalogReader, reader_at
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import CatalogSiteError
from pyorg_pipeline.model.text import without_credentials
from pyorg_pipeline.settings import Settings

if TYPE_CHECKING:
    from pyorg_pipeline.reports.summary import RefreshSummary

LOGGER = logging.getLogger(__name__)

#: Seconds that a query waits for the site, and until this process tries again.
_READ_TIMEOUT: Final = 5
_RETRY_AFTER: Final = 300
#: Seconds that a first query waits for another one that fills the catalog.
_FILL_WAIT: Final = 600


def refresh(settings: Settings, **options: bool) -> RefreshSummary:
    """Refresh the catalog as `runs.refresh`; raises what could not be refreshed, at the end."""
    from pyorg_pipeline import runs  # noqa: PLC0415  # imports Dagster

    done = runs.refresh(settings, **options)
    if done.error is not None:
        raise done.error
    return done


def confirm(settings: Settings, paths: Sequence[str]) -> None:
    """Confirm the new digests of artifacts that the site replaced."""
    from pyorg_pipeline import runs  # noqa: PLC0415  # imports Dagster

    runs.confirm(settings, paths)


def fresh_reader(settings: Settings) -> CatalogReader:
    """The reader of the catalog, which is refreshed if it is missing or older than PYORG_MAX_AGE.

    An old one takes one request if nothing is new. If that fails, a warning says how old it is.
    A catalog of another site than the configured one answers, too, with a warning.

    Raises:
        PyorgError: there was no catalog, and it could not be filled.
    """
    reader = reader_at(settings.catalog_url)
    LOGGER.debug("the catalog is at %s", reader.location.text)
    if time() < reader.fresh_until:
        _is_of_another_site(reader, settings)
        return reader
    where, age = reader.location.text, reader.age()
    if age is None:
        # Without auto_refresh, the query raises that there is no catalog.
        if settings.auto_refresh:
            _say(f"No catalog at {where} yet: filling it from {settings.site_text}")
            from pyorg_pipeline.catalog.lock import exclusive  # noqa: PLC0415

            # Another query may be filling it.
            with exclusive(reader.location, settings.lock_folder, wait=_FILL_WAIT):
                if reader.age() is None:
                    refresh(settings)
    elif _is_of_another_site(reader, settings):
        # It cannot be refreshed.
        reader.fresh_until = time() + _RETRY_AFTER
    elif settings.max_age is None or age <= settings.max_age:
        # The module that formats durations takes longer to import than the query.
        if LOGGER.isEnabledFor(logging.DEBUG):
            LOGGER.debug(
                "it was refreshed %s ago from %s; PYORG_MAX_AGE is %s: no refresh",
                *(_text(age), reader.site_url, _text(settings.max_age)),
            )
        left = timedelta(days=1) if settings.max_age is None else settings.max_age - age
        reader.fresh_until = time() + left.total_seconds()
    else:
        reader.fresh_until = time() + _RETRY_AFTER
        old = f"the catalog at {where} is {_text(age)} old"
        if settings.auto_refresh:
            _say(f"{old[0].upper()}{old[1:]}: refreshing it from {settings.site_text}")
            try:
                _refresh_old(reader.location, settings)
            # Whatever goes wrong, even in Dagster: the query answers with what is known.
            except Exception as error:  # noqa: BLE001
                LOGGER.warning("%s, and could not be refreshed: %s", old, error)
        else:
            LOGGER.warning("%s: `pyorg refresh` updates it", old)
    return reader


def reader_as_is(settings: Settings) -> CatalogReader:
    """The reader of the catalog, however old; warns if it is of another site than the given one."""
    reader = reader_at(settings.catalog_url)
    reader.age()
    _is_of_another_site(reader, settings)
    return reader


def _is_of_another_site(reader: CatalogReader, settings: Settings) -> bool:
    """Whether the catalog was filled from another site than the given one; warns of it once."""
    if not settings.site_is_given or reader.site_url is None:
        return False
    known = reader.other_sites.get(settings.site_url)
    if known is None:
        error = _site_error(reader, settings)
        known = reader.other_sites[settings.site_url] = error is not None
        if known:
            LOGGER.warning("%s", error)
    return known


def _site_error(reader: CatalogReader, settings: Settings) -> CatalogSiteError | None:
    if reader.site_url in {None, settings.site_text}:
        return None
    from pyorg_pipeline.site.urls import normalize_base_url  # noqa: PLC0415  # requests

    wanted = without_credentials(normalize_base_url(settings.site_url))
    if reader.site_url == wanted:
        return None
    return CatalogSiteError(reader.location.text, str(reader.site_url), wanted)


def settings_of_catalog(settings: Settings) -> Settings:
    """The settings with the site that the catalog was filled from; warns if it was not given.

    Raises:
        CatalogSiteError: another one was given.
    """
    reader = reader_at(settings.catalog_url)
    reader.age()
    if (error := _site_error(reader, settings)) is None:
        return settings
    if settings.site_is_given:
        raise error
    LOGGER.warning(
        "the catalog was filled from %s, and PYORG_SITE_URL is not set: downloads come from there, "
        "but refreshes read %s",
        *(error.recorded, error.wanted),
    )
    return replace(settings, site_url=error.recorded)


def _refresh_old(location: Location, settings: Settings) -> None:
    from pyorg_pipeline.catalog.lock import exclusive  # noqa: PLC0415
    from pyorg_pipeline.refresh.directories import (  # noqa: PLC0415  # imports requests
        CrawlState,
        update_directories,
    )
    from pyorg_pipeline.refresh.publish import publication_due  # noqa: PLC0415
    from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

    store = CatalogStore(location)
    with (
        exclusive(location, settings.lock_folder),
        SiteClient(settings.site_url, read_timeout=_READ_TIMEOUT, retries=0) as client,
    ):
        update_directories(store, client)
        state = CrawlState.read(store)
        is_due = bool(state.due()) or publication_due(store, state)
    if is_due:
        refresh(settings)


def _text(duration: timedelta | None) -> str:
    from pyorg_pipeline.reports.lines import duration_text  # noqa: PLC0415

    return "0" if duration is None else duration_text(duration)


def _say(text: str) -> None:
    from pyorg_pipeline.reports.lines import is_quiet  # noqa: PLC0415

    if not is_quiet():
        sys.stderr.write(f"{text}\n")
