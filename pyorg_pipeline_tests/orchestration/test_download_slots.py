"""Which run is taken for dead: never one that begins, is at work, or ends."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import dagster as dg

from pyorg_pipeline.orchestration.download_slots import holding_a_slot, release_slots_of_the_dead
from pyorg_pipeline.orchestration.instance import open_instance

#: So many that a gap of some microseconds is hit.
ROUNDS = 2000


def test_a_run_is_never_taken_for_dead_while_another_looks_at_it(tmp_path: Path) -> None:
    folder = str(tmp_path / "locks")
    with open_instance(tmp_path / "dagster") as instance:
        run = _run_with_a_slot(instance)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_hold_and_let_go, args=(folder, run.run_id, theirs))
        process.start()
        theirs.close()
        looks = 0
        while not ours.poll():
            release_slots_of_the_dead(instance, folder)
            looks += 1
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
        process = context.Process(target=_hold_for_ever, args=(folder, run.run_id, theirs))
        process.start()
        assert ours.recv() == "held"
        release_slots_of_the_dead(instance, folder)
        assert instance.event_log_storage.get_concurrency_run_ids() == {run.run_id}
        process.kill()
        process.join()
        release_slots_of_the_dead(instance, folder)
        assert instance.event_log_storage.get_concurrency_run_ids() == set()
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status is dg.DagsterRunStatus.FAILURE


def _run_with_a_slot(instance: dg.DagsterInstance) -> dg.DagsterRun:
    @dg.job
    def nothing() -> None:
        """No op."""

    run = instance.create_run_for_job(nothing)
    instance.event_log_storage.set_concurrency_slots("pool", 1)
    claim = instance.event_log_storage.claim_concurrency_slot("pool", run.run_id, "step")
    assert claim.is_claimed
    return run


def _hold_and_let_go(folder: str, run_id: str, telling: Connection) -> None:
    for _ in range(ROUNDS):
        with holding_a_slot(folder, run_id):
            pass
    telling.send("done")


def _hold_for_ever(folder: str, run_id: str, telling: Connection) -> None:
    with holding_a_slot(folder, run_id):
        telling.send("held")
        multiprocessing.Event().wait()
