"""The IO manager of the published tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CatalogStore, StoredTable
from pyorg_pipeline.defs import resources
from pyorg_pipeline.defs.resources import CatalogResource, parquet_io_manager
from pyorg_pipeline.errors import CatalogLockedError
from pyorg_pipeline_tests.catalog.test_lock import hold

ROW = {"series": None, "final_only": True, "version": "3.14.0"}
LATEST = pa.Table.from_pylist([ROW], schema=schemas.LATEST_VERSION)


@pytest.fixture
def store(tmp_path: Path) -> CatalogStore:
    return CatalogStore(LocalLocation(tmp_path))


def materialize(store: CatalogStore, table: pa.Table) -> dg.ExecuteInProcessResult:
    """Store a table as latest_version, and load one column of it into another asset."""

    @dg.asset(io_manager_key="tables")
    def latest_version() -> StoredTable:
        return StoredTable(table, {"site_url": "x"})

    @dg.asset(ins={"latest_version": dg.AssetIn(metadata={"columns": ["version"]})})
    def versions(latest_version: StoredTable) -> list[str]:
        assert latest_version.metadata["site_url"] == "x"
        assert latest_version.table.column_names == ["version"]
        assert is_locked(store)
        return list(latest_version.table["version"].to_pylist())

    return dg.materialize(
        [latest_version, versions],
        resources={
            "catalog": CatalogResource(url=store.location.text, lock_folder=store.location.text),
            "tables": parquet_io_manager,
            "io_manager": dg.mem_io_manager,
        },
    )


def is_locked(store: CatalogStore) -> bool:
    """Whether a writer in another thread would have to wait."""

    def locked() -> bool:
        try:
            with exclusive(store.location, Path("unused")):
                return False
        except CatalogLockedError:
            return True

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(locked).result()


def test_an_output_is_a_file_and_an_input_has_its_columns(
    store: CatalogStore,
) -> None:
    done = materialize(store, LATEST)
    assert done.output_for_node("versions") == ["3.14.0"]
    assert store.read("latest_version.parquet").table == LATEST
    assert not is_locked(store)
    [event] = done.asset_materializations_for_node("latest_version")
    metadata = {name: value.value for name, value in event.metadata.items()}
    file = Path(store.location.text) / "latest_version.parquet"
    assert metadata == {
        "dagster/row_count": 1,
        "dagster/uri": str(file),
        "bytes": file.stat().st_size,
    }


def test_a_table_with_other_columns_is_refused(store: CatalogStore) -> None:
    with pytest.raises(TypeError, match="latest_version needs the columns"):
        materialize(store, LATEST.drop_columns(["source_path"]))
    assert store.metadata_or_none("latest_version.parquet") is None


def test_a_run_does_not_write_while_another_process_holds_the_lock(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "LOCK_WAIT", 0)
    with hold(Path(store.location.text)), pytest.raises(dg.DagsterResourceFunctionError) as raised:
        materialize(store, LATEST)
    assert isinstance(raised.value.__cause__, CatalogLockedError)
    assert store.metadata_or_none("latest_version.parquet") is None
