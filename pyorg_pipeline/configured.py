"""The catalog that the environment configures, or a subclass: which one it is, and its age."""

# No `from __future__ import annotations`: the command line calls the annotations' classes.

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pyorg_pipeline.catalog.queries import Snapshot
from pyorg_pipeline.catalog.reader import CatalogReader, reader_at
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import ExtraMissingError
from pyorg_pipeline.freshness import fresh_reader, reader_as_is, refresh
from pyorg_pipeline.model.arguments import Flag, parse_flag, parse_path
from pyorg_pipeline.settings import Settings, derived_settings, load_settings

if TYPE_CHECKING:
    from pyorg_pipeline.model.catalog import CatalogInfo
    from pyorg_pipeline.reports.summary import RefreshSummary


class ConfiguredCatalog:
    """The catalog that the environment, or a subclass, configures."""

    #: Another site than PYORG_SITE_URL; a subclass that sets it has a catalog of its own.
    BASE_URL: ClassVar[str | None] = None
    #: Another catalog than PYORG_CATALOG_URL: a folder, or a URL that fsspec can serve.
    CATALOG_URL: ClassVar[str | Path | None] = None

    @classmethod
    def refresh(
        cls,
        full: Flag = False,
        accept_vanished: Flag = False,
        digests: Flag = False,
        install_manager: Flag = False,
    ) -> "RefreshSummary":
        """Bring the catalog up to date with the site, as the command `pyorg refresh` does.

        Queries do so when the catalog is missing or older than PYORG_MAX_AGE.

        Example: PythonOrgDownloads refresh

        Raises:
            RefreshError, SiteError: something could not be read; the catalog keeps what it has.
        """
        return refresh(
            cls._settings(),
            full=parse_flag("full", full),
            accept_vanished=parse_flag("accept_vanished", accept_vanished),
            digests=parse_flag("digests", digests),
            install_manager=parse_flag("install_manager", install_manager),
        )

    @classmethod
    def catalog_info(cls) -> "CatalogInfo":
        """When the catalog was refreshed, from which site, what it holds and how old it is.

        The catalog is not refreshed, so that a monitor sees its age.

        Example: PythonOrgDownloads catalog_info
        """
        return reader_as_is(cls._settings()).info(datetime.now(UTC))

    @classmethod
    def to_arrow(cls) -> Any:
        """The published table artifact_catalog as a pyarrow.Table: a row a file of the site.

        docs/tables.md describes its columns.

        Example: PythonOrgDownloads to_arrow
        """
        return cls._snapshot()[0].table

    @classmethod
    def to_pandas(cls) -> Any:
        """The published table artifact_catalog as a pandas.DataFrame; needs the extra pandas.

        Example: PythonOrgDownloads to_pandas

        Raises:
            ExtraMissingError: pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise ExtraMissingError("pandas", "to_pandas()")
        return cls.to_arrow().to_pandas()

    @classmethod
    def _settings(cls) -> Settings:
        base_url = cls.BASE_URL and parse_path("BASE_URL", cls.BASE_URL)
        catalog_url = cls.CATALOG_URL and parse_path("CATALOG_URL", cls.CATALOG_URL)
        return derived_settings(load_settings(), base_url, catalog_url)

    @classmethod
    def _reader(cls) -> CatalogReader:
        return fresh_reader(cls._settings())

    @classmethod
    def _store(cls) -> CatalogStore:
        """The tables, which may be missing or old."""
        return reader_at(cls._settings().catalog_url).store

    @classmethod
    def _snapshot(cls) -> tuple[Snapshot, str]:
        """The published catalog, and the URL of its site."""
        settings = cls._settings()
        snapshot = fresh_reader(settings).snapshot()
        return snapshot, settings.site_url if settings.site_is_given else snapshot.site_url
