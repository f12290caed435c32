"""The files of download reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pyorg_pipeline.catalog.download_reports import (
    failures_error,
    read_report,
    report_digest,
    report_row,
    with_downloaded_digests,
    write_report,
)
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.schemas import DOWNLOAD_REPORT
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.errors import (
    CatalogError,
    InvalidArchiveError,
    SiteStatusError,
    VerificationError,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download, DownloadFailure, Method, Verification
from pyorg_pipeline_tests.support.transfers import artifact

SITE = "http://127.0.0.1/ftp/python/"
ROW = {
    "path": "3.6.0/Python-3.6.0.tgz",
    "outcome": "skipped",
    "destination": "/somewhere/Python-3.6.0.tgz",
    "sources": [],
    "transient": False,
}


def test_a_report_is_a_plain_table_of_its_run_below_the_catalog(tmp_path: Path) -> None:
    store = CatalogStore(LocalLocation(tmp_path))
    size = write_report(store, "a run", [ROW], site_url=SITE)
    file = tmp_path / "downloads" / "a run.parquet"
    assert file.stat().st_size == size
    assert pq.read_table(file).schema.names == DOWNLOAD_REPORT.names
    [row] = read_report(store, "a run")
    assert row.pop("run_id") == "a run"
    assert row.pop("reported_at").utcoffset() == timedelta(0)
    assert {name: value for name, value in row.items() if value is not None} == ROW
    assert read_report(store, "another run") == []
    other = tmp_path / "other"
    other.mkdir()
    (other / "downloads").write_text("no folder")
    with pytest.raises(CatalogError, match=r"a run\.parquet cannot be written"):
        write_report(CatalogStore(LocalLocation(other)), "a run", [ROW], site_url=SITE)


def test_the_error_of_a_report_has_the_next_step_of_each_kind_of_failure_once() -> None:
    errors = [
        SiteStatusError("https://x/a", "overloaded", 503),
        SiteStatusError("https://x/b", "not found; refresh the catalog", 404),
        InvalidArchiveError("c", "gzip", "it is damaged or incomplete"),
        InvalidArchiveError("d", "gzip", "other data follows it"),
    ]
    rows = [
        report_row(DownloadFailure(artifact(f"2.7/{n}.tgz"), one)) for n, one in enumerate(errors)
    ]
    error = failures_error([*rows, ROW])
    assert error is not None
    assert error.headline == (
        "4 of 5 artifacts failed to download. Run the same command again (1 of them). To download "
        "it all the same, use verify=False, which compares the size alone (2 of them)"
    )
    [alone] = rows[2:3]
    assert str(failures_error([alone])) == (
        f"1 of 1 artifacts failed to download: {alone['path']} (not a valid gzip archive (it is "
        "damaged or incomplete), and no digest is published). To download it all the same, use "
        "verify=False, which compares the size alone"
    )
    assert failures_error([ROW]) is None


def test_a_report_is_written_although_a_refresh_removes_temporary_files(tmp_path: Path) -> None:
    class Swept(LocalLocation):
        """A location whose temporary files another process sweeps away, once."""

        swept = False

        def write(self, name: str, data: bytes) -> None:
            if not self.swept:
                self.swept = True
                raise CatalogError("the temporary file is not there any more")
            super().write(name, data)

    store = CatalogStore(Swept(tmp_path))
    write_report(store, "a run", [ROW], site_url=SITE)
    assert [row["path"] for row in read_report(store, "a run")] == [ROW["path"]]


DATE = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
LISTED = artifact("3.6.0/Python-3.6.0.tgz", size=7, last_modified=DATE)
ONE, TWO = "1" * 64, "2" * 64


def verified(method: Method, sha256: str = ONE) -> Download:
    """A download of the listed file."""
    verification = Verification(method, sha256, ("its bundle",), "a release manager")
    return Download(LISTED, "/x", 7, True, sha256, verification)


def test_a_digest_that_a_download_proved_belongs_to_its_site_size_and_date(tmp_path: Path) -> None:
    store = CatalogStore(LocalLocation(tmp_path))

    def known(of: PythonOrgArtifact = LISTED, site_url: str = SITE) -> tuple[str | None, ...]:
        [found] = with_downloaded_digests(store, site_url, [of])
        return found.sha256, found.digest_source, found.signed_by

    report_digest(store, verified("signature"), SITE)
    assert known() == (None, None, None)
    store.write(CATALOG_FILE, [], {})
    # The checksums of an archive prove nothing.
    report_digest(store, verified("archive"), SITE)
    assert known() == (None, None, None)
    report_digest(store, verified("signature"), SITE)
    assert known() == (ONE, "download", "a release manager")
    assert known(site_url="http://127.0.0.1/another/") == (None, None, None)
    assert known(replace(LISTED, size=8)) == (None, None, None)
    assert known(replace(LISTED, last_modified=DATE + timedelta(minutes=1))) == (None, None, None)
    recorded = replace(LISTED, sha256=TWO, digest_source="spdx")
    assert known(recorded) == (TWO, "spdx", None)
    assert known(replace(LISTED, sha256_before=TWO)) == (None, None, None)
    write_report(store, "a run", [report_row(verified("digest", TWO))], site_url=SITE)
    with pytest.raises(VerificationError, match=f"should be {ONE} .* but is {TWO} "):
        known()
