"""What schedules, sensors and conditions ask for, on a real instance and a real site."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs import maintenance
from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import Pruned, prune_runs
from pyorg_pipeline.defs.rounds import CRAWL, PUBLISH, READ, ROUND_TAG, rested
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.refresh.artifacts import read_failures, write_failures
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, small_site

PUBLISHED = {"artifact_catalog", "latest_version", "releases", "catalog_changes"}


@pytest.fixture
def site() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


@pytest.fixture
def settings(site: Replica, tmp_path: Path) -> Settings:
    return load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)})


class Daemon:
    """Asks schedules, sensors and conditions as Dagster's daemon does, and runs what they want."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = build_definitions(settings)
        self.store = CatalogStore(LocalLocation(Path(settings.catalog_url)))
        self._cursor: str | None = None
        self._conditions_cursor: Any = None

    def schedule(self, name: str) -> dg.RunRequest | str:
        """What a schedule asks for at this minute, or why it asks for nothing."""
        schedule = self.definitions.resolve_schedule_def(name)
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=datetime.now(UTC),
            resources=self.definitions.resources,
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            data = schedule.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else str(data.skip_message)

    def sensor(self) -> dg.RunRequest | str:
        """What the sensor asks for, or why it asks for nothing."""
        sensor = self.definitions.resolve_sensor_def("crawl_what_is_due")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursor,
            resources=self.definitions.resources,
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            data = sensor.evaluate_tick(context)
        self._cursor = data.cursor or self._cursor
        return data.run_requests[0] if data.run_requests else str(data.skip_message)

    def requested(self) -> set[str]:
        """The assets whose conditions ask for them."""
        result = dg.evaluate_automation_conditions(
            defs=self.definitions,
            instance=self.instance,
            cursor=self._conditions_cursor,
            asset_selection=dg.AssetSelection.assets(*PUBLISHED),
        )
        self._conditions_cursor = result.cursor
        return {one.key.to_user_string() for one in result.results if one.true_subset.size}

    def run(self, request: dg.RunRequest | str) -> bool:
        """Run what was asked for; whether it went well."""
        assert isinstance(request, dg.RunRequest), request
        job = self.definitions.resolve_job_def(request.job_name or "read_root")
        done = job.execute_in_process(
            run_config=request.run_config,
            tags=request.tags,
            instance=self.instance,
            raise_on_error=False,
        )
        return done.success

    def publish(self) -> None:
        """Run what the conditions ask for."""
        job = self.definitions.resolve_job_def("publish")
        assert job.execute_in_process(instance=self.instance, tags={ROUND_TAG: PUBLISH}).success


@pytest.fixture
def daemon(settings: Settings) -> Iterator[Daemon]:
    with open_instance(settings.dagster_home) as instance:
        yield Daemon(settings, instance)


def directories(request: dg.RunRequest | str) -> list[str]:
    """What a request of the sensor wants to have crawled."""
    assert isinstance(request, dg.RunRequest), request
    assert request.job_name == "crawl_directories"
    wanted = request.run_config["ops"]["release_artifacts"]["config"]["directories"]
    return [str(name) for name in wanted]


def test_an_empty_home_is_filled_at_once_and_then_nothing_is_asked_for(daemon: Daemon) -> None:
    assert daemon.requested() == set()
    first = daemon.sensor()
    assert isinstance(first, dg.RunRequest)
    assert (first.job_name, first.tags[ROUND_TAG]) == ("read_root", READ)
    assert daemon.run(first)
    # An empty catalog is not published first.
    assert daemon.requested() == set()
    second = daemon.sensor()
    assert directories(second) == DIRECTORIES
    assert isinstance(second, dg.RunRequest)
    assert second.tags["pyorg/due"] == "5 new"
    assert daemon.run(second)
    assert str(daemon.sensor()).startswith("All that was due at ")
    assert daemon.requested() == PUBLISHED
    daemon.publish()
    assert daemon.requested() == set()
    assert str(daemon.sensor()).startswith("All that was due at ")
    assert str(daemon.sensor()).startswith("Nothing is due since the root was read at ")


