"""Type checkers accept what users write, and find their mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

CODE = Path(__file__).parent / "support" / "typical_code.py"
#: Dagster and requests take mypy ten times as long.
SETTINGS = """
[mypy]
strict = true
follow_imports = silent
[mypy-pyorg_pipeline.runs,requests.*]
follow_imports = skip
"""
MISTAKES = """
PythonOrgDownloads.latest_version(series=3.13)
PythonOrgDownloads.latest_version(download_tarball=False).parent
PythonOrgDownloads.download_release(3, 13, destination_folder="x")
"""


def test_typical_code_passes_mypy_and_mistakes_do_not(tmp_path: Path) -> None:
    settings, mistakes = tmp_path / "mypy.ini", tmp_path / "mistakes.py"
    settings.write_text(SETTINGS)
    mistakes.write_text(f"from pyorg_pipeline import PythonOrgDownloads\n{MISTAKES}")
    options = ["--config-file", settings, "--cache-dir", tmp_path / "cache"]
    command = [sys.executable, "-m", "mypy", *map(str, (*options, CODE, mistakes))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.findall(r"^(.*):(\d+): error: ", done.stdout, re.MULTILINE)
    assert set(found) == {(str(mistakes), line) for line in ("3", "4", "5")}, done.stdout
    assert (files("pyorg_pipeline") / "py.typed").is_file()
