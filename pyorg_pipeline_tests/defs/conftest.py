"""A Dagster home that is made once: its databases take longer to make than most tests take."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyorg_pipeline.defs.instance import open_instance


@pytest.fixture(scope="session")
def empty_dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as the first run leaves it before it has begun; to be copied only."""
    home = tmp_path_factory.mktemp("empty") / "dagster"
    with open_instance(home):
        return home


@pytest.fixture(autouse=True)
def _home_in_tmp_path(empty_dagster_home: Path, tmp_path: Path) -> None:
    """Put it where it lies in a PYORG_HOME of tmp_path."""
    shutil.copytree(empty_dagster_home, tmp_path / "dagster")
