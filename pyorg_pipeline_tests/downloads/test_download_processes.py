"""Several processes that download one file, and processes killed at any moment."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.errors import SiteUnreachableError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import (
    BYTES,
    DATE,
    NAME,
    OLD,
    PATH,
    contents,
    fetch,
    names,
)

if not hasattr(os, "fork"):
    pytest.skip("the processes are forked", allow_module_level=True)

from pyorg_pipeline_tests.support.downloading_processes import DownloadProcess

DIGEST = sha256(BYTES).hexdigest()
PIECE = 65_536
KILLS = 25


class Held:
    """An answer that is held until a test releases it, with others before and after it."""

    def __init__(self, *, before: Answer | None = None, after: Answer | None = None) -> None:
        self.requested = threading.Event()
        self.hold = threading.Event()
        self._before = before
        self._after = after

    def __call__(self, _: Request) -> Answer:
        if self._before is not None:
            before, self._before = self._before, None
            return before
        if self._after is not None and self.requested.is_set():
            return self._after
        self.requested.set()
        return Answer(hold=self.hold)


def test_eight_processes_after_one_file_fetch_it_once(replica: Replica, tmp_path: Path) -> None:
    hold = threading.Event()
    replica.answer(PATH, Answer(hold=hold), times=1)
    started = [
        DownloadProcess(replica.url, PATH, tmp_path, size=len(BYTES), sha256=DIGEST)
        for _ in range(8)
    ]
    hold.set()
    assert sorted(one.outcome()["fetched"] for one in started) == [False] * 7 + [True]
    assert [request.path for request in replica.requests] == [PATH]
    assert contents(tmp_path) == {NAME: BYTES}


def test_the_lock_of_a_killed_process_is_free(replica: Replica, tmp_path: Path) -> None:
    answer = Held(after=Answer())
    replica.answer(PATH, answer)
    killed = DownloadProcess(replica.url, PATH, tmp_path)
    answer.requested.wait()
    waiting = DownloadProcess(replica.url, PATH, tmp_path)
    killed.kill()
    assert killed.outcome() == {}
    assert waiting.outcome()["fetched"]
    assert contents(tmp_path) == {NAME: BYTES}


@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_at_any_line_the_next_call_succeeds(
    replica: Replica, client: SiteClient, tmp_path: Path, overwrite: bool
) -> None:
    """The final name holds the old file, the new one, or nothing."""
    options: dict[str, Any] = {
        "size": len(BYTES),
        "sha256": DIGEST,
        "stream_chunk_size": PIECE,
        "overwrite": overwrite,
    }
    counted = DownloadProcess(replica.url, PATH, tmp_path / "count", dies_at_line=-1, **options)
    lines = counted.outcome()["lines"]
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown where it fails
    resumed = 0
    for number in range(KILLS):
        folder = tmp_path / str(number)
        final = folder / NAME
        # One in each part of the lines, so that no stretch is left out.
        place = (number + random.Random(seed + number).random()) / KILLS
        survived = True
        while survived:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if overwrite:
                final.write_bytes(OLD)
            line = int(lines * place)
            killed = DownloadProcess(replica.url, PATH, folder, dies_at_line=line, **options)
            outcome = killed.outcome()
            # Bytes that arrive in fewer pieces make fewer lines.
            survived = bool(outcome)
            lines = outcome.get("lines", lines)
        if final.exists():
            assert final.read_bytes() in ((OLD, BYTES) if overwrite else (BYTES,))
        else:
            assert not overwrite
        resumed += fetch(client, PATH, folder, **options).resumed_from > 0
        assert contents(folder) == {NAME: BYTES}
    assert resumed
    assert lines > 200


def test_killed_at_any_byte_the_next_call_resumes(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    """Ten kills of one download after the other, each from outside, and none loses a byte."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown where it fails
    cuts = sorted(random.Random(seed).sample(range(1, len(BYTES)), 10))
    part = tmp_path / f".{NAME}.part"
    resumed_from = 0
    for cut in cuts:
        # All up to the cut, and no answer to the next request.
        answer = Held(before=Answer(cut_after=cut - resumed_from))
        replica.answer(PATH, answer)
        killed = DownloadProcess(replica.url, PATH, tmp_path, stream_chunk_size=PIECE)
        answer.requested.wait()
        killed.kill()
        assert killed.outcome() == {}
        assert part.read_bytes() == BYTES[:cut]
        assert not (tmp_path / NAME).exists()
        resumed_from = cut
    replica.clear_answers()
    assert fetch(client, PATH, tmp_path, sha256=DIGEST).resumed_from == cuts[-1]
    assert names(tmp_path) == [NAME]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> threading.Event:
    """Set when a call waits for another one."""
    seen = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                seen.set()

    logger = logging.getLogger("filelock")
    caplog.set_level(logging.DEBUG, logger.name)
    monkeypatch.setattr(logger, "handlers", [Handler()])
    return seen


