"""Runs `pyorg refresh`, compared with a process that only imports Dagster."""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from measuring import (
    Contestant,
    Figure,
    Target,
    add_common_arguments,
    environment,
    interleaved,
    print_machine,
    print_targets,
    run,
    working_folder,
)
from nginx_site import build_tree, nginx_site

IMPORT = "import dagster"
NOTHING_NEW = "refresh, nothing new"
FIRST = "refresh, first fill"
FULL = "refresh, full"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_common_arguments(parser, rounds=7)
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds a request; default: %(default)s"
    )
    given = parser.parse_args()
    with working_folder(given.folder) as folder:
        tree = build_tree(folder / "tree")
        homes = folder / "homes"
        shutil.rmtree(homes, ignore_errors=True)
        with nginx_site(tree, latency=given.latency) as url:
            results = interleaved(_contestants(url, homes), given.rounds)
        shutil.rmtree(homes)
    print_machine()
    print(f"{given.latency * 1000:g} ms a request\n")
    results.print()
    print_targets(
        [
            Target(
                "nothing new, times `import dagster`", results.ratio(NOTHING_NEW, IMPORT), at_most=2
            ),
            Target("first fill, times `import dagster`", results.ratio(FIRST, IMPORT), at_most=8),
            Target("peak memory of a full refresh", results.megabytes(FULL), 350, unit=" MB"),
        ]
    )


def _contestants(url: str, homes: Path) -> Sequence[Contestant]:
    numbers = itertools.count()

    def first() -> Figure:
        home = homes / f"first-{next(numbers)}"
        try:
            return _refresh(url, home)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    kept = homes / "kept"
    _refresh(url, kept)
    return [
        Contestant(IMPORT, lambda: run([sys.executable, "-c", "import dagster"])),
        Contestant(NOTHING_NEW, lambda: _refresh(url, kept)),
        Contestant(FIRST, first),
        Contestant(FULL, lambda: _refresh(url, kept, "--full")),
    ]


def _refresh(url: str, home: Path, *arguments: str) -> Figure:
    env = environment(PYORG_HOME=str(home), PYORG_SITE_URL=url)
    return run([sys.executable, "-m", "pyorg_pipeline.cli", "refresh", *arguments], env)


if __name__ == "__main__":
    main()