def test_a_round_with_nothing_new_is_one_run_of_one_request(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.clear_requests()
    request = daemon.schedule("hourly_root_listing")
    assert daemon.run(request)
    assert [one.path for one in site.requests] == [""]
    assert str(daemon.sensor()).startswith("All that was due")
    assert daemon.requested() == set()


def test_only_what_changed_is_crawled_and_published(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    request = daemon.sensor()
    assert directories(request) == ["3.14.0"]
    assert daemon.requested() == set()
    assert daemon.run(request)
    # It is racy still: the next round's.
    assert str(daemon.sensor()).startswith("All that was due")
    assert daemon.requested() == PUBLISHED


def test_a_vanished_directory_is_published_though_nothing_is_crawled(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.remove("2.7/")
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert str(daemon.sensor()).startswith("All that was due")
    assert daemon.requested() == PUBLISHED


def test_a_failed_directory_does_not_hold_up_the_others_and_is_the_next_round_s(
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
    assert str(daemon.sensor()).startswith("All that was due")
    assert daemon.requested() == PUBLISHED
    daemon.run(daemon.schedule("hourly_root_listing"))
    assert "3.15.0" in directories(daemon.sensor())
    # After its second failure it rests for longer than until the next round.
    failures = read_failures(daemon.store)
    write_failures(daemon.store, {"3.15.0": failures["3.15.0"]._replace(attempts=2)})
    assert "3.15.0" not in directories(daemon.sensor())


def test_nothing_begins_while_a_run_is_at_work(daemon: Daemon, settings: Settings) -> None:
    refresh(settings)
    job = daemon.definitions.resolve_job_def("crawl_directories")
    run = daemon.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    reason = f"Run {run.run_id} of crawl_directories is at work."
    assert daemon.schedule("hourly_root_listing") == reason
    assert daemon.sensor() == reason
    assert daemon.requested() == set()


def test_a_run_that_was_killed_is_told_as_failed_and_what_it_left_is_asked_for_again(
    daemon: Daemon, settings: Settings
) -> None:
    assert daemon.run(daemon.sensor())
    job = daemon.definitions.resolve_job_def("crawl_directories")
    run = daemon.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    # What a process leaves that is killed: a lock that nobody holds.
    lock = settings.lock_folder / "runs" / f"{run.run_id}.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    assert directories(daemon.sensor()) == DIRECTORIES
    found = daemon.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE


def test_an_empty_home_whose_site_fails_is_asked_again_after_a_rest(
    daemon: Daemon, site: Replica
) -> None:
    site.answer("", Answer(status=403))
    assert not daemon.run(daemon.sensor())
    assert daemon.sensor() == "The root listing could not be read; tried again later."


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (20, 3600)]
)
def test_runs_that_fail_one_after_the_other_rest_twice_as_long_each_time(
    daemon: Daemon, failures: int, seconds: int
) -> None:
    job = daemon.definitions.resolve_job_def("crawl_directories")
    assert rested(daemon.instance, CRAWL)
    for status in [dg.DagsterRunStatus.SUCCESS] + [dg.DagsterRunStatus.FAILURE] * failures:
        run = daemon.instance.create_run_for_job(job, status=status, tags={ROUND_TAG: CRAWL})
    record = daemon.instance.get_run_record_by_id(run.run_id)
    assert record is not None
    ended = record.create_timestamp

    def is_rested(after: float, **how: Any) -> bool:
        return rested(daemon.instance, CRAWL, now=ended + timedelta(seconds=after), **how)

    assert is_rested(seconds)
    assert not is_rested(seconds - 1)
    # Of another kind, and before a time that is of no interest any more.
    assert rested(daemon.instance, PUBLISH)
    assert is_rested(0, since=ended + timedelta(seconds=1))
    # It ended by a clock that was ahead.
    assert is_rested(-60)


def test_the_weekly_crawl_takes_every_directory(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.clear_requests()
    request = daemon.schedule("weekly_full_crawl")
    assert isinstance(request, dg.RunRequest)
    job = daemon.definitions.resolve_job_def("crawl_directories")
    job.execute_in_process(run_config=request.run_config, instance=daemon.instance)
    assert sorted(one.path for one in site.requests) == sorted(f"{n}/" for n in DIRECTORIES)


def test_old_runs_that_began_by_themselves_are_forgotten_and_no_partition_with_them(
    daemon: Daemon, settings: Settings, site: Replica
) -> None:
    refresh(settings)
    job = daemon.definitions.resolve_job_def("read_root")
    by_hand = job.execute_in_process(instance=daemon.instance).run_id
    for _ in range(3):
        assert daemon.run(daemon.schedule("hourly_root_listing"))
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert daemon.run(daemon.sensor())
    daemon.publish()
    runs = {run.run_id: run.job_name for run in daemon.instance.get_runs()}
    files = len(list((settings.dagster_home / "history" / "runs").iterdir()))
    states = materialized(daemon.instance)
    checked = root_checks(daemon.instance)
    assert len(checked) == 6
    assert prune_runs(daemon.instance, datetime.now(UTC) - timedelta(days=30)) == Pruned(0, 0, 0)
    done = prune_runs(daemon.instance, datetime.now(UTC) + timedelta(seconds=2))
    assert (done.deleted, done.kept) == (5, 4)
    assert done.bytes > 0
    left = {run.run_id: run.job_name for run in daemon.instance.get_runs()}
    # The last of each stage, and of each partition, is what Dagster's pages show.
    assert left.pop(by_hand) == "read_root"
    assert sorted(left.values()) == [
        *("crawl_directories", "crawl_directories", "publish", "read_root")
    ]
    assert len(list((settings.dagster_home / "history" / "runs").iterdir())) == files - 5
    assert materialized(daemon.instance) == states
    assert root_checks(daemon.instance) == [run for run in checked if run in {*left, by_hand}]
    assert len(runs) - len(left) == 6
    # And nothing is due because of it: 3.14.0 is racy, for its date is of this minute.
    assert daemon.run(daemon.schedule("hourly_root_listing"))
    assert directories(daemon.sensor()) == ["3.14.0"]


def test_refreshes_without_a_daemon_forget_their_old_runs_too(
    daemon: Daemon, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_MANY", 5)
    refresh(settings)
    job = daemon.definitions.resolve_job_def("read_root")
    by_hand = job.execute_in_process(instance=daemon.instance).run_id
    refresh(settings)
    refresh(settings)
    before = daemon.instance.get_runs_count()
    # As old as Dagster takes them to be: nobody waits for 30 days.
    with sqlite3.connect(settings.dagster_home / "history" / "runs.db") as history:
        history.execute("UPDATE runs SET create_timestamp = datetime('now', '-31 days')")
    history.close()
    refresh(settings)
    # Of the old ones those that materialised something last, and the one by hand.
    assert before == 6
    assert daemon.instance.get_runs_count() == 4
    assert daemon.instance.has_run(by_hand)


def test_the_pruning_job_keeps_as_many_days_as_the_settings_say(
    daemon: Daemon, settings: Settings
) -> None:
    refresh(settings)
    request = daemon.schedule("weekly_pruning")
    assert isinstance(request, dg.RunRequest)
    assert request.run_config == {"ops": {"forget_old_runs": {"config": {"days": 30}}}}
    job = daemon.definitions.resolve_job_def("prune_history")
    assert job.execute_in_process(run_config=request.run_config, instance=daemon.instance).success


def root_checks(instance: dg.DagsterInstance) -> list[str]:
    """The runs that checked the root listing, the newest first."""
    key = dg.AssetCheckKey(dg.AssetKey("release_directories"), "root_keeps_its_directories")
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    return [record.run_id for record in found]


def materialized(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey("release_artifacts")))


def test_all_is_on_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    def statuses(**more: str) -> set[str]:
        definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path), **more}))
        repository = definitions.get_repository_def()
        sensors = map(definitions.resolve_sensor_def, ("crawl_what_is_due", "publish_what_is_due"))
        schedules = {one.default_status.value for one in repository.schedule_defs}
        return schedules | {one.default_status.value for one in sensors}

    assert statuses() == {"RUNNING"}
    assert statuses(PYORG_AUTOMATION="0") == {"STOPPED"}


