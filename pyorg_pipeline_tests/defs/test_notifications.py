"""The sensors that notify a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import RELEASES_FILE, VERSION_COLUMNS, CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import DirectoriesFailedError, SiteStatusError
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.site import webhook
from pyorg_pipeline_tests.model.test_notifications import FAILURES, SITE
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.receiver import Receiver
from pyorg_pipeline_tests.support.release_stages import BUGFIX_PHASE

NO_RUN = "Every failed run was reported."
NO_RELEASE = "Every complete release was reported."
NOON = datetime(2026, 10, 7, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def settings(
    site: Replica, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("PYORG_WEBHOOK_URL", receiver.url)
    given = {"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)}
    return load_settings({**given, "PYORG_WEBHOOK_URL": receiver.url})


class Ticks:
    """The ticks of one sensor, each with the cursor that the one before left."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, name: str) -> None:
        self.cursor: str | None = None
        self._instance = instance
        definitions = build_definitions(settings)
        self._sensor = definitions.resolve_sensor_def(name)
        assert definitions.resources is not None
        self._resources = {
            key: definitions.resources[key] for key in self._sensor.required_resource_keys
        }

    def tick(self) -> str:
        """Evaluate as the daemon does: an error leaves the cursor where it was."""
        with dg.build_sensor_context(
            instance=self._instance, cursor=self.cursor, resources=self._resources
        ) as context:
            done = self._sensor.evaluate_tick(context)
        self.cursor = done.cursor
        return done.skip_message or ""

    def fails(self, match: str) -> None:
        with pytest.raises(Exception, match=match):
            self.tick()


@contextmanager
def ticks(settings: Settings, name: str) -> Iterator[Ticks]:
    with open_instance(settings.dagster_home) as instance:
        yield Ticks(settings, instance, name)


# Failed runs


def fail(settings: Settings, site: Replica, *directories: str) -> None:
    for name in directories:
        site.answer(f"{name}/", Answer(status=403))
    assert refresh(settings, full=True).failures.keys() == set(directories)


