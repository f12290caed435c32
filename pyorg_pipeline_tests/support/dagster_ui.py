"""`dagster dev` as users run it, and the GraphQL that its pages use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from dagster_graphql import DagsterGraphQLClient

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
_LAUNCH_BACKFILL = """
mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_REEXECUTE = """
mutation LaunchRunReexecution($reexecutionParams: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $reexecutionParams) {
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs { id status } }
  }
}
"""
_LOGS = """
query Logs($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection { events { ... on ErrorEvent { error { message } } } }
  }
}
"""
_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }
"""


class DagsterUI:
    """What a user does in the UI, through the same queries and mutations."""

    def __init__(self, port: int, pid: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._client = DagsterGraphQLClient("127.0.0.1", port)
        self._pid = pid

    def kill(self) -> None:
        """Kill `dagster dev` and every process that it started: daemon, webserver, runs."""
        os.killpg(self._pid, signal.SIGKILL)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def is_loaded(self) -> bool:
        """Whether the web server has the definitions: until then it knows no job."""
        entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        loaded = [entry["locationOrLoadError"] for entry in entries]
        return loaded == [{"__typename": "RepositoryLocation"}]

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
        tags = {f"dagster/{name}": value for name, value in tags.items()}
        run = self._client.submit_job_execution("__ASSET_JOB", asset_selection=[asset], tags=tags)
        return self.end_of(run)

    def launch(self, job: str, run_config: Mapping[str, Any]) -> str:
        """Launch a job as the Launchpad does; returns the run's id."""
        return self._client.submit_job_execution(job, run_config=run_config)

    def reexecute(self, run: str) -> str:
        """Re-execute a run from failure, as the button on its page does; the new run's id."""
        parameters = {"parentRunId": run, "strategy": "FROM_FAILURE"}
        launched = self.ask(_REEXECUTE, reexecutionParams=parameters)["launchRunReexecution"]
        return str(launched["run"]["runId"])

    def terminate(self, run: str) -> None:
        """Terminate a run as the button on its page does."""
        self._client.terminate_run(run)

    def end_of(self, run: str) -> str:
        def state() -> str:
            return self._client.get_run_status(run).value

        wait_until(lambda: state() in {"SUCCESS", "FAILURE", "CANCELED"}, "the run has ended")
        if state() == "FAILURE":
            # pytest shows why, if the test expected another end.
            for event in self.ask(_LOGS, run=run)["logsForRun"]["events"]:
                if event.get("error"):
                    sys.stderr.write(event["error"]["message"])
        return state()

    def backfill(self, asset: str, partitions: list[str]) -> str:
        """Launch a backfill of partitions that make one run; returns the run's end state."""
        backfill = self._launch_backfill([asset], partitionNames=partitions)
        # The daemon looks for backfills every 30 seconds.
        wait_until(lambda: len(self._backfill(backfill)["runs"]) > 0, "the backfill has a run")
        [run] = self._backfill(backfill)["runs"]
        return self.end_of(run["id"])

    def materialize_all(self, assets: list[str]) -> tuple[str, set[str]]:
        """Materialize all partitions of assets; returns the end states of backfill and runs."""
        backfill = self._launch_backfill(assets, allPartitions=True)
        wait_until(
            lambda: self._backfill(backfill)["status"].startswith(("COMPLETED", "FAILED")),
            "the backfill has ended",
        )
        found = self._backfill(backfill)
        return found["status"], {run["status"] for run in found["runs"]}

    def _launch_backfill(self, assets: list[str], **partitions: Any) -> str:
        parameters = {"assetSelection": [{"path": [asset]} for asset in assets], **partitions}
        launched = self.ask(_LAUNCH_BACKFILL, backfillParams=parameters)
        return str(launched["launchPartitionBackfill"]["backfillId"])

    def _backfill(self, backfill: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(_BACKFILL, id=backfill)["partitionBackfillOrError"]
        return found


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def dagster_dev(settings: Settings, log: Path, **more: str) -> Iterator[DagsterUI]:
    """`dagster dev` on a free port with these settings, killed at the end.

    Automation is off unless `more`, variables of the environment, turns it on.
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
            yield _connected(port, process)
        finally:
            # A graceful end takes seconds; `pyorg ui` has tests of it.
            if os.name == "posix":
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                process.terminate()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).status_code == 200
    except requests.RequestException:
        return False


def _connected(port: int, process: subprocess.Popen[bytes]) -> DagsterUI:
    def serves() -> bool:
        assert process.poll() is None, "dagster dev ended"
        return answers(f"http://127.0.0.1:{port}/server_info")

    wait_until(serves, "dagster dev answers")
    ui = DagsterUI(port, process.pid)
    wait_until(ui.is_loaded, "the definitions are loaded")
    return ui


def wait_until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for what has to come about."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.2)
