"""Refreshes as runs of a real, persistent Dagster instance."""

from __future__ import annotations

import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore, directory_file
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.errors import CatalogLockedError, RootListingError, SiteStatusError
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline.process import INTERRUPTED, run_program
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, derived_settings
from pyorg_pipeline_tests.support.held_answers import held_refresh
from pyorg_pipeline_tests.support.partitions import partition_states
from pyorg_pipeline_tests.support.release_stages import BUGFIX_PHASE
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, LONG_AGO

ARTIFACTS = dg.AssetKey("release_artifacts")
TABLES = ["release_directories", "artifact_catalog", "latest_version", "releases"]


def catalog_paths(settings: Settings) -> set[str]:
    store = CatalogStore(LocalLocation(Path(settings.catalog_url)))
    return {row["path"] for row in store.rows(CATALOG_FILE)}


def partition_events(settings: Settings) -> list[dg.EventLogRecord]:
    with open_instance(settings.dagster_home) as instance:
        return list(instance.fetch_materializations(ARTIFACTS, limit=1000).records)


def metadata_of(settings: Settings, asset: str) -> dict[str, Any]:
    with open_instance(settings.dagster_home) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    return values(event.asset_materialization)


def values(materialization: dg.AssetMaterialization | None) -> dict[str, Any]:
    assert materialization is not None
    return {name: value.value for name, value in materialization.metadata.items()}


def test_the_first_refresh_materializes_every_partition_and_table(
    settings: Settings, site: Replica
) -> None:
    site.answer("", Answer(headers={"Age": "3600"}))
    done = refresh(settings)
    assert done.crawled == dict.fromkeys(DIRECTORIES, Due.NEW)
    assert done.requests == 1 + len(DIRECTORIES) == len(site.requests)
    assert done.failures == {}
    assert partition_states(settings) == dict.fromkeys(DIRECTORIES, "MATERIALIZED")
    for name in (*(f"{asset}.parquet" for asset in TABLES), *map(directory_file, DIRECTORIES)):
        assert (Path(settings.catalog_url) / name).is_file()

    root = metadata_of(settings, "release_directories")
    assert (root["dagster/row_count"], root["new"], root["requests"]) == (5, 5, 1)
    assert root["new_directories"] == "src, 2.7, 3.13.9, 3.14.0, 3.15.0"
    assert root["site"] == site.url
    assert timedelta(seconds=root["listing_age_seconds"]) >= timedelta(hours=1)
    assert "| 3.15.0 | 2025-10-0" in root["preview"]
    catalog = metadata_of(settings, "artifact_catalog")
    assert (catalog["artifacts"], catalog["unrecognised"], catalog["added"]) == (8, 2, 10)
    latest = metadata_of(settings, "latest_version")
    assert (latest["latest_final"], latest["latest_of_any_level"]) == ("3.14.0", "3.15.0a1")
    names = [column.name for column in latest["series"].schema.columns]
    shown = [tuple(record.data[name] for name in names) for record in latest["series"].records]
    date = f"{LONG_AGO:%Y-%m-%d}"
    assert shown[:3] == [
        ("all", "3.14.0", date, "3.15.0a1", date),
        ("3.15", "", "", "3.15.0a1", date),
        ("3.14", "3.14.0", date, "3.14.0", date),
    ]
    releases = metadata_of(settings, "releases")
    assert (releases["complete"], releases["partial"], releases["superseded"]) == (5, 0, 1)
    assert releases["partial_releases"] == releases["newly_complete"] == "none"
    assert "| 3.14.0rc1 | superseded |" in releases["preview"]
    [event] = [one for one in partition_events(settings) if one.partition_key == "3.13.9"]
    partition = values(event.asset_materialization)
    counts = {"dagster/row_count": 3, "companions": 1, "added": 3, "site": f"{site.url}3.13.9/"}
    assert {name: partition[name] for name in counts} == counts
    row = "| python-3.13.9-amd64.exe | 3.13.9 | windows-release | executable |"
    assert row in partition["preview"]


def test_a_partial_release_is_named_and_again_once_it_is_complete(
    settings: Settings, site: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SERIES_DATES, "3.13", BUGFIX_PHASE)
    refresh(settings)
    site.add("3.13.10/Python-3.13.10.tgz")
    refresh(settings)
    releases = metadata_of(settings, "releases")
    assert (releases["partial_releases"], releases["newly_complete"]) == ("3.13.10", "none")
    assert "| 3.13.10 | partial | source windows |" in releases["preview"]
    site.add("3.13.10/Python-3.13.10.tar.xz")
    site.add("3.13.10/python-3.13.10-amd64.exe")
    refresh(settings)
    releases = metadata_of(settings, "releases")
    assert (releases["partial_releases"], releases["newly_complete"]) == ("none", "3.13.10")


