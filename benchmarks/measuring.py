"""Runs processes side by side and measures their time and memory.

Each contestant runs once a round, so that a machine which is busy for a while is busy for all. A
ratio is the median of the rounds' own ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Final

PROGRAMS: Final = Path(__file__).parent / "programs"
REFERENCE: Final = "python-org-downloads"
MEGABYTE: Final = 1024 * 1024

# Commands that print a program's version.
_COMMANDS: Final = (
    ("curl", "--version"),
    ("rclone", "version"),
    ("aria2c", "--version"),
    ("nginx", "-v"),
)

# A process inherits the peak memory of the one that started it, so a small interpreter starts it.
_LAUNCHER: Final = """
import json, os, sys, time
report, *argv = sys.argv[1:]
start = time.perf_counter()
pid = os.posix_spawnp(argv[0], argv, os.environ)
_, status, used = os.wait4(pid, 0)
seconds = time.perf_counter() - start
with open(report, "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime,
               used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)], file)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One run of one contestant."""

    #: What the program reports, otherwise those of the whole process.
    seconds: float
    process_seconds: float
    #: Of all its processes and threads.
    cpu_seconds: float
    #: Bytes resident at most.
    peak: int
    #: A description of its result.
    result: str


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that is measured."""

    name: str
    #: Runs it once; None if it is not installed.
    run: Callable[[], Figure] | None
    #: Why it cannot run.
    absence: str = ""
    #: The number of rounds in which it runs; None for all.
    rounds: int | None = None


@dataclass(slots=True)
class Results:
    """All figures, by contestant and round."""

    contestants: Sequence[Contestant]
    figures: dict[str, list[Figure]] = field(default_factory=dict)

    def ratio(self, name: str, other: str, value: str = "seconds") -> float | None:
        """One's value divided by the other's: the median over the rounds that both ran."""
        pairs = list(zip(self.figures.get(name, ()), self.figures.get(other, ()), strict=False))
        if not pairs:
            return None
        return median([float(getattr(one, value) / getattr(two, value)) for one, two in pairs])

    def seconds(self, name: str) -> float | None:
        """A contestant's median time; None if it did not run."""
        figures = self.figures.get(name)
        return median(figure.seconds for figure in figures) if figures else None

    def megabytes(self, name: str) -> float | None:
        """A contestant's largest peak memory; None if it did not run."""
        figures = self.figures.get(name)
        return max(figure.peak for figure in figures) / MEGABYTE if figures else None

    def print(self) -> None:
        """Print a table row for each contestant."""
        print("| program | seconds | from, to | process | CPU | peak MB | result |")
        print("| --- | --: | --- | --: | --: | --: | --- |")
        for contestant in self.contestants:
            figures = self.figures.get(contestant.name)
            if not figures:
                print(f"| {contestant.name} | absent | | | | | {contestant.absence} |")
                continue
            seconds = sorted(figure.seconds for figure in figures)
            cells = [
                contestant.name,
                _number(median(seconds)),
                f"{_number(seconds[0])}, {_number(seconds[-1])} ({len(seconds)} rounds)",
                _number(median(figure.process_seconds for figure in figures)),
                _number(median(figure.cpu_seconds for figure in figures)),
                f"{max(figure.peak for figure in figures) / MEGABYTE:.0f}",
                figures[-1].result,
            ]
            print("|", " | ".join(cells), "|")
        print()


