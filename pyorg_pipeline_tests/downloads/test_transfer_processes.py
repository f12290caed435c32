"""Several processes after one file, and processes that are killed at any moment."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.downloads.download import Received, Transferred
from pyorg_pipeline.errors import SiteUnreachableError, VerificationError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import NAME, OLD, PATH, fetch, names

if not hasattr(os, "fork"):
    pytest.skip("the processes are forked", allow_module_level=True)

from pyorg_pipeline_tests.support.fetching_processes import Fetchers

NEW = random.Random(3).randbytes(700_001)
PIECE = 65_536


@pytest.fixture(scope="module")
def fetchers() -> Iterator[Fetchers]:
    with Fetchers() as fetchers:
        yield fetchers


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica([]) as replica:
        replica.add(PATH, content=NEW, last_modified=datetime(2025, 10, 14, tzinfo=UTC))
        yield replica


def test_eight_processes_after_one_file_fetch_it_once(
    replica: Replica, fetchers: Fetchers, tmp_path: Path
) -> None:
    hold = threading.Event()
    replica.answer(PATH, Answer(hold=hold), times=1)
    started = [
        fetchers.start(replica.url, PATH, tmp_path, expected_size=len(NEW)) for _ in range(8)
    ]
    hold.set()
    outcomes = [fetchers.outcome(pid) for pid in started]
    assert sorted(outcome["fetched"] for outcome in outcomes) == [False] * 7 + [True]
    assert [request.path for request in replica.requests] == [PATH]
    assert (tmp_path / NAME).read_bytes() == NEW
    assert names(tmp_path) == [NAME]


def test_a_lock_left_by_a_killed_process_holds_nobody_up(
    replica: Replica, fetchers: Fetchers, tmp_path: Path
) -> None:
    asked = threading.Event()

    def answer(_: Request) -> Answer:
        asked.set()
        return Answer(hold=threading.Event())

    replica.answer(PATH, answer, times=1)
    pid = fetchers.start(replica.url, PATH, tmp_path)
    asked.wait()
    fetchers.kill(pid)
    assert fetchers.outcome(pid) == {}
    assert f".{NAME}.lock" in names(tmp_path)
    with SiteClient(replica.url) as client:
        assert fetch(client, PATH, tmp_path).fetched
    assert names(tmp_path) == [NAME]


def test_whoever_waits_goes_on_if_the_other_is_killed(
    replica: Replica, fetchers: Fetchers, tmp_path: Path
) -> None:
    asked = threading.Event()

    def answer(_: Request) -> Answer:
        asked.set()
        return Answer(cut_after=300_000, hold=threading.Event())

    replica.answer(PATH, answer, times=1)
    killed = fetchers.start(replica.url, PATH, tmp_path)
    asked.wait()
    waiting = fetchers.start(replica.url, PATH, tmp_path)
    fetchers.kill(killed)
    assert fetchers.outcome(waiting)["fetched"]
    assert fetchers.outcome(killed) == {}
    assert (tmp_path / NAME).read_bytes() == NEW


@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_at_a_random_line_of_ours_the_next_call_succeeds(
    replica: Replica, fetchers: Fetchers, tmp_path: Path, overwrite: bool
) -> None:
    """Twenty moments each; after all of them the final name holds the old file or the new one."""
    options: dict[str, Any] = {
        "expected_size": len(NEW),
        "chunk_size": PIECE,
        "overwrite": overwrite,
    }
    counted = fetchers.start(replica.url, PATH, tmp_path / "count", dies_at_line=-1, **options)
    lines = fetchers.outcome(counted)["lines"]
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown where it fails
    resumed = 0
    for number in range(20):
        folder = tmp_path / str(number)
        final = folder / NAME
        # One in each twentieth of the lines, so that no stretch of the way is left out.
        place = (number + random.Random(seed + number).random()) / 20
        outlived = True
        while outlived:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if overwrite:
                final.write_bytes(OLD)
            line = int(lines * place)
            pid = fetchers.start(replica.url, PATH, folder, dies_at_line=line, **options)
            outcome = fetchers.outcome(pid)
            # Bytes that arrive in fewer pieces make fewer lines.
            outlived = bool(outcome)
            lines = outcome.get("lines", lines)
        if final.exists():
            assert final.read_bytes() in ((OLD, NEW) if overwrite else (NEW,))
        else:
            assert not overwrite
        with SiteClient(replica.url) as client:
            done = fetch(client, PATH, folder, **options)
        resumed += done.resumed_from > 0
        assert final.read_bytes() == NEW
        assert names(folder) == [NAME]
    assert resumed
    assert lines > 200


def test_killed_at_a_random_byte_the_next_call_goes_on_from_there(
    replica: Replica, fetchers: Fetchers, tmp_path: Path
) -> None:
    """Ten kills of one file after the other, each from outside, and none loses what was there."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown where it fails
    cuts = sorted(random.Random(seed).sample(range(1, len(NEW)), 10))
    part = tmp_path / f".{NAME}.part"
    begun = 0
    for cut in cuts:
        again = threading.Event()

        def answer(
            _: Request,
            again: threading.Event = again,
            length: int = cut - begun,
            asked: list[bool] = [],  # noqa: B006  # one for each answer
        ) -> Answer:
            asked.append(True)
            if len(asked) == 1:
                return Answer(cut_after=length)
            again.set()
            return Answer(hold=threading.Event())

        replica.answer(PATH, answer)
        pid = fetchers.start(replica.url, PATH, tmp_path, chunk_size=PIECE)
        again.wait()
        fetchers.kill(pid)
        assert fetchers.outcome(pid) == {}
        assert part.read_bytes() == NEW[:cut]
        assert not (tmp_path / NAME).exists()
        begun = cut
    replica.clear_answers()
    with SiteClient(replica.url) as client:
        done = fetch(client, PATH, tmp_path)
    assert done.resumed_from == cuts[-1]
    assert (tmp_path / NAME).read_bytes() == NEW
    assert names(tmp_path) == [NAME]