def test_a_failed_run_is_reported_with_what_failed_in_it(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    settings = replace(settings, site_url=site.url.replace("//", "//user:secret@"))
    with ticks(settings, "run_failure_sensor") as sensor:
        assert sensor.tick() == "Failures from now on are reported."
        assert sensor.tick() == NO_RUN
        fail(settings, site, "3.14.0", "2.7")
        assert sensor.tick().startswith("Reported run ")
        assert sensor.tick() == NO_RUN
    [event] = receiver.events
    with open_instance(settings.dagster_home) as instance:
        [record] = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    run = record.dagster_run
    assert (event["event"], event["run_id"]) == ("run_failed", run.run_id)
    assert event["site_url"] == site.url
    assert event["error"].startswith("could not read 2 directories: ")
    assert event["text"] == f"crawl_directories failed: {event['error']}"
    assert event["failures"].keys() == {"2.7", "3.14.0"}
    # As docs/webhook.md shows them.
    assert event["failures"]["3.14.0"] == FAILURES["3.14.0"].replace(SITE, site.url)
    assert event["error"] == str(DirectoriesFailedError(event["failures"]))
    assert event["failure_count"] == 2
    assert record.start_time is not None
    started = datetime.fromisoformat(event["started_at"])
    assert started == datetime.fromtimestamp(int(record.start_time), UTC)
    assert event["started_at"] <= event["ended_at"] <= event["sent_at"]


def test_an_exception_is_reported_without_traceback_and_no_failure_of_another_project(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    @dg.op
    def break_down() -> None:
        raise ValueError("not ours")

    @dg.job
    def theirs() -> None:
        break_down()

    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        with open_instance(settings.dagster_home) as instance:
            assert not theirs.execute_in_process(instance=instance, raise_on_error=False).success
        assert sensor.tick() == NO_RUN
        site.answer("", Answer(status=403))
        with pytest.raises(SiteStatusError):
            refresh(settings)
        sensor.tick()
    [event] = receiver.events
    assert event["job"] == "read_root"
    assert event["error"].startswith(f"SiteStatusError: {site.url}: forbidden (403): ")
    assert "Traceback" not in event["error"]
    assert (event["failures"], event["failure_count"]) == ({}, 0)


def test_each_failed_run_is_reported_one_per_tick_until_the_receiver_accepts_it(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    def failed_runs() -> list[dg.EventLogRecord]:
        return [*instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, 10).records]

    fail(settings, site, "2.7")
    with (
        ticks(settings, "run_failure_sensor") as sensor,
        open_instance(settings.dagster_home) as instance,
    ):
        # Failures before the first tick are not reported.
        sensor.tick()
        assert sensor.tick() == NO_RUN
        fail(settings, site, "2.7")
        fail(settings, site, "2.7", "3.14.0")
        receiver.statuses = [404]
        sensor.fails("404")
        assert sensor.tick().startswith("Reported run ")
        assert sensor.tick().startswith("Reported run ")
        assert sensor.tick() == NO_RUN
        newest = failed_runs()[0]
        for run in instance.get_runs():
            instance.delete_run(run.run_id)
        fail(settings, site, "2.7", "3.14.0", "3.15.0")
        [later] = failed_runs()
        # SQLite gives the numbers of deleted rows again.
        assert later.storage_id <= newest.storage_id
        assert sensor.tick().startswith("Reported run ")
        assert sensor.tick() == NO_RUN
    named = [sorted(event["failures"]) for event in receiver.events]
    assert named == [["2.7"], ["2.7"], ["2.7", "3.14.0"], ["2.7", "3.14.0", "3.15.0"]]
    assert receiver.events[0]["id"] == receiver.events[1]["id"]


# New releases

#: What the sensor reads.
COLUMNS = (*VERSION_COLUMNS, "completed_at", "artifacts", "bytes", "source_path")
SCHEMA = pa.schema(map(schemas.RELEASES.field, COLUMNS))


def release(
    *version: Any, completed_at: datetime | None = None, artifacts: int = 3
) -> dict[str, Any]:
    text = ".".join(map(str, version[:3]))
    return {
        **dict(zip(VERSION_COLUMNS, version, strict=True)),
        "completed_at": completed_at,
        "artifacts": artifacts,
        "bytes": 23_000_000,
        "source_path": f"{text}/Python-{text}.tar.xz",
    }


OLD = release(3, 13, 9, "final", 0)
NEW = release(3, 14, 0, "final", 0, completed_at=NOON, artifacts=1)


@pytest.fixture
def store(settings: Settings, site: Replica) -> CatalogStore:
    return fill(settings.catalog_url, site.url)


def write(store: CatalogStore, site: Replica, *rows: dict[str, Any]) -> None:
    store.write(RELEASES_FILE, pa.Table.from_pylist(list(rows), SCHEMA), {"site_url": site.url})


def test_a_complete_release_is_reported_with_its_contents(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    with ticks(settings, "new_release_sensor") as sensor:
        # There is no table of releases yet.
        assert sensor.tick() == "Releases from now on are reported."
        assert sensor.tick() == NO_RELEASE
        write(fill(settings.catalog_url, site.url), site, OLD, NEW)
        assert sensor.tick() == "Reported 3.14.0."
        assert sensor.tick() == NO_RELEASE
    [event] = receiver.events
    assert datetime.now(UTC) - datetime.fromisoformat(event.pop("sent_at")) < timedelta(minutes=5)
    assert event == {
        "schema": "pyorg_pipeline/event/1",
        "event": "release_complete",
        "id": "release_complete:3.14.0",
        "site_url": site.url,
        "text": f"Python 3.14.0 is complete on {site.url}, the newest final release: "
        "1 artifact, 23,000,000 bytes",
        "version": "3.14.0",
        "series": "3.14",
        "releaselevel": "final",
        "completed_at": "2026-10-07T12:00:00Z",
        "artifacts": 1,
        "bytes": 23_000_000,
        "source_path": "3.14.0/Python-3.14.0.tar.xz",
        "source_url": f"{site.url}3.14.0/Python-3.14.0.tar.xz",
        "latest": True,
    }


def test_a_release_uploaded_in_steps_is_reported_once_it_is_complete(
    settings: Settings,
    site: Replica,
    receiver: Receiver,
    store: CatalogStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SERIES_DATES, "3.13", BUGFIX_PHASE)
    assert store.rows(RELEASES_FILE)
    with ticks(settings, "new_release_sensor") as sensor:
        assert sensor.tick() == "Releases from now on are reported."
        site.add("3.13.10/Python-3.13.10.tgz", size=29_000_000)
        site.add("3.13.10/Python-3.13.10.tar.xz", size=22_000_000)
        fill(settings.catalog_url, site.url)
        # 3.13.9 has an installer for Windows.
        assert sensor.tick() == NO_RELEASE
        site.add("3.13.10/python-3.13.10-amd64.exe", size=28_000_000)
        fill(settings.catalog_url, site.url)
        assert sensor.tick().startswith("Reported 3.1")
        assert sensor.tick() == NO_RELEASE
    [event] = receiver.events
    assert (event["version"], event["artifacts"], event["bytes"]) == ("3.13.10", 3, 79_000_000)


def test_releases_are_reported_in_order_until_the_receiver_accepts_them(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    write(store, site, OLD, NEW)
    with ticks(settings, "new_release_sensor") as sensor:
        # Those before the first tick are not reported.
        sensor.tick()
        assert sensor.tick() == NO_RELEASE
        # At the same time, as one refresh sees them.
        later = NOON + timedelta(hours=1)
        two = [
            release(*number, "final", 0, completed_at=later) for number in [(3, 13, 10), (3, 14, 1)]
        ]
        write(store, site, NEW, *reversed(two))
        assert sensor.tick() == "Reported 3.13.10."
        receiver.statuses = [404]
        sensor.fails("status 404")
        assert sensor.tick() == "Reported 3.14.1."
        assert sensor.tick() == NO_RELEASE
    events = [(event["version"], event["latest"], event["artifacts"]) for event in receiver.events]
    assert events == [("3.13.10", False, 3), *[("3.14.1", True, 3)] * 2]


# Both


def test_an_event_is_over_before_dagster_ends_the_tick() -> None:
    attempts = webhook.RETRIES + 1
    assert attempts * sum(webhook.TIMEOUT) + webhook.RETRIES * webhook.MAX_PAUSE < 60


def test_the_sensors_are_on_if_a_webhook_is_set(settings: Settings) -> None:
    for used, status in (
        (settings, dg.DefaultSensorStatus.RUNNING),
        (replace(settings, webhook_url=None), dg.DefaultSensorStatus.STOPPED),
    ):
        for name in ("run_failure_sensor", "new_release_sensor"):
            sensor = build_definitions(used).resolve_sensor_def(name)
            assert sensor.default_status == status
            assert "PYORG_WEBHOOK_URL" in (sensor.description or "")


def test_the_webhook_s_url_is_not_in_the_definitions(settings: Settings) -> None:
    resources = build_definitions(settings).resources
    assert resources is not None
    assert resources["webhook"].url == dg.EnvVar("PYORG_WEBHOOK_URL")
    assert "secret" not in repr(resources)
    assert "secret" not in repr(settings)
