"""Everything that python.org offers for download, from a catalog on this machine.

Examples of what can be asked:

  pyorg PythonOrgDownloads latest_version
  pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9
  pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9
  pyorg --json PythonOrgDownloads list_release_versions --final_only false
  pyorg refresh
  pyorg demo

`pyorg COMMAND --help` and `pyorg PythonOrgDownloads METHOD --help` tell more of each. The first
query fills the catalog, which takes some seconds; `pyorg refresh` brings it up to date.

PYORG_SITE_URL, PYORG_HOME, PYORG_CATALOG_URL and DAGSTER_HOME say which site is read, and where
the catalog and Dagster's history of it lie.
"""

# The commands' namespace, nothing else in it: every class and every public function becomes a
# command, imported ones too; hence modules, and underscores. No `from __future__ import
# annotations`: simplifiedapp reads the annotations as classes. Dagster is imported by the
# commands that need it.

from typing import TYPE_CHECKING

from pyorg_pipeline.downloads import PythonOrgDownloads
from pyorg_pipeline.imports import quick_imports as _quick_imports
from pyorg_pipeline.model import flags as _flags
from pyorg_pipeline.settings import load_settings as _load_settings

if TYPE_CHECKING:
    from pyorg_pipeline.orchestration.summary import RefreshSummary as _RefreshSummary

__all__ = ["PythonOrgDownloads", "demo", "refresh", "ui"]


def refresh(full: _flags.Flag = False, accept_vanished: _flags.Flag = False) -> "_RefreshSummary":
    """Bring the catalog up to date with the site, and tell what changed.

    Reads the root listing and the release directories that are new or changed: one request where
    nothing is. --full reads every directory, and allows another site than before.
    --accept_vanished believes a root listing that lost more than a tenth of its directories.

    Directories that cannot be read keep their last good tables, are reported, and are taken again
    next time; the exit code is 1 then.

    Example: pyorg refresh --full
    """
    with _quick_imports():
        from pyorg_pipeline.orchestration.attended import attended_refresh  # noqa: PLC0415

    return attended_refresh(
        _load_settings(),
        full=_flags.parse_flag("full", full),
        accept_vanished=_flags.parse_flag("accept_vanished", accept_vanished),
    )


def demo(ui: _flags.Flag = False, port: int = 3000) -> None:
    """Fill a catalog from a replica of the site on this machine, and show what it answers.

    Needs no network: the replica serves recorded listings, with made-up bytes. Everything lies in
    ./pyorg-demo, or in PYORG_HOME where that is set; PYORG_SITE_URL, PYORG_CATALOG_URL and
    DAGSTER_HOME are ignored, and a catalog of another site than a replica is never overwritten.

    --ui keeps the replica serving and opens Dagster's UI on it, at --port, until Ctrl-C.

    Example: pyorg demo --ui
    """
    with _quick_imports():
        from pyorg_pipeline.demo import run_demo  # noqa: PLC0415

    code = run_demo(ui_port=port if _flags.parse_flag("ui", ui) else None)
    if code:
        raise SystemExit(code)


def ui(port: int = 3000) -> None:
    """Open Dagster's UI on the catalog: its tables, their history, and buttons to refresh them.

    Serves on this machine alone, with Dagster's daemon beside it, until Ctrl-C.

    Example: pyorg ui --port 3001
    """
    from pyorg_pipeline.orchestration.webserver import serve_ui  # noqa: PLC0415

    code = serve_ui(_load_settings(), port)
    if code:
        raise SystemExit(code)
