"""How old the root listing may be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg

from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.settings import load_settings


def test_a_root_listing_is_fresh_for_three_hours_and_stale_after_twenty_six(tmp_path: Path) -> None:
    definitions = build_definitions(load_settings({"PYORG_HOME": str(tmp_path)}))
    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for spec in definitions.resolve_all_asset_specs()
        if spec.freshness_policy is not None
    }
    assert policies == {
        "release_directories": dg.FreshnessPolicy.time_window(
            warn_window=timedelta(hours=3), fail_window=timedelta(hours=26)
        )
    }
