"""The demonstration: a replica of the site, a catalog of its own, and what can be asked of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import (
    ARTIFACTS_FOLDER,
    CATALOG_FILE,
    DIRECTORIES_FILE,
    LATEST_FILE,
    CatalogStore,
)
from pyorg_pipeline.downloads import PythonOrgDownloads
from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.orchestration.attended import attended_refresh
from pyorg_pipeline.orchestration.webserver import HOST, serve_ui
from pyorg_pipeline.reports import print_artifacts
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.site.replica import Replica

DEFAULT_HOME: Final = "pyorg-demo"