class Heard(logging.Handler):
    """Tells when somebody waits for another call."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting" in record.getMessage():
            self.waiting.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    logger = logging.getLogger("pyorg_pipeline.downloads.local_file")
    handler = Heard()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def two_calls(
    replica: Replica, folder: Path, heard: Heard, prove: Callable[[Received], str]
) -> tuple[Transferred[str], Transferred[str]]:
    """What two calls give of which the second began while the first was fetching."""
    hold, asked = threading.Event(), threading.Event()

    def answer(_: Request) -> Answer:
        asked.set()
        return Answer(hold=hold)

    replica.answer(PATH, answer)
    with SiteClient(replica.url) as client, ThreadPoolExecutor(2) as threads:
        first = threads.submit(fetch, client, PATH, folder, overwrite=True)
        asked.wait()
        second = threads.submit(fetch, client, PATH, folder, overwrite=True, prove=prove)
        heard.waiting.wait()
        hold.set()
        return first.result(), second.result()


def test_whoever_waits_for_another_takes_what_it_brought_and_proves_it(
    replica: Replica, tmp_path: Path, heard: Heard
) -> None:
    """Also with overwrite=True: what came while it waited is as new as what it would fetch."""
    (tmp_path / NAME).write_bytes(OLD)
    first, second = two_calls(replica, tmp_path, heard, lambda received: received.sha256)
    assert (first.fetched, second.fetched) == (True, False)
    assert first.sha256 == second.sha256 == second.proof == sha256(NEW).hexdigest()
    assert len(replica.requests) == 1
    assert names(tmp_path) == [NAME]


def test_whoever_waits_for_another_fetches_if_it_wants_more_proof(
    replica: Replica, tmp_path: Path, heard: Heard
) -> None:
    refused: list[Path] = []

    def prove(received: Received) -> str:
        if not refused:
            refused.append(received.path)
            raise VerificationError(received.name, "signer", "a", "b", "here", "there")
        return "proven"

    first, second = two_calls(replica, tmp_path, heard, prove)
    assert refused == [tmp_path / NAME]
    assert (first.fetched, second.fetched, second.proof) == (True, True, "proven")
    assert len(replica.requests) == 2


def test_whoever_waits_is_released_by_the_clients_end(
    replica: Replica, tmp_path: Path, heard: Heard
) -> None:
    asked = threading.Event()

    def answer(_: Request) -> Answer:
        asked.set()
        return Answer(hold=threading.Event())

    replica.answer(PATH, answer)
    client, other = SiteClient(replica.url), SiteClient(replica.url)
    with client, other, ThreadPoolExecutor(2) as threads:
        first = threads.submit(fetch, client, PATH, tmp_path)
        asked.wait()
        second = threads.submit(fetch, other, PATH, tmp_path)
        heard.waiting.wait()
        other.cancel()
        with pytest.raises(SiteUnreachableError, match="given up"):
            second.result()
        client.cancel()
        with pytest.raises(SiteUnreachableError):
            first.result()
    assert names(tmp_path) == []


def test_a_limit_on_the_size_of_files_is_reported_and_the_next_call_goes_on(
    replica: Replica, fetchers: Fetchers, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(OLD)
    pid = fetchers.start(replica.url, PATH, tmp_path, largest_file=300_000, overwrite=True)
    outcome = fetchers.outcome(pid)
    assert outcome["error"] == "DestinationError"
    assert "may not be that large here" in outcome["message"]
    assert "ulimit" in outcome["message"]
    assert (tmp_path / NAME).read_bytes() == OLD
    with SiteClient(replica.url) as client:
        done = fetch(client, PATH, tmp_path, overwrite=True)
    assert done.resumed_from == 300_000
    assert (tmp_path / NAME).read_bytes() == NEW
    assert names(tmp_path) == [NAME]


@pytest.mark.parametrize("chunk_size", [PIECE, 1024 * 1024])
def test_memory_does_not_grow_with_the_file(
    fetchers: Fetchers, tmp_path: Path, chunk_size: int
) -> None:
    size = 96_000_000
    with Replica([]) as replica:
        replica.add("large", size=size, last_modified=datetime(2025, 10, 14, tzinfo=UTC))
        pid = fetchers.start(replica.url, "large", tmp_path, chunk_size=chunk_size)
        outcome = fetchers.outcome(pid)
    assert outcome["fetched"]
    # In units of 1024 bytes on Linux and of bytes on macOS; the bound is 40 MB.
    assert outcome["grown"] < (40_000 if sys.platform != "darwin" else 40_000_000)
