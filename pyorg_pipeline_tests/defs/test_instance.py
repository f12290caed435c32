"""Dagster's home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyorg_pipeline.defs.instance import DAGSTER_YAML, ensure_home


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
