"""A Dagster home that is created once: creating its databases takes longer than most tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyorg_pipeline.defs.instance import open_instance


@pytest.fixture(scope="session")
def empty_dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new home with its databases; to be copied only."""
    home = tmp_path_factory.mktemp("empty") / "dagster"
    with open_instance(home):
        return home


@pytest.fixture(autouse=True)
def _home_in_tmp_path(empty_dagster_home: Path, tmp_path: Path) -> None:
    """Copy it to its place in the PYORG_HOME tmp_path."""
    shutil.copytree(empty_dagster_home, tmp_path / "dagster")
