"""One refresh at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyorg_pipeline.catalog.location import LocalLocation, open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.errors import CatalogError, CatalogLockedError
from pyorg_pipeline_tests.support.processes import started

HOLD = """
import sys
from pathlib import Path
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
with exclusive(open_location(sys.argv[1]), Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def hold(folder: Path, url: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, url or str(folder), str(folder)]
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


@pytest.mark.parametrize("url", ["", "memory://somewhere/catalog"])
def test_the_error_of_a_second_process_names_the_holder(tmp_path: Path, url: str) -> None:
    location = open_location(url or str(tmp_path))
    with hold(tmp_path, url) as holder:
        with (
            pytest.raises(CatalogLockedError, match=f"by process {holder.pid} on .* since 20"),
            exclusive(location, tmp_path),
        ):
            raise AssertionError("two hold the lock")
        holder.communicate("")
    suffixes = [path.suffix or path.name for path in sorted(tmp_path.iterdir())]
    assert suffixes == [".holder", ".lock"]
    with exclusive(location, tmp_path):
        pass


def test_a_waiting_process_gets_the_lock_that_a_kill_released(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        waiting = threading.Timer(0.2, holder.kill)
        waiting.start()
        with exclusive(LocalLocation(tmp_path), tmp_path, wait=60):
            pass
        waiting.join()


def test_only_the_thread_that_holds_the_lock_may_take_it_again(
    tmp_path: Path,
) -> None:
    location = LocalLocation(tmp_path)
    outcome: list[object] = []

    def try_it() -> None:
        try:
            with exclusive(location, tmp_path):
                outcome.append("held")
        except CatalogLockedError as error:
            outcome.append(type(error))

    with exclusive(location, tmp_path), exclusive(location, tmp_path):
        pass
    with exclusive(location, tmp_path):
        other = threading.Thread(target=try_it)
        other.start()
        other.join()
    try_it()
    assert outcome == [CatalogLockedError, "held"]


def test_the_error_of_an_unwritable_lock_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    # Folders in the way, which even root cannot write as files.
    (tmp_path / "one" / ".refresh.lock").mkdir(parents=True)
    (tmp_path / "two" / ".refresh.holder").mkdir(parents=True)
    for folder in (file / "catalog", tmp_path / "one", tmp_path / "two"):
        with (
            pytest.raises(CatalogError, match=r"\.(lock|holder) cannot be written: .*PYORG_HOME"),
            exclusive(LocalLocation(folder), tmp_path),
        ):
            raise AssertionError("the lock is held")
    (tmp_path / "two" / ".refresh.holder").rmdir()
    with exclusive(LocalLocation(tmp_path / "two"), tmp_path):
        pass
