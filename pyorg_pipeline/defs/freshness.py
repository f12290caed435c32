"""How old the catalog may be before Dagster calls it stale."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import dagster as dg

#: For `release_directories`: the root listing is read each time, whether anything is new or not,
#: while the tables behind it are written only when something changed. It is meant to be read
#: hourly. Two readings that failed are bad luck; after a day, and time to sleep in, somebody has to
#: look. Dagster's own daemon evaluates it, every 30 s.
FRESHNESS: Final = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=3), fail_window=timedelta(hours=26)
)
