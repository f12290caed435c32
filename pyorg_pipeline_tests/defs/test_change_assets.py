"""The changes as an asset of real runs."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings

CHANGES = dg.AssetKey("catalog_changes")


def materialisations(settings: Settings) -> list[dict[str, object]]:
    """The metadata of each, the newest first."""
    with open_instance(settings.dagster_home) as instance:
        records = instance.fetch_materializations(CHANGES, limit=100).records
        found = [record.asset_materialization for record in records]
        return [{name: one.metadata[name].value for name in one.metadata} for one in found if one]


def test_a_refresh_records_what_changed_and_shows_it(settings: Settings, site: Replica) -> None:
    refresh(settings)
    [first] = materialisations(settings)
    assert (first["dagster/row_count"], first["sequence"]) == (0, "none")
    assert first["preview"] == "no rows"
    assert first["dagster/uri"] == f"{settings.catalog_url}/catalog_changes"
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.replace("3.13.9/Python-3.13.9.tgz", size=6)
    refresh(settings)
    latest, _ = materialisations(settings)
    assert (latest["appeared"], latest["vanished"], latest["replaced"]) == (1, 0, 1)
    assert (latest["dagster/row_count"], latest["sequence"]) == (2, 1)
    file = Path(settings.catalog_url) / "catalog_changes" / "000001.parquet"
    assert latest["dagster/uri"] == str(file)
    assert latest["bytes"] == file.stat().st_size
    preview = str(latest["preview"]).splitlines()
    assert preview[2].startswith("| appeared | 3.14.0/python-3.14.0-amd64.exe |  | 5 |  | 20")
    assert preview[3].startswith(
        "| replaced | 3.13.9/Python-3.13.9.tgz | 29000000 | 6 | 2025-10-07 09:30 | 20"
    )