def test_what_changed_is_recorded_and_shown(settings: Settings, site: Replica) -> None:
    refresh(settings)
    first = metadata_of(settings, "catalog_changes")
    assert (first["dagster/row_count"], "sequence" in first) == (0, False)
    assert first["preview"] == "no rows"
    assert first["dagster/uri"] == f"{settings.catalog_url}/catalog_changes"
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.replace("3.13.9/Python-3.13.9.tgz", size=6)
    refresh(settings)
    latest = metadata_of(settings, "catalog_changes")
    assert (latest["appeared"], latest["vanished"], latest["replaced"]) == (1, 0, 1)
    assert (latest["dagster/row_count"], latest["sequence"]) == (2, 1)
    file = Path(settings.catalog_url) / "catalog_changes" / "000001.parquet"
    assert (latest["dagster/uri"], latest["bytes"]) == (str(file), file.stat().st_size)
    row = latest["preview"].splitlines()[2]
    assert row.startswith("| appeared | 3.14.0/python-3.14.0-amd64.exe |  | 5 |  | 20")


def test_a_refresh_reads_what_changed_and_a_full_one_every_directory(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.clear_requests()
    done = refresh(settings)
    assert (done.crawled, done.requests) == ({}, 1)
    assert [request.path for request in site.requests] == [""]
    assert len(partition_events(settings)) == len(DIRECTORIES)
    with open_instance(settings.dagster_home) as instance:
        assert instance.get_runs()[0].job_name == "read_root"
    site.clear_requests()
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    assert refresh(settings).crawled == {"3.14.0": Due.CHANGED}
    assert [request.path for request in site.requests] == ["", "3.14.0/"]
    assert len(partition_events(settings)) == len(DIRECTORIES) + 1
    assert "3.14.0/python-3.14.0-amd64.exe" in catalog_paths(settings)
    site.clear_requests()
    assert refresh(settings, full=True).crawled == dict.fromkeys(DIRECTORIES, Due.FULL)
    assert len(site.requests) == 1 + len(DIRECTORIES)


def test_changes_are_in_the_listings_order_whichever_directory_came_first(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    table = Path(settings.catalog_url) / directory_file("3.14.0")
    before = table.stat().st_ino
    for directory in ("2.7", "3.14.0"):
        site.add(f"{directory}/a.txt", size=1)

    def after_the_other(_: Request) -> Answer:
        while table.stat().st_ino == before:
            time.sleep(0.01)
        return Answer()

    site.answer("2.7/", after_the_other)
    assert refresh(settings).added == ["2.7/a.txt", "3.14.0/a.txt"]


def test_failed_and_hidden_directories_are_missing_and_the_others_are_published(
    settings: Settings, site: Replica
) -> None:
    site.answer("2.7/", Answer(body=b"<html><title>Python 2.7</title><body></body></html>"))
    site.answer("3.14.0/", Answer(status=403))
    done = refresh(settings)
    assert (list(done.failures), done.hidden) == (["3.14.0"], ["2.7"])
    assert "403" in done.failures["3.14.0"]
    missing = dict.fromkeys(("2.7", "3.14.0"), "MISSING")
    assert partition_states(settings) == dict.fromkeys(DIRECTORIES, "MATERIALIZED") | missing
    assert "3.13.9/Python-3.13.9.tgz" in catalog_paths(settings)
    site.clear_answers()
    site.clear_requests()
    assert refresh(settings).crawled == {"3.14.0": Due.FAILED}
    assert [request.path for request in site.requests] == ["", "3.14.0/"]
    assert partition_states(settings)["3.14.0"] == "MATERIALIZED"


def checks(settings: Settings, asset: str, check: str) -> list[tuple[bool, dict[str, Any]]]:
    """Whether each evaluation of a check passed, and what it says; newest first."""
    with open_instance(settings.dagster_home) as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(asset), check), limit=10
        )
    found = []
    for record in records:
        assert record.event is not None
        assert record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        values = {name: value.value for name, value in evaluation.metadata.items()}
        found.append((evaluation.passed, values))
    return found


