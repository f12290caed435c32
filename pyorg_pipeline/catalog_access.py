"""Which catalog a class asks, and reading it; filled first where there is none yet."""

from __future__ import annotations

import logging
import sys
from typing import ClassVar, Final

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.queries import CatalogReader, Snapshot
from pyorg_pipeline.errors import CatalogMissingError, DirectoriesFailedError
from pyorg_pipeline.settings import Settings, load_settings

LOGGER = logging.getLogger(__name__)

#: One reader a location, so that every class and call shares what was read.
_READERS: Final[dict[str, CatalogReader]] = {}

#: What was warned of already, so that a program that asks often is told once.
_WARNED: Final[set[tuple[object, ...]]] = set()


class CatalogAccess:
    """The settings of a class, and the snapshot that they lead to."""

    #: Another site than the settings': a subclass that sets it has a catalog of its own.
    BASE_URL: ClassVar[str | None] = None
    #: Another catalog than the settings': a folder, or a URL that fsspec can serve.
    CATALOG_URL: ClassVar[str | None] = None

    @classmethod
    def _settings(cls) -> Settings:
        settings = load_settings()
        if cls.BASE_URL is not None:
            settings = settings.for_site(cls.BASE_URL)
        if cls.CATALOG_URL is not None:
            settings = settings.for_catalog(cls.CATALOG_URL)
        return settings

    @classmethod
    def _reader(cls) -> CatalogReader:
        url = cls._settings().catalog_url
        reader = _READERS.get(url)
        if reader is None:
            reader = _READERS[url] = CatalogReader(open_location(url))
        return reader

    @classmethod
    def _site_url(cls, snapshot: Snapshot) -> str:
        """Where files are fetched from: the site that was named, else the one on record."""
        settings = cls._settings()
        if settings.site_is_given:
            return settings.site_url
        return str(snapshot.facts["site_url"])

    @classmethod
    def _snapshot(cls) -> Snapshot:
        reader = cls._reader()
        try:
            snapshot = reader.snapshot()
        except CatalogMissingError:
            settings = cls._settings()
            if not settings.auto_refresh:
                raise
        else:
            _warn_of(reader)
            return snapshot
        print(  # noqa: T201  # a person waits: seconds instead of milliseconds
            f"No catalog at {reader.location.text} yet: filling it from {settings.site_url}",
            file=sys.stderr,
        )
        from pyorg_pipeline.runs import refresh  # noqa: PLC0415  # imports Dagster

        failures = refresh(settings).failures
        if failures:
            raise DirectoriesFailedError(failures)
        return reader.snapshot()


def _warn_of(reader: CatalogReader) -> None:
    """Say once what the last refresh could not read: an answer may lack what is there."""
    failures = reader.failures(hidden=False)
    key = (reader.location.text, *failures.items())
    if failures and key not in _WARNED:
        _WARNED.add(key)
        LOGGER.warning(
            "the last refresh could not read %s; what is known of them may be old. "
            "`pyorg refresh` tries again",
            ", ".join(sorted(failures)),
        )
