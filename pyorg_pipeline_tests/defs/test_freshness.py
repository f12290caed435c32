"""The age of the root listing, as Dagster's own daemon judges it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

# Not public: the daemon's own loop and clock, so that hours need not pass.
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.controller import create_daemon_grpc_server_registry
from dagster._daemon.freshness import FreshnessDaemon

import pyorg_pipeline
from pyorg_pipeline.defs.instance import open_instance

#: The policy on an asset of the name that it is meant for, without a site.
CODE = """
import dagster as dg
from pyorg_pipeline.defs.freshness import FRESHNESS

@dg.asset(freshness_policy=FRESHNESS)
def release_directories() -> None: ...

defs = dg.Definitions(assets=[release_directories])
"""

KEY = dg.AssetKey("release_directories")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "code_location.py"
    file.write_text(CODE)
    return file


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """With the dagster.yaml that this package writes."""
    with open_instance(tmp_path / "dagster") as instance:
        yield instance


def test_a_listing_is_fresh_for_three_hours_and_stale_after_twenty_six(
    code: Path, instance: dg.DagsterInstance
) -> None:
    assert "FRESHNESS_DAEMON" in instance.get_required_daemon_types()
    # Where this package lies, to be found by the process that loads the code.
    root = Path(pyorg_pipeline.__file__).parents[1]
    target = PythonFileTarget(str(code), None, str(root), "test")
    with (
        create_daemon_grpc_server_registry(instance) as registry,
        WorkspaceProcessContext(instance, target, grpc_server_registry=registry) as workspace,
    ):

        def state(age: timedelta) -> FreshnessState:
            with freeze_time(datetime.now(UTC) + age):
                list(FreshnessDaemon().run_iteration(workspace))
            return instance.get_freshness_state_records([KEY])[KEY].freshness_state

        assert state(timedelta(0)) == FreshnessState.UNKNOWN
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
        assert state(timedelta(hours=2, minutes=59)) == FreshnessState.PASS
        assert state(timedelta(hours=3, minutes=1)) == FreshnessState.WARN
        assert state(timedelta(hours=25, minutes=59)) == FreshnessState.WARN
        assert state(timedelta(hours=26, minutes=1)) == FreshnessState.FAIL
        instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
        assert state(timedelta(0)) == FreshnessState.PASS
