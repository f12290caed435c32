"""What the schedules and the sensor request, on a real instance and a real site."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs import maintenance
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import prune_runs
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.refresh.artifacts import read_failures, write_failures
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.small_site import DIRECTORIES


class Daemon:
    """Evaluates schedules and the sensor as Dagster's daemon does, and executes their requests."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = build_definitions(settings)
        self.store = CatalogStore(LocalLocation(Path(settings.catalog_url)))
        self._cursor: str | None = None

    def schedule(self, name: str) -> dg.RunRequest:
        """What a schedule requests at this minute."""
        schedule = self.definitions.resolve_schedule_def(name)
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=datetime.now(UTC),
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            [request] = schedule.evaluate_tick(context).run_requests or ()
        return request.with_replaced_attrs(job_name=schedule.job_name)

    def sensor(self) -> dg.RunRequest | str:
        """What the sensor requests, or why it requests nothing."""
        sensor = self.definitions.resolve_sensor_def("refresh_stale_tables")
        assert self.definitions.resources is not None
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursor,
            resources={"catalog": self.definitions.resources["catalog"]},
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            data = sensor.evaluate_tick(context)
        self._cursor = data.cursor or self._cursor
        return data.run_requests[0] if data.run_requests else str(data.skip_message)

    def run(self, request: dg.RunRequest | str) -> bool:
        """Execute what was requested; whether it succeeded."""
        assert isinstance(request, dg.RunRequest), request
        assert request.job_name is not None
        done = self.definitions.resolve_job_def(request.job_name).execute_in_process(
            run_config=request.run_config,
            tags=request.tags,
            instance=self.instance,
            raise_on_error=False,
        )
        return bool(done.success)

    def create_run(self, job: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        definition = self.definitions.resolve_job_def(job)
        return self.instance.create_run_for_job(definition, status=status, tags=definition.tags)


@pytest.fixture
def daemon(settings: Settings) -> Iterator[Daemon]:
    with open_instance(settings.dagster_home) as instance:
        yield Daemon(settings, instance)


def job(request: dg.RunRequest | str) -> str | None:
    assert isinstance(request, dg.RunRequest), request
    return request.job_name


def directories(request: dg.RunRequest | str) -> list[str]:
    """The directories that a request of the sensor wants to have crawled."""
    assert isinstance(request, dg.RunRequest), request
    assert request.job_name == "crawl_directories"
    wanted = request.run_config["ops"]["release_artifacts"]["config"]["directories"]
    return [str(name) for name in wanted]


def test_an_empty_home_is_filled_published_and_then_left_alone(
    daemon: Daemon, site: Replica
) -> None:
    site.answer("", Answer(status=403), times=1)
    first = daemon.sensor()
    assert job(first) == "read_root"
    assert not daemon.run(first)
    assert daemon.sensor() == "read_root failed; it runs again after the next root listing."
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    second = daemon.sensor()
    assert directories(second) == DIRECTORIES
    assert isinstance(second, dg.RunRequest)
    assert second.tags["pyorg/due"] == "5 new"
    assert daemon.run(second)
    third = daemon.sensor()
    assert job(third) == "publish"
    assert daemon.run(third)
    assert str(daemon.sensor()).startswith("Nothing is due since ")
    assert daemon.sensor() == "Nothing was due, and no run was started since."
    site.clear_requests()
    assert daemon.run(daemon.schedule("weekly_full_crawl"))
    assert sorted(one.path for one in site.requests) == sorted(f"{n}/" for n in DIRECTORIES)


def test_an_hourly_listing_leads_to_what_it_makes_due_and_no_more(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.clear_requests()
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert [one.path for one in site.requests] == [""]
    assert str(daemon.sensor()).startswith("Nothing is due since ")
    # A removed directory needs no crawl.
    site.remove("2.7/")
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    removed = daemon.sensor()
    assert job(removed) == "publish"
    assert daemon.run(removed)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    changed = daemon.sensor()
    assert directories(changed) == ["3.14.0"]
    assert daemon.run(changed)
    # It is racy still, which is for the next hour.
    assert job(daemon.sensor()) == "publish"


def test_a_failed_directory_is_retried_next_hour_and_the_others_are_published(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.add("3.15.0/python-3.15.0a1-amd64.exe", size=5)
    site.answer("3.15.0/", Answer(status=403))
    daemon.run(daemon.schedule("hourly_root_listing"))
    request = daemon.sensor()
    assert directories(request) == ["3.14.0", "3.15.0"]
    assert not daemon.run(request)
    request = daemon.sensor()
    assert job(request) == "publish"
    assert daemon.run(request)
    assert str(daemon.sensor()).startswith("Nothing is due since ")
    daemon.run(daemon.schedule("hourly_root_listing"))
    assert "3.15.0" in directories(daemon.sensor())
    # After its second failure it is left out for longer than an hour.
    failures = read_failures(daemon.store)
    write_failures(daemon.store, {"3.15.0": failures["3.15.0"]._replace(attempts=2)})
    assert "3.15.0" not in directories(daemon.sensor())


def test_nothing_is_requested_while_a_refresh_is_in_progress(daemon: Daemon) -> None:
    for name in ("read_root", "crawl_directories", "publish", "record_digests"):
        run = daemon.create_run(name, dg.DagsterRunStatus.STARTED)
        assert daemon.sensor() == f"Run {run.run_id} has not finished."
        daemon.instance.delete_run(run.run_id)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
@pytest.mark.parametrize(("done", "name"), [(1, "crawl_directories"), (2, "publish")])
def test_a_failed_or_killed_job_runs_again_after_the_next_root_listing(
    daemon: Daemon, done: int, name: str, status: dg.DagsterRunStatus
) -> None:
    for _ in range(done):
        assert daemon.run(daemon.sensor())
    daemon.create_run(name, status)
    assert daemon.sensor() == f"{name} failed; it runs again after the next root listing."
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert job(daemon.sensor()) == name


def test_old_runs_are_deleted_except_the_last_of_each_asset_and_partition(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    def materialized() -> set[str]:
        return set(daemon.instance.get_materialized_partitions(dg.AssetKey("release_artifacts")))

    def files() -> int:
        return len(list((settings.dagster_home / "history" / "runs").iterdir()))

    @dg.job
    def of_another_project() -> None:
        """A job without ops."""

    refresh(settings)
    for _ in range(3):
        assert daemon.run(daemon.schedule("hourly_root_listing"))
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert daemon.run(daemon.sensor())
    assert daemon.run(daemon.sensor())
    assert of_another_project.execute_in_process(instance=daemon.instance).success
    before, partitions = files(), materialized()
    assert prune_runs(daemon.instance, datetime.now(UTC) - timedelta(days=30)) == (0, 0)
    assert prune_runs(daemon.instance, datetime.now(UTC) + timedelta(seconds=2)) == (5, 4)
    assert sorted(run.job_name for run in daemon.instance.get_runs()) == [
        *("crawl_directories", "crawl_directories", "of_another_project", "publish", "read_root")
    ]
    assert (files(), materialized()) == (before - 5, partitions)
    # Nothing is due because of it: the date of 3.14.0 is of this minute.
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert directories(daemon.sensor()) == ["3.14.0"]
    pruning = daemon.schedule("weekly_pruning")
    assert pruning.run_config == {"ops": {"delete_old_runs": {"config": {"days": 30}}}}
    assert daemon.run(pruning)


def test_a_refresh_without_a_daemon_deletes_old_runs_too(
    daemon: Daemon, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_MANY", 4)
    for _ in range(2):
        refresh(settings)
    assert daemon.instance.get_runs_count() == 4
    # As old as Dagster believes them to be, without waiting for 30 days.
    with sqlite3.connect(settings.dagster_home / "history" / "runs.db") as history:
        history.execute("UPDATE runs SET create_timestamp = datetime('now', '-31 days')")
    history.close()
    refresh(settings)
    # The first crawl and publication, and the newest root listing.
    assert daemon.instance.get_runs_count() == 3


def test_schedules_and_the_sensor_are_as_the_settings_say(tmp_path: Path) -> None:
    def automation(**given: str) -> tuple[dict[str, str], set[str], set[str | None], int | None]:
        definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path), **given}))
        schedules = definitions.get_repository_def().schedule_defs
        sensor = definitions.resolve_sensor_def("refresh_stale_tables")
        return (
            {one.name: str(one.cron_schedule) for one in schedules},
            {sensor.default_status.value, *(one.default_status.value for one in schedules)},
            {one.execution_timezone for one in schedules},
            sensor.minimum_interval_seconds,
        )

    crons = {
        "hourly_root_listing": "17 * * * *",
        "weekly_full_crawl": "41 4 * * 0",
        "weekly_pruning": "23 5 * * 1",
    }
    assert automation() == (crons, {"RUNNING"}, {"UTC"}, 30)
    assert automation(
        PYORG_AUTOMATION="0",
        PYORG_REFRESH_CRON="5,35 * * * *",
        PYORG_FULL_REFRESH_CRON="0 3 1 * *",
        PYORG_TIMEZONE="Europe/Berlin",
        PYORG_LOOK_EVERY="60",
    ) == (
        crons | {"hourly_root_listing": "5,35 * * * *", "weekly_full_crawl": "0 3 1 * *"},
        {"STOPPED"},
        {"Europe/Berlin"},
        60,
    )
