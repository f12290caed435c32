"""The events for a webhook, as docs/webhook.md documents them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.errors import DirectoriesFailedError
from pyorg_pipeline.model.notifications import release_complete, run_failed
from pyorg_pipeline.model.versions import NormalizedPythonVersion

TEXT = (Path(__file__).parents[2] / "docs" / "webhook.md").read_text(encoding="utf-8")
SITE = "https://www.python.org/ftp/python/"
SENT = datetime(2026, 10, 7, 12, 1, 3, 999_000, tzinfo=UTC)

#: As in an event of `pyorg ui` when the site answered 403.
FAILURES = {
    "3.14.0": f"{SITE}3.14.0/: forbidden (403): the site refuses this directory, which "
    "may exist; try again later or use a mirror"
}
FAILED: dict[str, Any] = {
    "site_url": SITE,
    "sent_at": SENT,
    "job": "crawl_directories",
    "run_id": "8c5f3a9e-6c0b-4a51-9d3e-5b0b6a1f2c77",
    "error": str(DirectoriesFailedError(FAILURES)),
    "started_at": datetime(2026, 10, 7, 12, 0, 1, tzinfo=UTC),
    "ended_at": datetime(2026, 10, 7, 14, 0, 9, tzinfo=timezone(timedelta(hours=2))),
    "tags": {
        ".dagster/grpc_info": "internal",
        "dagster/code_location": "pyorg_pipeline.definitions",
        "dagster/failure_reason": "STEP_FAILURE",
        "dagster/max_runtime": "7200",
        "dagster/sensor_name": "refresh_stale_tables",
        "dagster/tick": "5",
        "pyorg/due": "1 changed",
        "pyorg/kind": "refresh",
    },
    "failures": FAILURES,
}
COMPLETE: dict[str, Any] = {
    "site_url": SITE,
    "sent_at": SENT,
    "version": NormalizedPythonVersion(3, 14, 0, "final", 0),
    "completed_at": datetime(2026, 10, 7, 12, 0, 7, tzinfo=UTC),
    "artifacts": 36,
    "size": 612_345_678,
    "source_path": "3.14.0/Python-3.14.0.tar.xz",
    "latest": True,
}
EVENTS = {"run_failed": run_failed(**FAILED), "release_complete": release_complete(**COMPLETE)}


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def fields(heading: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \| \S.*\|$", section(heading), re.MULTILINE)


@pytest.mark.parametrize("event", EVENTS)
def test_the_documented_example_and_fields_of_an_event_are_what_is_sent(event: str) -> None:
    [text] = re.findall(r"```json\n(.*?)```", section(f"`{event}`"), re.DOTALL)
    example = json.loads(text)
    assert example == EVENTS[event]
    assert list(example) == list(EVENTS[event])
    assert list(example) == fields("Fields of every event") + fields(f"`{event}`")


def test_a_long_error_is_cut_and_a_long_list_of_failures_is_counted() -> None:
    failures = {f"3.{number:02}": "x" * 3000 for number in range(30)}
    event = run_failed(**{**FAILED, "error": "e" * 3000, "failures": failures})
    assert event["error"] == "e" * 1997 + "..."
    assert event["text"].endswith("e...")
    assert list(event["failures"]) == [f"3.{number:02}" for number in range(20)]
    assert {len(reason) for reason in event["failures"].values()} == {2000}
    assert event["failure_count"] == 30


def test_values_that_are_missing_are_null_and_paths_are_quoted() -> None:
    event = run_failed(**{**FAILED, "started_at": None, "ended_at": None})
    assert (event["started_at"], event["ended_at"]) == (None, None)
    bare = release_complete(**{**COMPLETE, "source_path": None, "artifacts": 1, "latest": False})
    assert (bare["source_path"], bare["source_url"]) == (None, None)
    assert bare["text"] == f"Python 3.14.0 is complete on {SITE}: 1 artifact, 612,345,678 bytes"
    version = NormalizedPythonVersion(3, 15, 0, "candidate", 2)
    odd = {**COMPLETE, "version": version, "source_path": "3.15.0/a b#c.tgz"}
    event = release_complete(**odd)
    assert event["source_url"] == f"{SITE}3.15.0/a%20b%23c.tgz"
    assert (event["version"], event["series"], event["releaselevel"], event["id"]) == (
        *("3.15.0rc2", "3.15", "candidate"),
        "release_complete:3.15.0rc2",
    )
