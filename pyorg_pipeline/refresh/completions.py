"""Which releases became complete since somebody was told last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc

from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    LATEST_FILE,
    RELEASES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
)
from pyorg_pipeline.errors import CatalogMissingError
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.versions import NormalizedPythonVersion

_COLUMNS: Final = (*VERSION_COLUMNS, "completed_at", "source_path")


class Completion(NamedTuple):
    """A release that became complete while somebody watched; sorts by time, then by version."""

    #: UTC.
    completed_at: datetime
    version: NormalizedPythonVersion
    source_path: str | None


@dataclass(frozen=True, slots=True)
class CompleteRelease:
    """What is there of a release."""

    artifacts: int
    #: Of all its artifacts; those that the site shows no exact size of count as none.
    size: int
    #: Whether it is the newest final release.
    latest: bool


def completions(store: CatalogStore) -> tuple[list[Completion], str | None]:
    """The releases that became complete since the catalog was begun, and the site's URL.

    What was complete from the start is none of them. The earliest comes first; there are none,
    and no URL, where the table was never written.
    """
    try:
        table, facts = store.read(RELEASES_FILE, _COLUMNS)
    except CatalogMissingError:
        return [], None
    rows = table.filter(pc.is_valid(table["completed_at"])).to_pylist()
    found = [
        Completion(
            row["completed_at"],
            NormalizedPythonVersion(*(row[name] for name in VERSION_COLUMNS)),
            row["source_path"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: one[:2]), facts["site_url"]


def complete_release(store: CatalogStore, version: NormalizedPythonVersion) -> CompleteRelease:
    """What the published tables hold of a release.

    Raises:
        CatalogMissingError: nothing was published yet.
    """
    table, _ = store.read(CATALOG_FILE, ["version", "artifact_type", "size"])
    its_own = table.filter(
        pc.and_(
            pc.equal(table["version"], version.text),
            pc.not_equal(table["artifact_type"], UNRECOGNISED),
        )
    )
    latest: list[Any] = [
        row["version"]
        for row in store.rows(LATEST_FILE)
        if row["series"] is None and row["final_only"]
    ]
    return CompleteRelease(
        artifacts=len(its_own),
        size=pc.sum(its_own["size"]).as_py() or 0,
        latest=latest == [version.text],
    )
