"""The sensors that tell a webhook: of what, how often, and what a receiver that is down loses."""

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

from pyorg_pipeline.catalog.store import RELEASES_FILE, CatalogStore
from pyorg_pipeline.defs import notifications
from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import DirectoriesFailedError, SiteStatusError
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.site import webhook
from pyorg_pipeline.site.webhook import WebhookError
from pyorg_pipeline_tests.model.test_notifications import FAILURES, SITE
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.receiver import Receiver
from pyorg_pipeline_tests.support.small_site import small_site

NOTHING = "nothing new"
NOON = datetime(2026, 10, 7, 12, tzinfo=UTC)


@pytest.fixture
def site() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def settings(site: Replica, receiver: Receiver, tmp_path: Path) -> Settings:
    given = {"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)}
    return load_settings({**given, "PYORG_WEBHOOK_URL": receiver.url})


class Ticks:
    """The ticks of one sensor, each with the cursor that the one before left."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, name: str) -> None:
        self.cursor: str | None = None
        self._instance = instance
        self._use(settings, name)

    def _use(self, settings: Settings, name: str) -> None:
        definitions = build_definitions(settings)
        self._sensor = definitions.resolve_sensor_def(name)
        self._name = name
        assert definitions.resources is not None
        self._resources = {"catalog": definitions.resources["catalog"]}

    def with_settings(self, settings: Settings) -> None:
        self._use(settings, self._name)

    def tick(self) -> str:
        """Evaluate as the daemon does: an error leaves the cursor where it was."""
        with dg.build_sensor_context(
            instance=self._instance, cursor=self.cursor, resources=self._resources
        ) as context:
            done = self._sensor.evaluate_tick(context)
        self.cursor = done.cursor
        return done.skip_message or ""


@contextmanager
def ticks(settings: Settings, name: str) -> Iterator[Ticks]:
    with open_instance(settings.dagster_home) as instance:
        yield Ticks(settings, instance, name)


# Failed runs


def fail(settings: Settings, site: Replica, *directories: str) -> None:
    for name in directories:
        site.answer(f"{name}/", Answer(status=403))
    assert refresh(settings, full=True).failures.keys() == set(directories)


def test_a_failed_run_is_told_with_what_failed_in_it(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    with ticks(settings, "run_failure_sensor") as sensor:
        assert sensor.tick() == "failures from now on are told"
        assert sensor.tick() == "nothing new"
        fail(settings, site, "3.14.0", "2.7")
        assert sensor.tick() == "told of 1 failed run"
        assert sensor.tick() == "nothing new"
    [event] = receiver.events
    with open_instance(settings.dagster_home) as instance:
        [record] = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    run = record.dagster_run
    assert (event["event"], event["job"], event["run_id"]) == (
        "run_failed",
        "crawl_directories",
        run.run_id,
    )
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


def test_an_error_of_ours_is_told_in_its_own_words(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        site.answer("", Answer(status=403))
        with pytest.raises(SiteStatusError):
            refresh(settings)
        sensor.tick()
    [event] = receiver.events
    assert event["job"] == "read_root"
    assert event["error"].startswith(f"SiteStatusError: {site.url}: forbidden (403): ")
    assert "Traceback" not in event["error"]
    assert (event["failures"], event["failure_count"]) == ({}, 0)


def test_the_same_failure_is_told_once_until_another_one_or_a_success_comes_between(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        fail(settings, site, "2.7")
        assert sensor.tick() == "told of 1 failed run"
        fail(settings, site, "2.7")
        assert sensor.tick() == "nothing new"
        fail(settings, site, "2.7", "3.14.0")
        assert sensor.tick() == "told of 1 failed run"
        site.clear_answers()
        assert refresh(settings).failures == {}
        fail(settings, site, "2.7", "3.14.0")
        assert sensor.tick() == "told of 1 failed run"
    assert [sorted(event["failures"]) for event in receiver.events] == [
        ["2.7"],
        ["2.7", "3.14.0"],
        ["2.7", "3.14.0"],
    ]


def test_the_same_failure_is_told_again_after_a_day(
    settings: Settings, site: Replica, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        fail(settings, site, "2.7")
        sensor.tick()
        fail(settings, site, "2.7")
        monkeypatch.setattr(notifications, "REMINDER", timedelta(0))
        assert sensor.tick() == "told of 1 failed run"
    assert len(receiver.events) == 2


def test_a_failure_is_told_when_the_receiver_is_up_again(settings: Settings, site: Replica) -> None:
    with Receiver() as first:
        port = first.port
    down = replace(settings, webhook_url=first.url)
    with ticks(down, "run_failure_sensor") as sensor:
        sensor.tick()
        fail(settings, site, "2.7")
        before = sensor.cursor
        with pytest.raises(WebhookError, match=rf"http://127\.0\.0\.1:{port} did not accept"):
            sensor.tick()
        assert sensor.cursor == before
        with Receiver(port=port) as second:
            assert sensor.tick() == "told of 1 failed run"
    assert [list(event["failures"]) for event in second.events] == [["2.7"]]


def test_a_failure_is_told_though_the_last_failed_run_was_deleted(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    def failed_runs() -> list[dg.EventLogRecord]:
        return [*instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, 10).records]

    with (
        ticks(settings, "run_failure_sensor") as sensor,
        open_instance(settings.dagster_home) as instance,
    ):
        sensor.tick()
        fail(settings, site, "2.7")
        assert sensor.tick() == "told of 1 failed run"
        [first] = failed_runs()
        for run in instance.get_runs():
            instance.delete_run(run.run_id)
        fail(settings, site, "2.7", "3.14.0")
        [second] = failed_runs()
        # SQLite gives the numbers of the last rows again.
        assert second.storage_id <= first.storage_id
        assert sensor.tick() == "told of 1 failed run"
        assert sensor.tick() == "nothing new"
        fail(settings, site, "2.7", "3.13.9", "3.14.0")
        assert sensor.tick() == "told of 1 failed run"
        assert sensor.tick() == "nothing new"
    assert [sorted(event["failures"]) for event in receiver.events] == [
        ["2.7"],
        ["2.7", "3.14.0"],
        ["2.7", "3.13.9", "3.14.0"],
    ]


def test_jobs_of_others_are_not_told(settings: Settings, receiver: Receiver) -> None:
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
        assert sensor.tick() == "nothing new"
    assert receiver.events == []


def test_failures_from_before_are_not_told(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    fail(settings, site, "2.7")
    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        assert sensor.tick() == "nothing new"
    assert receiver.events == []


# New releases

SCHEMA = pa.schema(
    [
        pa.field("major", pa.int32()),
        pa.field("minor", pa.int32()),
        pa.field("micro", pa.int32()),
        pa.field("releaselevel", pa.string()),
        pa.field("serial", pa.int32()),
        pa.field("completed_at", pa.timestamp("ms", tz="UTC")),
        pa.field("source_path", pa.string()),
    ]
)


def release(*version: Any, completed_at: datetime | None = None) -> dict[str, Any]:
    text = ".".join(map(str, version[:3]))
    return {
        **dict(zip(SCHEMA.names[:5], version, strict=True)),
        "completed_at": completed_at,
        "source_path": f"{text}/Python-{text}.tar.xz",
    }


OLD = release(3, 13, 9, "final", 0)
NEW = release(3, 14, 0, "final", 0, completed_at=NOON)


@pytest.fixture
def store(settings: Settings, site: Replica) -> CatalogStore:
    """The catalog of the small site."""
    return fill(settings.catalog_url, site.url)


def write(store: CatalogStore, site: Replica, *rows: dict[str, Any]) -> None:
    store.write(RELEASES_FILE, SCHEMA, list(rows), {"site_url": site.url})


def test_a_release_that_became_complete_is_told_with_what_is_there_of_it(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    write(store, site, OLD)
    with ticks(settings, "new_release_sensor") as sensor:
        assert sensor.tick() == "releases from now on are told"
        write(store, site, OLD, NEW)
        assert sensor.tick() == "told of 1 complete release"
        assert sensor.tick() == "nothing new"
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


def test_a_release_that_is_put_up_in_steps_is_told_when_all_of_it_is_there(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    assert store.rows(RELEASES_FILE)
    with ticks(settings, "new_release_sensor") as sensor:
        assert sensor.tick() == "releases from now on are told"
        site.add("3.13.10/Python-3.13.10.tgz", size=29_000_000)
        site.add("3.13.10/Python-3.13.10.tar.xz", size=22_000_000)
        fill(settings.catalog_url, site.url)
        # 3.13.9 has an installer for Windows.
        assert sensor.tick() == "nothing new"
        site.add("3.13.10/python-3.13.10-amd64.exe", size=28_000_000)
        fill(settings.catalog_url, site.url)
        assert sensor.tick() == "told of 1 complete release"
        assert sensor.tick() == "nothing new"
    [event] = receiver.events
    assert (event["version"], event["artifacts"], event["bytes"]) == ("3.13.10", 3, 79_000_000)


def test_what_was_complete_before_the_first_tick_is_not_told(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    write(store, site, OLD, NEW)
    with ticks(settings, "new_release_sensor") as sensor:
        sensor.tick()
        assert sensor.tick() == "nothing new"
        later = release(3, 13, 9, "final", 0, completed_at=NOON + timedelta(hours=1))
        write(store, site, NEW, later)
        assert sensor.tick() == "told of 1 complete release"
    [event] = receiver.events
    assert (event["version"], event["latest"], event["artifacts"]) == ("3.13.9", False, 3)


def test_a_catalog_without_the_table_of_releases_has_nothing_to_tell(
    settings: Settings, site: Replica, receiver: Receiver
) -> None:
    with ticks(settings, "new_release_sensor") as sensor:
        sensor.tick()
        assert sensor.tick() == "nothing new"
        write(fill(settings.catalog_url, site.url), site, NEW)
        assert sensor.tick() == "told of 1 complete release"
    assert len(receiver.events) == 1


def test_a_receiver_that_goes_down_in_between_is_told_the_rest_later_and_nothing_twice(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    with ticks(settings, "new_release_sensor") as sensor:
        sensor.tick()
        # At the same time, as one refresh sees them.
        write(store, site, NEW, release(3, 13, 9, "final", 0, completed_at=NOON))
        receiver.statuses = [200, 400]
        assert sensor.tick().startswith(
            f"told some, the rest is told later: the webhook at http://127.0.0.1:{receiver.port} "
        )
        receiver.statuses = [404]
        with pytest.raises(WebhookError, match="status 404 instead of 2xx; check PYORG_WEBHOOK_"):
            sensor.tick()
        assert sensor.tick() == "told of 1 complete release"
        assert sensor.tick() == "nothing new"
    assert [event["version"] for event in receiver.events] == ["3.13.9", *["3.14.0"] * 3]


def test_many_releases_at_once_take_several_ticks_and_the_cursor_stays_small(
    settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    with ticks(settings, "new_release_sensor") as sensor:
        sensor.tick()
        rows = [release(3, 13, micro, "final", 0, completed_at=NOON) for micro in range(12)]
        write(store, site, *rows)
        assert sensor.tick() == "told of 10 complete releases"
        assert sensor.tick() == "told of 2 complete releases"
        assert sensor.tick() == "nothing new"
        assert len(sensor.cursor or "") < 100
    assert [event["version"] for event in receiver.events] == [f"3.13.{n}" for n in range(12)]


# Both


def test_a_tick_that_took_its_time_leaves_the_rest_to_the_next(
    settings: Settings,
    site: Replica,
    receiver: Receiver,
    store: CatalogStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with a receiver that answers late, without waiting for it: each event takes too long."""
    monkeypatch.setattr(notifications, "SECONDS_A_TICK", 0)
    with ticks(settings, "run_failure_sensor") as sensor:
        sensor.tick()
        fail(settings, site, "2.7")
        fail(settings, site, "3.14.0", "2.7")
        assert [sensor.tick() for _ in range(3)] == [*["told of 1 failed run"] * 2, NOTHING]
    with ticks(settings, "new_release_sensor") as sensor:
        sensor.tick()
        write(store, site, NEW, release(3, 13, 9, "final", 0, completed_at=NOON))
        assert [sensor.tick() for _ in range(3)] == [*["told of 1 complete release"] * 2, NOTHING]
    assert [event.get("version") for event in receiver.events] == [None, None, "3.13.9", "3.14.0"]


def test_the_last_event_of_a_tick_is_over_before_dagster_ends_it() -> None:
    attempts = webhook.RETRIES + 1
    worst = attempts * sum(webhook.TIMEOUT) + webhook.RETRIES * webhook.MAX_PAUSE
    assert notifications.SECONDS_A_TICK + worst < 60


@pytest.mark.parametrize("name", ["run_failure_sensor", "new_release_sensor"])
def test_without_a_webhook_nothing_is_told_then_or_later(
    name: str, settings: Settings, site: Replica, receiver: Receiver, store: CatalogStore
) -> None:
    unset = replace(settings, webhook_url=None)
    with ticks(unset, name) as sensor:
        assert sensor.tick() == "nobody is told: PYORG_WEBHOOK_URL is not set"
        fail(settings, site, "2.7")
        write(store, site, NEW)
        sensor.tick()
        sensor.with_settings(settings)
        assert sensor.tick() == "nothing new"
    assert receiver.events == []


def test_the_sensors_run_from_the_start_where_a_webhook_is_set(settings: Settings) -> None:
    for used, status in (
        (settings, dg.DefaultSensorStatus.RUNNING),
        (replace(settings, webhook_url=None), dg.DefaultSensorStatus.STOPPED),
    ):
        for name in ("run_failure_sensor", "new_release_sensor"):
            sensor = build_definitions(used).resolve_sensor_def(name)
            assert sensor.default_status == status
            assert sensor.minimum_interval_seconds == 60
            assert "PYORG_WEBHOOK_URL" in (sensor.description or "")


def test_no_resource_shows_the_webhook(settings: Settings) -> None:
    resources = build_definitions(settings).resources
    assert "secret" not in repr(resources)
    assert "secret" not in repr(settings)
