"""Everything that python.org offers for download, from a catalog on this machine.

Examples of what can be asked:

  pyorg PythonOrgDownloads latest_version
  pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9
  pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9
  pyorg --json PythonOrgDownloads list_release_versions --final_only false
  pyorg refresh
  pyorg download --series 3.13
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

from pyorg_pipeline.facade import PythonOrgDownloads
from pyorg_pipeline.imports import quick_imports as _quick_imports
from pyorg_pipeline.model import arguments as _arguments
from pyorg_pipeline.settings import load_settings as _load_settings

if TYPE_CHECKING:
    from pyorg_pipeline.attended_download import Downloads as _Downloads
    from pyorg_pipeline.reports.summary import RefreshSummary as _RefreshSummary

__all__ = ["PythonOrgDownloads", "demo", "download", "refresh", "ui"]


def refresh(
    full: _arguments.Flag = False,
    accept_vanished: _arguments.Flag = False,
    digests: _arguments.Flag = False,
) -> "_RefreshSummary":
    """Bring the catalog up to date with the site, and tell what changed.

    Reads the root listing and the release directories that are new or changed: one request where
    nothing is. --full reads every directory, and allows another site than before.
    --accept_vanished believes a root listing that lost more than a tenth of its directories, and
    a directory's that lost artifacts, which otherwise has to say so twice.
    --digests reads the SHA-256 of artifacts, too: one request for each signature bundle or bill
    of materials that is new or changed. Downloads then ask for none of them. One that is not what
    it should be is counted and put on record as unreadable, which is no error.

    Directories that cannot be read keep their last good tables, are reported, and are taken again
    next time; the exit code is 1 then.

    Example: pyorg refresh --full
    """
    with _quick_imports():
        from pyorg_pipeline import runs as _runs  # noqa: PLC0415

    return _runs.refresh(
        _load_settings(),
        full=_arguments.parse_flag("full", full),
        accept_vanished=_arguments.parse_flag("accept_vanished", accept_vanished),
        digests=_arguments.parse_flag("digests", digests),
    )


def download(
    *,
    series: str = "",
    versions: str = "",
    releaselevels: str = "final",
    artifact_types: str = "source-release",
    attributes: str = "format=tarball_lzma",
    newest_only: _arguments.Flag = True,
    limit: int = 0,
    destination: str = ".",
    verify: _arguments.Verification = True,
    overwrite: _arguments.Flag = False,
    batch_size: int = 32,
    retries: int = 2,
    retry_delay: float = 30,
) -> "_Downloads":
    """Download what fits a selection, each file proven, and print the paths.

    The same job as in Dagster's UI, download_artifacts, with the same options; files go to
    $PYORG_HOME/downloads by default there. Of --series, --versions, --releaselevels,
    --artifact_types and --attributes each takes several values with commas between, and '' for
    whatever there is. With --newest_only, of each series only its newest release that has
    something that fits; without --series and --versions that is one release of every series.
    --versions are taken all the same. --limit takes the newest so many, 0 all.

    --destination is a folder, or a URL such as s3://bucket/prefix. Files that are there are kept
    unless --overwrite. --verify is true, digest, signature or false, as for download_artifact.
    Trouble that may pass makes a batch of --batch_size files be tried --retries times more, after
    --retry_delay seconds, then twice as many each time; what came is kept.

    The report goes to stderr. The exit code is 1 if a file failed; the same command again takes
    what is missing.

    Example: pyorg download --series 3.13,3.14 --destination /tmp
    """
    with _quick_imports():
        from pyorg_pipeline.attended_download import (  # noqa: PLC0415
            attended_download,
            download_config,
        )

    return attended_download(
        _load_settings(),
        download_config(
            series=series,
            versions=versions,
            releaselevels=releaselevels,
            artifact_types=artifact_types,
            attributes=attributes,
            newest_only=_arguments.parse_flag("newest_only", newest_only),
            limit=limit,
            destination=destination,
            verify=_arguments.parse_verification(verify),
            overwrite=_arguments.parse_flag("overwrite", overwrite),
            batch_size=batch_size,
            retries=retries,
            retry_delay=retry_delay,
        ),
    )


def demo(ui: _arguments.Flag = False, port: int = 3000) -> None:
    """Fill a catalog from a replica of the site on this machine, and show what it answers.

    Needs no network: the replica serves recorded listings, with made-up bytes. Everything lies in
    ./pyorg-demo, or in PYORG_HOME where that is set; PYORG_SITE_URL, PYORG_CATALOG_URL and
    DAGSTER_HOME are ignored, and a catalog of another site than a replica is never overwritten.

    --ui keeps the replica serving and opens Dagster's UI on it, at --port, until Ctrl-C.

    Example: pyorg demo --ui
    """
    with _quick_imports():
        from pyorg_pipeline.demo.demonstration import run_demo  # noqa: PLC0415

    code = run_demo(ui_port=port if _arguments.parse_flag("ui", ui) else None)
    if code:
        raise SystemExit(code)


def ui(port: int = 3000) -> None:
    """Open Dagster's UI on the catalog: its tables, their history, and buttons to refresh them.

    Serves on this machine alone, with Dagster's daemon beside it, until Ctrl-C.

    Example: pyorg ui --port 3001
    """
    from pyorg_pipeline.webserver import serve_ui  # noqa: PLC0415

    code = serve_ui(_load_settings(), port)
    if code:
        raise SystemExit(code)
