"""Dagster's home: made when it is missing, and the instance that lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

from pyorg_pipeline.errors import SettingsError

#: Nothing is sent anywhere, and no dialog stands before the UI.
DAGSTER_YAML: Final = """\
telemetry:
  enabled: false
nux:
  enabled: false
"""


def ensure_home(home: Path) -> Path:
    """Dagster's home with a dagster.yaml; one that is there already is left as it is.

    Raises:
        SettingsError: the folder cannot be made or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        config = home / "dagster.yaml"
        if not config.exists():
            config.write_text(DAGSTER_YAML)
    except OSError as error:
        raise SettingsError("DAGSTER_HOME", str(home), error.strerror or str(error)) from error
    return home


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The persistent instance in this home, closed afterwards."""
    with dg.DagsterInstance.from_config(str(ensure_home(home))) as instance:
        yield instance
