"""The names that files may have on disk, and the lock of a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from filelock import FileLock, Timeout

from pyorg_pipeline.demo.replica.tree import read_record
from pyorg_pipeline.downloads.files import LOCK, file_lock, hidden, valid_file_name
from pyorg_pipeline.errors import InvalidArgumentError


def test_all_recorded_names_of_the_site_are_valid() -> None:
    names = [entry.path.rpartition("/")[2] for entry in read_record()]
    names = [name for name in names if name]
    assert len(names) > 1000
    names += ["a", "console.txt", "com.txt", "COM10", "nul-1.0.zip", "\u00e9", "a b"]
    assert [valid_file_name(name) for name in names] == names


INVALID = {
    "empty": [""],
    "starts with a dot": [".", "..", ".bashrc", ".Python-3.13.9.tgz.part"],
    "has one of": ["/etc/passwd", "../x", "a/b", "a\\b", "..\\x", "C:", "x.tgz:stream", "a*", 'a"'],
    "unprintable": ["a\0b", "a\nb", "a\x1b[2Jb", "a\x7fb", "gpj.\u202etgz", "a\udc80b"],
    "device": ["CON", "con", "COM1", "lpt9.tar.gz", "aux.txt", "aux .txt", "COM\u00b9", "CONIN$"],
    "ends in": ["x.", "x "],
    "longer": ["x" * 241, "\u00e9" * 121],
}


@pytest.mark.parametrize(
    ("name", "reason"), [(name, reason) for reason, names in INVALID.items() for name in names]
)
def test_a_name_that_is_unsafe_on_any_system_is_refused(name: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        valid_file_name(name)


def test_a_lock_taken_while_another_is_released_keeps_its_file(tmp_path: Path) -> None:
    """Otherwise a third call would create another lock file, and two calls would hold a lock."""
    final = tmp_path / "name"
    other = FileLock(hidden(final, LOCK))

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        del frame, event, argument
        if not other.is_locked:
            with suppress(Timeout):
                other.acquire(timeout=0)
        return trace

    before = sys.gettrace()
    with file_lock(final, threading.Event()) as held:
        assert held
        sys.settrace(trace)
    sys.settrace(before)
    assert other.is_locked
    assert hidden(final, LOCK).exists()
    other.release()
