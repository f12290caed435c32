"""Dagster's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyorg_pipeline.defs.instance import DAGSTER_YAML, ensure_home, open_instance


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_home_that_cannot_be_written_whole_gets_no_half_configuration(tmp_path: Path) -> None:
    home = tmp_path / "new"
    program = (
        "import resource, sys; from pathlib import Path;"
        "from pyorg_pipeline.defs.instance import ensure_home;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40)); ensure_home(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)], capture_output=True, text=True, check=False
    )
    assert "SettingsError: DAGSTER_HOME=" in done.stderr
    assert list(home.iterdir()) == []
    assert (ensure_home(home) / "dagster.yaml").read_text() == DAGSTER_YAML


def test_a_configuration_that_exists_is_never_changed(tmp_path: Path) -> None:
    config = tmp_path / "dagster" / "dagster.yaml"
    config.write_text("telemetry:\n  enabled: false\n")
    with open_instance(tmp_path / "dagster") as instance:
        assert not instance.telemetry_enabled
    assert config.read_text() == "telemetry:\n  enabled: false\n"