NEWER = random.Random(4).randbytes(700_001)
LONGER = random.Random(5).randbytes(700_002)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        # Also with overwrite=True: what came while it waited is as new as what it would fetch.
        (BYTES, {"sha256": DIGEST}),
        (NEWER, {"sha256": sha256(NEWER).hexdigest()}),
        (LONGER, {"size": len(LONGER)}),
    ],
    ids=["valid", "another digest", "another size"],
)
def test_a_waiting_call_takes_the_file_of_the_other_only_if_it_verifies(
    replica: Replica,
    tmp_path: Path,
    waiting: threading.Event,
    content: bytes,
    known: dict[str, Any],
) -> None:
    (tmp_path / NAME).write_bytes(OLD)
    answer = Held(after=Answer(body=content, headers={"Content-Type": ""}))
    replica.answer(PATH, answer)
    with SiteClient(replica.url) as client, ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(fetch, client, PATH, tmp_path, overwrite=True)]
        answer.requested.wait()
        calls.append(threads.submit(fetch, client, PATH, tmp_path, overwrite=True, **known))
        waiting.wait()
        answer.hold.set()
        first, second = [call.result() for call in calls]
    assert (first.sha256, first.fetched) == (DIGEST, True)
    assert (second.sha256, second.fetched) == (sha256(content).hexdigest(), content != BYTES)
    assert second.verification is not None
    assert second.verification.method == ("digest" if "sha256" in known else "size")
    assert len(replica.requests) == 1 + second.fetched
    assert contents(tmp_path) == {NAME: content}


def test_a_waiting_call_ends_when_its_client_is_cancelled(
    replica: Replica, tmp_path: Path, waiting: threading.Event
) -> None:
    answer = Held()
    replica.answer(PATH, answer)
    client, other = (SiteClient(replica.url, read_timeout=1) for _ in range(2))
    with client, other, ThreadPoolExecutor(2) as threads:
        first = threads.submit(fetch, client, PATH, tmp_path)
        answer.requested.wait()
        second = threads.submit(fetch, other, PATH, tmp_path)
        waiting.wait()
        other.cancel()
        with pytest.raises(SiteUnreachableError, match="cancelled"):
            second.result()
        assert not first.done()
        client.cancel()
        with pytest.raises(SiteUnreachableError):
            first.result()
    assert names(tmp_path) == []


def test_a_file_size_limit_is_reported_and_the_next_call_resumes(
    replica: Replica, client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(OLD)
    options = {"stream_chunk_size": PIECE, "overwrite": True}
    limited = DownloadProcess(replica.url, PATH, tmp_path, largest_file=100_000, **options)
    outcome = limited.outcome()
    assert outcome["error"] == "DestinationError"
    assert "larger than is allowed" in outcome["message"]
    assert "ulimit" in outcome["message"]
    assert (tmp_path / NAME).read_bytes() == OLD
    done = fetch(client, PATH, tmp_path, overwrite=True)
    assert done.resumed_from == 100_000
    assert contents(tmp_path) == {NAME: BYTES}


def test_memory_does_not_grow_with_the_file(replica: Replica, tmp_path: Path) -> None:
    replica.add("large", size=96_000_000, last_modified=DATE)
    outcome = DownloadProcess(replica.url, "large", tmp_path).outcome()
    assert outcome["fetched"]
    # In units of 1024 bytes on Linux and of bytes on macOS; the bound is 40 MB.
    assert outcome["grown"] < (40_000 if sys.platform != "darwin" else 40_000_000)