def test_a_directory_that_lost_an_artifact_fails_its_check_until_it_is_believed(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    lost = "3.13.9/python-3.13.9-amd64.exe"
    site.remove(lost)
    site.answer("3.13.9/", Answer(headers={"Age": "60"}), times=1)
    failures = refresh(settings).failures
    assert lost in failures["3.13.9"]
    assert lost in catalog_paths(settings)
    assert refresh(settings).failures == {}
    assert lost not in catalog_paths(settings)
    assert checks(settings, "release_artifacts", "directories_keep_their_artifacts") == [
        (True, {"directories_crawled": 1}),
        (False, {"directories_crawled": 1, "3.13.9": lost}),
        (True, {"directories_crawled": 5}),
    ]


def test_a_root_that_lost_many_directories_fails_its_check_and_keeps_the_table(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.remove("2.7/")
    site.remove("3.13.9/")
    with pytest.raises(RootListingError):
        refresh(settings)
    assert "2.7/Python-2.7.tgz" in catalog_paths(settings)
    refresh(settings, accept_vanished=True)
    assert "2.7/Python-2.7.tgz" not in catalog_paths(settings)
    assert list(partition_states(settings)) == ["src", "3.14.0", "3.15.0"]
    assert checks(settings, "release_directories", "root_keeps_its_directories") == [
        (True, {"lost": 2, "known": 3}),
        (False, {"lost": 2, "known": 5}),
        (True, {"lost": 0, "known": 5}),
    ]


def test_a_root_that_fails_raises_its_own_error_and_keeps_the_catalog(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    before = catalog_paths(settings)
    site.answer("", Answer(status=403))
    with pytest.raises(SiteStatusError) as raised:
        refresh(settings)
    assert raised.value.status == 403
    assert catalog_paths(settings) == before
    with open_instance(settings.dagster_home) as instance:
        assert instance.get_runs()[0].status == dg.DagsterRunStatus.FAILURE


def test_ctrl_c_after_the_last_step_of_a_run_interrupts_the_refresh(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster itself ignores it there."""
    handle_new_event = dg.DagsterInstance.handle_new_event
    ended: list[str | None] = []

    def interrupted(instance: dg.DagsterInstance, event: dg.EventLogEntry, **options: Any) -> None:
        handle_new_event(instance, event, **options)
        if event.dagster_event_type == dg.DagsterEventType.RUN_SUCCESS:
            ended.append(event.job_name)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(dg.DagsterInstance, "handle_new_event", interrupted)
    assert run_program(lambda: len(refresh(settings).failures)) == INTERRUPTED
    assert ended == ["read_root"]
    monkeypatch.undo()
    assert len(refresh(settings).crawled) == len(DIRECTORIES)


def test_ctrl_c_during_a_write_to_dagster_s_database_waits_for_its_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that is cut keeps the database locked for 30 seconds."""
    handle_new_event = dg.DagsterInstance.handle_new_event

    def interrupted(instance: dg.DagsterInstance, event: dg.EventLogEntry, **options: Any) -> None:
        written = event.dagster_event
        if written and written.is_step_materialization and written.asset_key == ARTIFACTS:
            signal.raise_signal(signal.SIGINT)
        handle_new_event(instance, event, **options)

    refresh(settings)
    before = len(partition_events(settings))
    monkeypatch.setattr(dg.DagsterInstance, "handle_new_event", interrupted)
    code = run_program(lambda: len(refresh(settings, full=True).failures))
    monkeypatch.undo()
    assert (code, len(partition_events(settings))) == (INTERRUPTED, before + 1)


def test_a_second_refresh_names_the_process_that_holds_the_lock(
    settings: Settings, site: Replica
) -> None:
    with held_refresh(site, settings) as first, pytest.raises(CatalogLockedError) as raised:
        refresh(settings)
    assert f"refreshed by process {first.pid} on " in str(raised.value)
    assert first.returncode == 0
    assert len(catalog_paths(settings)) == 10


def test_the_catalog_alone_is_enough_of_a_backup(settings: Settings) -> None:
    refresh(settings)
    paths = catalog_paths(settings)
    shutil.rmtree(settings.dagster_home)
    again = refresh(settings)
    assert again.crawled == dict.fromkeys(DIRECTORIES, Due.UNREPORTED)
    assert not again.failures
    assert catalog_paths(settings) == paths
    assert set(partition_states(settings).values()) == {"MATERIALIZED"}
    assert not (Path(settings.catalog_url) / "catalog_changes").exists()
    assert refresh(settings).crawled == {}


def test_a_catalog_at_a_url_is_filled_and_refreshed(settings: Settings, site: Replica) -> None:
    elsewhere = derived_settings(settings, None, f"memory://{settings.home.name}/catalog")
    assert len(refresh(elsewhere).crawled) == len(DIRECTORIES)
    site.clear_requests()
    assert refresh(elsewhere).crawled == {}
    assert len(site.requests) == 1
