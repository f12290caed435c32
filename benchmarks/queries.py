"""Asking for one version: ours, python-org-downloads and DuckDB on the same file.

Warm in one process, and cold as a whole process of the command line. A real nginx on loopback
serves the recorded tree, without latency. See README.md for what is in the figures.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from measuring import (
    PROGRAMS,
    REFERENCE,
    Contestant,
    Results,
    Target,
    add_common_arguments,
    add_reference_argument,
    environment,
    installed,
    interleaved,
    print_machine,
    print_targets,
    reference_absence,
    run,
    working_folder,
)
from nginx_site import build_tree, nginx_site

OURS = "ours"
DUCKDB = "DuckDB"
NOTHING = "an interpreter that does nothing"

_ARGUMENTS = ["PythonOrgDownloads", "list_version_artifacts", "3", "13", "--micro", "9"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_common_arguments(parser, rounds=15)
    add_reference_argument(parser)
    parser.add_argument("--calls", type=int, default=100, help="a round; default: %(default)s")
    given = parser.parse_args()
    with working_folder(given.folder) as folder:
        tree = build_tree(folder / "tree")
        home = folder / "home-of-queries"
        shutil.rmtree(home, ignore_errors=True)
        catalog = home / "catalog"
        with nginx_site(tree) as url:
            run([sys.executable, str(PROGRAMS / "crawl_tables.py"), url, "8", str(catalog)])
            warm = interleaved(_warm(url, home, given.reference_python, given.calls), given.rounds)
            cold = interleaved(_cold(url, home, given.reference_python), given.rounds)
    print_machine(reference_python=given.reference_python)
    print(f"Warm: the median of {given.calls} calls in one process\n")
    warm.print()
    print("Cold: a whole process\n")
    cold.print()
    print_targets(_targets(warm, cold))


def _targets(warm: Results, cold: Results) -> list[Target]:
    seconds = warm.median(OURS)
    assert seconds is not None
    return [
        Target("warm query", seconds * 1000, at_most=5, unit=" ms"),
        Target(f"... times faster than {REFERENCE}", warm.ratio(REFERENCE, OURS), at_least=10),
        Target(
            f"cold command line, times that of {REFERENCE}", cold.ratio(OURS, REFERENCE), at_most=1
        ),
    ]


def _warm(url: str, home: Path, python: str | None, calls: int) -> Sequence[Contestant]:
    env = _environment(home)
    ours = [sys.executable, str(PROGRAMS / "query_ours.py"), str(calls)]
    reference = [str(python), str(PROGRAMS / "query_reference.py"), url, str(calls)]
    absence = reference_absence(python)
    return [
        Contestant(OURS, lambda: run(ours, env)),
        _duckdb(home, calls),
        Contestant(REFERENCE, None if absence else lambda: run(reference), absence),
    ]


def _cold(url: str, home: Path, python: str | None) -> Sequence[Contestant]:
    env = _environment(home)
    ours = [sys.executable, "-m", "pyorg_pipeline", *_ARGUMENTS]
    program = str(PROGRAMS / "command_line_reference.py")
    reference = [str(python), program, url, *_ARGUMENTS]
    absence = reference_absence(python)
    return [
        Contestant(NOTHING, lambda: run([sys.executable, "-c", ""])),
        Contestant(OURS, lambda: run(ours, env)),
        _duckdb(home, 0),
        Contestant(REFERENCE, None if absence else lambda: run(reference), absence),
    ]


def _duckdb(home: Path, calls: int) -> Contestant:
    if not installed("duckdb"):
        return Contestant(DUCKDB, None, "duckdb is not installed beside this package")
    file = home / "catalog" / "artifact_catalog.parquet"
    argv = [sys.executable, str(PROGRAMS / "query_duckdb.py"), str(file), str(calls)]
    return Contestant(DUCKDB, lambda: run(argv))


def _environment(home: Path) -> dict[str, str]:
    # Whatever fills the catalog on its own would be measured with the query.
    return environment(PYORG_HOME=str(home), PYORG_AUTO_REFRESH="0")


if __name__ == "__main__":
    main()
