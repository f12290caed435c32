"""The table install_manager: the files of Python's install manager for Windows (PEP 773)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.errors import SiteStatusError
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import read_listing

#: Below the site's root; it is not a release directory.
DIRECTORY: Final = "pymanager"
#: python-manager-25.0b10.msix
_PACKAGE: Final = re.compile(r"python-manager-([0-9]+(?:\.[0-9]+)+(?:(?:a|b|rc)[0-9]+)?)\.msix?")
#: The indexes of what it can install, and their signed catalogs.
_INDEX: Final = re.compile(r"index-windows(?:-[a-z]+)?\.json(?:\.cat)?")


def install_manager_table(client: SiteClient) -> StoredTable:
    """The install manager's packages, and the indexes that it reads, sorted by path; two requests.

    It has no rows if the site has no such files, as some mirrors.

    Raises:
        SiteError: a listing cannot be read.
    """
    root = read_listing(client)
    found = list(_rows("", (entry for entry in root.entries if _INDEX.fullmatch(entry.name))))
    try:
        found += _rows(f"{DIRECTORY}/", read_listing(client, DIRECTORY).entries)
    except SiteStatusError as error:
        if not error.is_absent:
            raise
    rows = sorted(found, key=lambda row: str(row["path"]))
    metadata = {"site_url": client.base_url, "listed_at": root.received_at}
    return StoredTable(pa.Table.from_pylist(rows, schema=schemas.INSTALL_MANAGER), metadata)


def _rows(prefix: str, entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if not entry.is_directory:
            package = _PACKAGE.fullmatch(entry.name)
            yield {
                "path": prefix + entry.name,
                "name": entry.name,
                "version": package and package[1],
                "size": entry.size,
                "last_modified": entry.last_modified,
            }
