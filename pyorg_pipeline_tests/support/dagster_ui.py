"""`dagster dev` as users run it, and the GraphQL that its pages speak."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from pyorg_pipeline.defs.instance import ensure_home
from pyorg_pipeline.settings import Settings

#: Seconds until a test gives up on something that ought to happen.
PATIENCE = 240

_STATES = """
query States($keys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $keys) {
    partitionKeys
    assetPartitionStatuses {
      ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
    }
  }
}
"""
_LAUNCH = """
mutation LaunchPipelineExecution($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_LAUNCH_BACKFILL = """
mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_REEXECUTE = """
mutation LaunchRunReexecution($reexecutionParams: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $reexecutionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) {
    __typename
    ... on PythonError { message }
    ... on TerminateRunFailure { message }
  }
}
"""
_RUN = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}
"""


class DagsterUI:
    """What a person does in the UI, through the same queries and mutations."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._pid = pid

    def kill(self) -> None:
        """Kill `dagster dev` and every process that it started: daemon, webserver, runs."""
        os.killpg(self._pid, signal.SIGKILL)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def states(self, asset: str) -> dict[str, str]:
        """The state of each partition of an asset, in the UI's order."""
        [node] = self.ask(_STATES, keys=[{"path": [asset]}])["assetNodes"]
        states = node["assetPartitionStatuses"]
        named = {
            **dict.fromkeys(states["materializedPartitions"], "materialized"),
            **dict.fromkeys(states["failedPartitions"], "failed"),
        }
        return {key: named.get(key, "missing") for key in node["partitionKeys"]}

    def materialise(self, asset: str, **tags: str) -> str:
        """Launch a run of one asset as its page does; returns the run's end state."""
        selection = {"jobName": "__ASSET_JOB", "assetSelection": [{"path": [asset]}]}
        return self.end_of(self._launch(selection, {}, tags))

    def launch(self, job: str, run_config: dict[str, Any]) -> str:
        """Launch a job as the Launchpad does; returns the run's id."""
        return self._launch({"jobName": job}, run_config, {})

    def reexecute(self, run: str) -> str:
        """Re-execute a run from failure, as the button on its page does; the new run's id."""
        launched = self.ask(
            _REEXECUTE, reexecutionParams={"parentRunId": run, "strategy": "FROM_FAILURE"}
        )["launchRunReexecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def terminate(self, run: str) -> None:
        """Terminate a run as the button on its page does."""
        done = self.ask(_TERMINATE, runId=run)["terminateRun"]
        assert done["__typename"] == "TerminateRunSuccess", done

    def end_of(self, run: str) -> str:
        """The end state of a run."""
        return _wait_until(
            lambda: self.ask(_RUN, id=run)["runOrError"]["status"],
            {"SUCCESS", "FAILURE", "CANCELED"},
        )

    def _launch(
        self, selection: dict[str, Any], run_config: dict[str, Any], tags: dict[str, str]
    ) -> str:
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "pyorg_pipeline.definitions",
            **selection,
        }
        launched = self.ask(
            _LAUNCH,
            executionParams={
                "selector": selector,
                "runConfigData": run_config,
                "mode": "default",
                "executionMetadata": {
                    "tags": [
                        {"key": f"dagster/{name}", "value": value} for name, value in tags.items()
                    ]
                },
            },
        )["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, asset: str, partitions: list[str]) -> str:
        """Launch a backfill of some partitions; returns its end state."""
        launched = self.ask(
            _LAUNCH_BACKFILL,
            backfillParams={"assetSelection": [{"path": [asset]}], "partitionNames": partitions},
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return _wait_until(
            lambda: self.ask(_BACKFILL, id=launched["backfillId"])["partitionBackfillOrError"][
                "status"
            ],
            {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"},
        )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def dagster_dev(settings: Settings, log: Path, **more: str) -> Iterator[DagsterUI]:
    """`dagster dev` on a free port with these settings, ended as a service manager ends it.

    Nothing happens by itself unless `more`, variables of the environment, says so.
    """
    port = free_port()
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(ensure_home(settings.dagster_home)),
        "PYORG_HOME": str(settings.home),
        "PYORG_SITE_URL": settings.site_url,
        "PYORG_CATALOG_URL": settings.catalog_url,
        "PYORG_AUTOMATION": "0",
        **more,
    }
    command = [sys.executable, "-m", "dagster", "dev", "-m", "pyorg_pipeline.definitions"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own, with all that it starts.
            start_new_session=True,
        ) as process,
    ):
        try:
            ui = DagsterUI(f"http://127.0.0.1:{port}", process.pid)
            _wait_until(lambda: _answers(ui, process), {"yes"})
            yield ui
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def _answers(ui: DagsterUI, process: subprocess.Popen[bytes]) -> str:
    assert process.poll() is None, "dagster dev ended"
    try:
        return "yes" if ui.ask("{ version }") else "no"
    except requests.ConnectionError:
        return "no"


def wait_until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for what has to come about."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.2)


def _wait_until(state: Callable[[], str], ends: set[str]) -> str:
    deadline = time.monotonic() + PATIENCE
    while (found := state()) not in ends:
        assert time.monotonic() < deadline, f"still {found} after {PATIENCE} s"
        time.sleep(0.1)
    return found
