"""Queries a catalog: ours, DuckDB on the same files, and python-org-downloads.

Warm in one process, and as whole processes.
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

LATEST = "latest_version()"
LIST = "list_version_artifacts(3, 13, 9)"
DUCKDB = "DuckDB"
NOTHING = "an interpreter that does nothing"
FIRST = "ours, import and first query"
COMMAND = "ours, `pyorg latest`"
MODULE = "ours, `python -m pyorg_pipeline`"

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
    print_targets([_milliseconds(warm, LATEST), _milliseconds(warm, LIST), *_processes(cold)])


def _milliseconds(warm: Results, name: str) -> Target:
    seconds = warm.seconds(name)
    return Target(f"warm {name}", seconds and seconds * 1000, at_most=0.3, unit=" ms")


def _processes(cold: Results) -> list[Target]:
    """The newest version in a process of its own, next to DuckDB."""
    same = "times DuckDB for the same row"
    return [
        Target(f"import and first query, {same}", cold.ratio(FIRST, DUCKDB), at_most=0.8),
        Target(f"pyorg latest, {same}", cold.ratio(COMMAND, DUCKDB), at_most=1),
    ]


def _warm(url: str, home: Path, python: str | None, calls: int) -> Sequence[Contestant]:
    env = _environment(home)
    ours = [sys.executable, str(PROGRAMS / "query_ours.py")]
    reference = [str(python), str(PROGRAMS / "query_reference.py"), url, str(calls)]
    absence = reference_absence(python)
    return [
        Contestant(LATEST, lambda: run([*ours, "latest_version", str(calls)], env)),
        Contestant(LIST, lambda: run([*ours, "list_version_artifacts", str(calls)], env)),
        _duckdb("query_duckdb.py", home / "catalog" / "artifact_catalog.parquet", str(calls)),
        Contestant(REFERENCE, None if absence else lambda: run(reference), absence),
    ]


def _cold(url: str, home: Path, python: str | None) -> Sequence[Contestant]:
    env = _environment(home)
    first = [sys.executable, str(PROGRAMS / "first_query_ours.py")]
    command = [sys.executable, "-m", "pyorg_pipeline.cli", "latest"]
    module = [sys.executable, "-m", "pyorg_pipeline", *_ARGUMENTS]
    program = str(PROGRAMS / "command_line_reference.py")
    reference = [str(python), program, url, *_ARGUMENTS]
    absence = reference_absence(python)
    return [
        Contestant(NOTHING, lambda: run([sys.executable, "-c", ""])),
        Contestant(FIRST, lambda: run(first, env)),
        _duckdb("first_query_duckdb.py", home / "catalog" / "latest_version.parquet"),
        Contestant(COMMAND, lambda: run(command, env)),
        Contestant(MODULE, lambda: run(module, env)),
        Contestant(REFERENCE, None if absence else lambda: run(reference), absence),
    ]


def _duckdb(program: str, file: Path, *arguments: str) -> Contestant:
    if not installed("duckdb"):
        return Contestant(DUCKDB, None, "duckdb is not installed beside this package")
    argv = [sys.executable, str(PROGRAMS / program), str(file), *arguments]
    return Contestant(DUCKDB, lambda: run(argv))


def _environment(home: Path) -> dict[str, str]:
    # A refresh of its own would be measured with the query.
    return environment(PYORG_HOME=str(home), PYORG_AUTO_REFRESH="0")


if __name__ == "__main__":
    main()
