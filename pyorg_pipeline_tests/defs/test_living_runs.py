"""Which run is taken for dead: never one that begins, is at work, or ends."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.living_runs import SILENCE, fail_killed_runs, showing_life
from pyorg_pipeline.defs.own_runs import ASSET_JOB, is_own
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.settings import load_settings
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.small_site import small_site

#: So many that a gap of some microseconds is hit.
ROUNDS = 2000


def test_a_run_is_never_taken_for_dead_while_another_looks_at_it(tmp_path: Path) -> None:
    folder = str(tmp_path / "locks")
    with open_instance(tmp_path / "dagster") as instance:
        run = _run_with_a_slot(instance)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("forkserver")
        process = context.Process(
            target=_hold_and_let_go, args=(folder, run.run_id, theirs), daemon=True
        )
        process.start()
        theirs.close()
        looks = 0
        while not ours.poll():
            assert fail_killed_runs(instance, folder) == []
            looks += 1
        assert ours.recv() == "done"
        process.join()
        assert looks > 1
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert not found.is_finished


def test_a_run_whose_process_was_killed_gives_its_slot_back(tmp_path: Path) -> None:
    folder = str(tmp_path / "locks")
    with open_instance(tmp_path / "dagster") as instance:
        run = _run_with_a_slot(instance)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("forkserver")
        process = context.Process(
            target=_hold_for_ever, args=(folder, run.run_id, theirs), daemon=True
        )
        process.start()
        # Only its own end is left, so that its death is seen.
        theirs.close()
        assert ours.recv() == "held"
        assert fail_killed_runs(instance, folder) == []
        assert instance.event_log_storage.get_concurrency_run_ids() == {run.run_id}
        process.kill()
        process.join()
        assert fail_killed_runs(instance, folder) == [run.run_id]
        assert instance.event_log_storage.get_concurrency_run_ids() == set()
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status is dg.DagsterRunStatus.FAILURE


CHECKING = """
import sys
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.refresh import checks
from pyorg_pipeline.settings import load_settings

def stand_still(*_):
    print("checking", flush=True)
    sys.stdin.read()

checks.paths_are_unique = stand_still
refresh(load_settings({"PYORG_SITE_URL": sys.argv[1], "PYORG_HOME": sys.argv[2]}))
"""


def test_a_run_that_is_killed_while_it_writes_nothing_is_noticed_at_once(tmp_path: Path) -> None:
    with Replica(small_site()) as site:
        settings = load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)})
        command = [sys.executable, "-c", CHECKING, site.url, str(tmp_path)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with started(command, **pipes) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "checking\n"
            with open_instance(settings.dagster_home) as instance:
                assert fail_killed_runs(instance, str(settings.lock_folder)) == []
            process.kill()
        with open_instance(settings.dagster_home) as instance:
            [publish, *before] = instance.get_runs()
            assert publish.job_name == "publish"
            assert publish.status is dg.DagsterRunStatus.STARTED
            assert fail_killed_runs(instance, str(settings.lock_folder)) == [publish.run_id]
            assert {run.status for run in before} == {dg.DagsterRunStatus.SUCCESS}
    assert [path.name for path in (settings.lock_folder / "runs").iterdir()] == ["all.lock"]


def test_a_run_that_shows_no_life_is_taken_for_dead_when_nothing_was_heard_of_it_for_long(
    tmp_path: Path,
) -> None:
    """Killed before its first step, or after its last one."""
    folder = str(tmp_path / "locks")

    @dg.job
    def publish() -> None:
        """No op."""

    @dg.job
    def of_another_project() -> None:
        """No op."""

    with open_instance(tmp_path / "dagster") as instance:
        begun = {dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING}
        ours = [instance.create_run_for_job(publish, status=status) for status in begun]
        instance.create_run_for_job(of_another_project, status=dg.DagsterRunStatus.STARTED)
        instance.report_engine_event("The last that was heard.", ours[0])
        now = datetime.now(UTC)
        assert fail_killed_runs(instance, folder, now=now + SILENCE - timedelta(seconds=5)) == []
        with showing_life(folder, ours[1].run_id):
            found = fail_killed_runs(instance, folder, now=now + SILENCE + timedelta(seconds=5))
        assert found == [ours[0].run_id]
        assert fail_killed_runs(instance, folder, now=now + 2 * SILENCE) == [ours[1].run_id]
        assert {run.status for run in instance.get_runs() if run.run_id in found} == {
            dg.DagsterRunStatus.FAILURE
        }


def test_a_killed_run_that_could_not_be_reported_is_reported_by_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path / "locks")
    with open_instance(tmp_path / "dagster") as instance:
        run = _run_with_a_slot(instance)
        lock = tmp_path / "locks" / "runs" / f"{run.run_id}.lock"
        lock.parent.mkdir(parents=True)
        lock.touch()

        def full(*_: object) -> None:
            raise OSError("No space left on device")

        with monkeypatch.context() as disk:
            disk.setattr(instance, "report_run_failed", full)
            with pytest.raises(OSError, match="No space"):
                fail_killed_runs(instance, folder)
        assert fail_killed_runs(instance, folder) == [run.run_id]
        assert not lock.exists()


def test_the_lock_of_a_run_that_something_else_ended_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    with open_instance(tmp_path / "dagster") as instance:
        run = _run_with_a_slot(instance)
        instance.report_run_canceled(run)
        left = [folder / "runs" / f"{name}.lock" for name in (run.run_id, "of-another-instance")]
        left[0].parent.mkdir(parents=True)
        for lock in left:
            lock.touch()
        assert fail_killed_runs(instance, str(folder)) == []
        assert [lock.exists() for lock in left] == [False, True]


def test_every_job_and_asset_is_known_as_this_project_s_own(tmp_path: Path) -> None:
    definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path)}))
    with open_instance(tmp_path / "dagster") as instance:
        for job in definitions.resolve_all_job_defs():
            if job.name != ASSET_JOB:
                assert is_own(instance.create_run_for_job(job)), job.name
        keys = definitions.resolve_asset_graph().materializable_asset_keys
        whole = definitions.get_repository_def().get_implicit_global_asset_job_def()
        run = instance.create_run_for_job(whole, asset_selection=keys)
        assert is_own(run)
        foreign = run._replace(asset_selection=keys | {dg.AssetKey("of_another_project")})
        assert not is_own(foreign)


def _run_with_a_slot(instance: dg.DagsterInstance) -> dg.DagsterRun:
    @dg.job
    def nothing() -> None:
        """No op."""

    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.set_concurrency_slots("pool", 1)
    claim = instance.event_log_storage.claim_concurrency_slot("pool", run.run_id, "step")
    assert claim.is_claimed
    return run


def _hold_and_let_go(folder: str, run_id: str, telling: Connection) -> None:
    for _ in range(ROUNDS):
        with showing_life(folder, run_id):
            pass
    telling.send("done")


def _hold_for_ever(folder: str, run_id: str, telling: Connection) -> None:
    with showing_life(folder, run_id):
        telling.send("held")
        multiprocessing.Event().wait()
