"""How much Dagster's home grows in a month of hourly refreshes with nothing new.

    python benchmarks/growth.py [--rounds 720]

Each round is a run of read_root, as the hourly schedule launches it, on a catalog of the whole
replica. A day of the sensors' looks is written as the daemon writes it (it forgets what is older).
A month takes some minutes: it is simulated, its events and rows are real.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus

from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import prune_runs
from pyorg_pipeline.defs.rounds import READ, ROUND_TAG
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import load_settings

SENSORS = ("crawl_what_is_due", "publish_what_is_due")
LOOKS_A_DAY = 24 * 60 * 2
HOURS_A_YEAR = 24 * 365


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=720, help="hours to simulate")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home, Replica() as site:
        settings = load_settings({"PYORG_HOME": home, "PYORG_SITE_URL": site.url})
        refresh(settings)
        folder = settings.dagster_home
        with open_instance(folder) as instance:
            job = build_definitions(settings).resolve_job_def("read_root")
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            before = _bytes(folder)
            events = instance.event_log_storage.get_maximum_record_id() or 0
            for number in range(rounds):
                job.execute_in_process(run_config=quiet, tags={ROUND_TAG: READ}, instance=instance)
                _show(f"round {number + 1} of {rounds}")
            runs = _bytes(folder) - before
            events = (instance.event_log_storage.get_maximum_record_id() or 0) - events
            for sensor in SENSORS:
                for number in range(LOOKS_A_DAY):
                    now = time.time()
                    instance.create_tick(
                        TickData(
                            instigator_origin_id=sensor,
                            instigator_name=sensor,
                            instigator_type=InstigatorType.SENSOR,
                            status=TickStatus.SKIPPED,
                            timestamp=now,
                            end_timestamp=now,
                            skip_reason="Nothing is due since the root was read.",
                            selector_id=sensor,
                        )
                    )
                    _show(f"look {number + 1} of {sensor}")
            looks = _bytes(folder) - before - runs
            later = datetime.now(UTC) + timedelta(days=1)
            pruned = prune_runs(instance, later)
            after = _bytes(folder) - before - looks
    _show("")
    per_run = runs / rounds
    print(f"events in the index, a round      {events / rounds:.1f}")
    print(f"a round with nothing new          {per_run / 1e3:.0f} kB")
    print(f"a month of them                   {per_run * 720 / 1e6:.0f} MB")
    print(f"a year of them, never pruned      {per_run * HOURS_A_YEAR / 1e6:.0f} MB")
    print(f"a day of two sensors' looks       {looks / 1e6:.1f} MB, and then no more")
    print(
        f"left once these {rounds} runs are pruned  {after / 1e6:.1f} MB ({pruned.kept} run kept)"
    )


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _show(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")


if __name__ == "__main__":
    main()
