"""Runs the command line as a process, without the settings of the user who runs the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyorg_pipeline_tests.support.processes import started

#: Variables that change the output, or the catalog.
_FOREIGN = (
    *("PYORG_", "DAGSTER_", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "TERM"),
    *("PYTHON_COLORS", "PYTHONUNBUFFERED"),
)

PYORG = (sys.executable, "-m", "pyorg_pipeline.cli")
#: The methods of PythonOrgDownloads as commands.
MODULE = (sys.executable, "-m", "pyorg_pipeline")


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment with only these settings."""
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(_FOREIGN)}
    return {**kept, "PYORG_HOME": str(home), "PYORG_AUTO_REFRESH": "0", **more}


def pyorg(
    home: Path, *arguments: str, program: tuple[str, ...] = PYORG, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*program, *arguments],
        env=environment(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def without_colours(text: str) -> str:
    """A terminal's output without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def on_a_terminal(
    home: Path, columns: int, *arguments: str, program: tuple[str, ...] = PYORG, **more: str
) -> str:
    """A command's output on a terminal with so many columns; POSIX only."""
    import pty  # noqa: PLC0415  # Windows has none
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    try:
        termios.tcsetwinsize(theirs, (50, columns))
        with started(
            [*program, *arguments],
            env=environment(home, TERM="xterm-256color", **more),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ):
            os.close(theirs)
            return _read_all(ours).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)


def _read_all(descriptor: int) -> bytes:
    pieces: list[Any] = []
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:  # Linux reports the end of a terminal as an error
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
