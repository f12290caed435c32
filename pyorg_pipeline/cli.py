"""Everything that python.org offers for download, from a catalog on this machine.

Some commands:
  pyorg PythonOrgDownloads latest_version
  pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9
  pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9
  pyorg --json PythonOrgDownloads list_release_versions --final_only false
  pyorg refresh
  pyorg download --series 3.13
  pyorg demo

`pyorg COMMAND --help` and `pyorg PythonOrgDownloads METHOD --help` describe each. The first query
fills the catalog, which takes some seconds; `pyorg refresh` brings it up to date.

PYORG_SITE_URL sets the site; PYORG_HOME, PYORG_CATALOG_URL and DAGSTER_HOME set the folders of the
catalog and of Dagster's history.
"""

# Every class and every public function in this module becomes a command, imported ones too; hence
# modules and underscores. No `from __future__ import annotations`: simplifiedapp calls the
# annotations' classes. Only the commands that need Dagster import it.

from typing import TYPE_CHECKING

from pyorg_pipeline.facade import PythonOrgDownloads
from pyorg_pipeline.freshness import fresh_reader as _fresh_reader
from pyorg_pipeline.model import arguments as _arguments
from pyorg_pipeline.settings import load_settings as _load_settings

if TYPE_CHECKING:
    from pyorg_pipeline.reports.summary import DownloadSummary as _DownloadSummary
    from pyorg_pipeline.reports.summary import RefreshSummary as _RefreshSummary

__all__ = ["PythonOrgDownloads", "demo", "download", "refresh", "ui"]


def refresh(
    full: _arguments.Flag = False,
    accept_vanished: _arguments.Flag = False,
    digests: _arguments.Flag = False,
) -> "_RefreshSummary":
    """Bring the catalog up to date with the site, and report what changed.

    Reads the root listing and the release directories that are new or changed: one request if none
    is. --full reads every directory, and allows another site than before. --accept_vanished
    believes a root listing that lost more than a tenth of its directories, and a directory's that
    lost artifacts, which otherwise takes two such listings.

    --digests also reads the SHA-256 of artifacts, with one request for each signature bundle or
    bill of materials that is new or changed; downloads then need no such request. An invalid one
    is recorded as unreadable, which is not an error.

    Directories that cannot be read keep their last good tables, are reported, and are read again
    by the next refresh; the exit code is 1 then.

    Example: pyorg refresh --full
    """
    from pyorg_pipeline import runs as _runs  # noqa: PLC0415

    return _runs.refresh(
        _load_settings(), full=full, accept_vanished=accept_vanished, digests=digests
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
) -> "_DownloadSummary":
    """Download and verify the artifacts of a selection, and print the paths of their files.

    It is the job download_artifacts of Dagster's UI with the same options; there, files go to
    $PYORG_HOME/downloads by default. --series, --versions, --releaselevels, --artifact_types and
    --attributes each take values separated by commas; '' means any. --newest_only takes only the
    newest release of each series that has a matching artifact; without --series and --versions
    that is one release of every series. It does not apply to --versions. --limit takes at most
    that many artifacts, the newest; 0 means all.

    --destination is a folder, or a URL such as s3://bucket/prefix. Existing files are not
    overwritten unless --overwrite. --verify is true, digest, signature or false, as for
    download_artifact. After a transient error, a batch of --batch_size files is tried --retries
    times more, first after --retry_delay seconds, then after twice as many each time; files that
    were downloaded stay.

    The report goes to stderr. The exit code is 1 if a file failed; the same command again
    downloads the missing ones.

    Example: pyorg download --series 3.13,3.14 --destination /tmp
    """
    from pyorg_pipeline import runs as _runs  # noqa: PLC0415

    settings = _load_settings()
    _fresh_reader(settings)
    return _runs.download(
        settings,
        _runs.download_config(
            series=series,
            versions=versions,
            releaselevels=releaselevels,
            artifact_types=artifact_types,
            attributes=attributes,
            newest_only=newest_only,
            limit=limit,
            destination=destination,
            verify=verify,
            overwrite=overwrite,
            batch_size=batch_size,
            retries=retries,
            retry_delay=retry_delay,
        ),
    )


def demo(ui: _arguments.Flag = False, port: int = 3000) -> None:
    """Fill a catalog from a replica of the site on this machine, and show some queries.

    It needs no network: the replica serves recorded listings, with made-up bytes. Everything is in
    ./pyorg-demo, or in PYORG_HOME if that is set; PYORG_SITE_URL, PYORG_CATALOG_URL and
    DAGSTER_HOME are ignored, and only a catalog of a replica is overwritten.

    --ui keeps the replica running and opens Dagster's UI on it, at --port, until Ctrl-C.

    Example: pyorg demo --ui
    """
    from pyorg_pipeline.demo.demonstration import run_demo  # noqa: PLC0415

    code = run_demo(ui_port=port if ui else None)
    if code:
        raise SystemExit(code)


def ui(port: int = 3000) -> None:
    """Open Dagster's UI on the catalog: its tables, their history, and buttons to refresh them.

    It serves only this machine, with Dagster's daemon, until Ctrl-C.

    Example: pyorg ui --port 3001
    """
    from pyorg_pipeline.webserver import serve_ui  # noqa: PLC0415

    code = serve_ui(_load_settings(), port)
    if code:
        raise SystemExit(code)