@dataclass(frozen=True, slots=True)
class Target:
    """A limit, and what was measured."""

    text: str
    #: None if it could not be measured.
    value: float | None
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the value is within the limit."""
        if self.value is None:
            return "not measured"
        within = (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )
        return "met" if within else "MISSED"


def print_targets(targets: Sequence[Target]) -> None:
    """Print a table row for each target."""
    print("| target | limit | measured | |")
    print("| --- | --- | --: | --- |")
    for target in targets:
        limit = (
            f"at most {target.at_most:g}{target.unit}"
            if target.at_most is not None
            else f"at least {target.at_least:g}{target.unit}"
        )
        value = "" if target.value is None else f"{target.value:.3g}{target.unit}"
        print(f"| {target.text} | {limit} | {value} | {target.verdict} |")
    print()


def interleaved(contestants: Sequence[Contestant], rounds: int) -> Results:
    """Run each contestant once a round, in a rotating order.

    A first round that does not count warms the file system's cache and the byte code.
    """
    results = Results(contestants)
    present = [contestant for contestant in contestants if contestant.run is not None]
    for number in range(-1, rounds):
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        shift = number % len(present)
        for contestant in present[shift:] + present[:shift]:
            if contestant.rounds is not None and not 0 <= number < contestant.rounds:
                continue
            assert contestant.run is not None
            figure = contestant.run()
            if number >= 0:
                results.figures.setdefault(contestant.name, []).append(figure)
    print("\r" + " " * 30, end="\r", file=sys.stderr, flush=True)
    return results


def run(argv: Sequence[str], env: Mapping[str, str] | None = None, *, result: str = "") -> Figure:
    """Run a command and measure its process; SystemExit if it fails.

    The last line of its output may be JSON with its own `seconds` and a `result`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report, out, err = folder / "report", folder / "out", folder / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(report), *argv],
                env=environment() if env is None else env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                check=True,
            )
        status, seconds, cpu, peak = json.loads(report.read_text())
        if status:
            raise SystemExit(
                f"{' '.join(argv)[:300]} failed with status {status}:\n{err.read_text()[-3000:]}"
            )
        said = {}
        last = out.read_text(errors="replace").rstrip().rpartition("\n")[2]
        if last.startswith('{"seconds"'):
            said = json.loads(last)
    return Figure(said.get("seconds", seconds), seconds, cpu, peak, said.get("result", result))


def environment(**changes: str) -> dict[str, str]:
    """This environment without proxies and our settings, with byte code, and with `changes`."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYORG_")
        and not name.lower().endswith("_proxy")
        and name not in {"DAGSTER_HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    }
    return own | changes


def add_common_arguments(parser: argparse.ArgumentParser, *, rounds: int) -> None:
    """Add the options that all scripts have."""
    parser.add_argument("--rounds", type=int, default=rounds, help="default: %(default)s")
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the served tree and the tables are made and kept; default: a temporary folder",
    )


def add_reference_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where python-org-downloads is installed."""
    parser.add_argument(
        "--reference-python",
        metavar="PYTHON",
        default=os.environ.get("PYORG_REFERENCE_PYTHON"),
        help=f"the interpreter of an environment with {REFERENCE} in it; "
        "default: $PYORG_REFERENCE_PYTHON",
    )


@contextmanager
def working_folder(folder: Path | None) -> Iterator[Path]:
    """`folder` as an absolute path, or a temporary folder."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="pyorg-benchmark-") as name:
        yield Path(name)


def reference_absence(python: str | None) -> str:
    """Why python-org-downloads cannot run; empty if it can."""
    if not python:
        return "no --reference-python was given"
    if shutil.which(python) is None:
        return f"{python} does not exist"
    return "" if _version_in(python) else f"{python} cannot import it"


def _version_in(python: str) -> str:
    program = (
        "import sys, importlib.metadata as m, python_org_downloads;"
        "print(m.version('python-org-downloads'), 'on Python', sys.version.split()[0])"
    )
    found = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def print_machine(*, reference_python: str | None = None) -> None:
    """Print the machine and the versions."""
    names = ("pyorg-pipeline", "dagster", "pyarrow", "lxml", "requests", "duckdb")
    versions = [f"{name} {version}" for name in names if (version := installed(name))]
    lines = [
        f"{os.cpu_count()} x {_processor()}, {_memory()}, {platform.platform()}",
        f"Python {platform.python_version()}: {', '.join(versions)}",
    ]
    if reference_python and (version := _version_in(reference_python)):
        lines.append(f"{REFERENCE} {version}")
    for command in _COMMANDS:
        path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin")
        if path is not None:
            said = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
            lines.append((said.stdout or said.stderr).partition("\n")[0].partition(" (")[0])
    print("\n".join(f"- {line}" for line in lines), end="\n\n")


def installed(name: str) -> str:
    """The version of a distribution in this environment; empty if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 1024**3:.0f} GB"


def _number(value: float) -> str:
    return f"{value * 1000:.2f} ms" if value < 0.1 else f"{value:.2f} s"
