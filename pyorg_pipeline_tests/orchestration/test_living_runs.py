"""Which run is taken for dead: never one that begins, is at work, or ends."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg

from pyorg_pipeline.orchestration.instance import open_instance
from pyorg_pipeline.orchestration.living_runs import fail_killed_runs, showing_life

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