def test_schedules_go_by_the_settings(tmp_path: Path) -> None:
    given = {
        "PYORG_HOME": str(tmp_path),
        "PYORG_REFRESH_CRON": "5,35 * * * *",
        "PYORG_FULL_REFRESH_CRON": "0 3 1 * *",
        "PYORG_TIMEZONE": "Europe/Berlin",
        "PYORG_LOOK_EVERY": "60",
    }
    definitions = build_definitions(load_settings(given))
    repository = definitions.get_repository_def()
    assert {(one.name, one.cron_schedule) for one in repository.schedule_defs} == {
        ("hourly_root_listing", "5,35 * * * *"),
        ("weekly_full_crawl", "0 3 1 * *"),
        ("weekly_pruning", "23 5 * * 1"),
    }
    assert {one.execution_timezone for one in repository.schedule_defs} == {"Europe/Berlin"}
    assert definitions.resolve_sensor_def("crawl_what_is_due").minimum_interval_seconds == 60


def test_a_cron_expression_that_means_nothing_is_refused(tmp_path: Path) -> None:
    settings = load_settings({"PYORG_HOME": str(tmp_path), "PYORG_REFRESH_CRON": "61 * * * *"})
    with pytest.raises(SettingsError, match="PYORG_REFRESH_CRON"):
        build_definitions(settings)
