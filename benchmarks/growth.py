"""Measures how much Dagster's home grows with each refresh that finds nothing new.

    python benchmarks/growth.py [--rounds 100]

Each round is a refresh of a catalog of the whole replica, in this process.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import prune_runs
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import load_settings

HOURS_A_YEAR = 24 * 365


def main() -> None:
    """Refresh, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100, help="default: %(default)s")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home, Replica() as site:
        settings = load_settings({"PYORG_HOME": home, "PYORG_SITE_URL": site.url})
        refresh(settings)
        before = _bytes(settings.dagster_home)
        for _ in range(rounds):
            refresh(settings)
        grown = _bytes(settings.dagster_home) - before
        with open_instance(settings.dagster_home) as instance:
            prune_runs(instance, datetime.now(UTC) + timedelta(days=1))
        left = _bytes(settings.dagster_home) - before
    print(f"a refresh with nothing new     {grown / rounds / 1e3:.0f} kB")
    print(f"a year of them, never pruned   {grown / rounds * HOURS_A_YEAR / 1e6:.0f} MB")
    print(f"left after pruning all         {left / 1e6:.1f} MB")


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
