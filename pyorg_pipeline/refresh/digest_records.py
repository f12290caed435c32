"""The digests on record: one table a release directory, and what of them is in force.

Here: reading and writing artifact_digests, and joining them to artifacts. Not here: how a row
comes about (`digests`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import DIGESTS_FOLDER, CatalogStore, digests_file
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.digests import DIGEST_SOURCES

#: One row a companion that was read: the columns of schemas.ARTIFACT_DIGESTS.
Row = dict[str, Any]

_STRENGTH: Final = {suffix: place for place, suffix in enumerate(DIGEST_SOURCES)}


class DigestInForce(NamedTuple):
    """The digest that an artifact has to have; the columns of the same names."""

    sha256: str
    digest_source: str
    signed_by: str | None


def read_rows(store: CatalogStore, site_url: str, directory: str) -> list[Row]:
    """A directory's rows; empty where none were recorded, or those of another site.

    Raises:
        CatalogUnreadableError: the table is there, but none of ours. It is not taken for empty:
            the digests in it are what later ones are compared with.
    """
    try:
        table, facts = store.read(digests_file(directory))
    except CatalogMissingError:
        return []
    return list(table.to_pylist()) if facts["site_url"] == site_url else []


def write_rows(
    store: CatalogStore, site_url: str, directory: str, rows: Iterable[Row], recorded_at: datetime
) -> int:
    """Replace a directory's table; returns its bytes."""
    ordered = sorted(rows, key=lambda row: (row["path"], row["companion"]))
    return store.write(
        digests_file(directory),
        schemas.ARTIFACT_DIGESTS,
        ordered,
        {"site_url": site_url, "recorded_at": recorded_at},
    )


def digests_recorded(store: CatalogStore, site_url: str) -> dict[str, datetime]:
    """The directories that have digests on record, and when the record changed last."""
    return {
        name: facts["recorded_at"]
        for name, facts in store.directory_facts(DIGESTS_FOLDER).items()
        if facts["site_url"] == site_url
    }


def in_force(rows: Iterable[Row]) -> dict[str, DigestInForce]:
    """The digest of each artifact that has one, by path; a bundle's goes before a bill's."""
    found: dict[str, DigestInForce] = {}
    for row in sorted(rows, key=lambda row: _STRENGTH.get(row["companion"], len(_STRENGTH))):
        if row["sha256"] is not None:
            found.setdefault(
                row["path"], DigestInForce(row["sha256"], row["digest_source"], row["signed_by"])
            )
    return found


def with_digests(table: Any, store: CatalogStore, directories: Iterable[str]) -> Any:
    """A table of artifacts with the columns sha256, digest_source and signed_by behind its own."""
    rows: list[Row] = []
    for directory in directories:
        # An unreadable one was left out of `digests_recorded`; this one broke in between.
        try:
            rows += store.rows(digests_file(directory))
        except CatalogUnreadableError:
            continue
    digests = in_force(rows)
    found = [digests.get(path) for path in table["path"].to_pylist()]
    for place, name in enumerate(DigestInForce._fields):
        column = pa.array([digest and digest[place] for digest in found], pa.string())
        table = table.append_column(schemas.ARTIFACT_CATALOG.field(name), column)
    return table
