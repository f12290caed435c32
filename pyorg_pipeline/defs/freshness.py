"""How old the root listing may be before Dagster warns."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import dagster as dg

#: For `release_directories`: the root listing is read every hour, while the other tables are only
#: written when something changed. Two failures in a row may happen; a day without a listing needs
#: somebody's attention. Dagster's daemon evaluates the policy.
FRESHNESS: Final = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=3), fail_window=timedelta(hours=26)
)
