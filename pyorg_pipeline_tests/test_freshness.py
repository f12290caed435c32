"""Queries on a catalog that is older than PYORG_MAX_AGE, and the facade's refresh."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads, SiteStatusError
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.command_line import PYORG, environment
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.small_site import DIRECTORIES

NEWER = "3.14.1/Python-3.14.1.tgz"


def checked_at(home: Path) -> datetime:
    metadata = CatalogStore(LocalLocation(home / "catalog")).metadata(DIRECTORIES_FILE)
    found: datetime = metadata["checked_at"]
    return found


@pytest.fixture
def old(tmp_path: Path, site: Replica, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a catalog whose root listing was last read three days ago."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    fill(str(tmp_path / "catalog"), site.url)
    store = CatalogStore(LocalLocation(tmp_path / "catalog"))
    table, metadata = store.read(DIRECTORIES_FILE)
    then = datetime.now(UTC) - timedelta(days=3)
    store.write(DIRECTORIES_FILE, table, {**metadata, "checked_at": then})
    site.clear_requests()
    return tmp_path


def test_a_query_on_an_old_catalog_refreshes_it_first_and_says_so(
    old: Path, site: Replica, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_SITE_URL", site.url.replace("//", "//user:secret@"))
    site.add(NEWER)
    assert PythonOrgDownloads.latest_version() == (3, 14, 1)
    assert capsys.readouterr() == (
        "",
        f"The catalog at {old / 'catalog'} is 3 days old: refreshing it from {site.url}\n",
    )


def test_it_takes_one_request_if_nothing_is_new_and_none_the_next_time(
    old: Path, site: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    assert PythonOrgDownloads.catalog_info().age >= timedelta(days=3)
    assert site.requests == []
    assert len(PythonOrgDownloads.list_version_artifacts(3, 13, 9)) == 3
    assert [request.path for request in site.requests] == [""]
    assert datetime.now(UTC) - checked_at(old) < timedelta(minutes=5)
    assert not (old / "dagster").exists()
    capsys.readouterr()
    assert PythonOrgDownloads.catalog_info().directories == len(DIRECTORIES)
    assert len(site.requests) == 1
    assert capsys.readouterr().err == ""


def test_a_failing_site_gives_the_old_answer_and_a_warning_with_the_age(
    old: Path, site: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    site.answer("", Answer(status=503))
    for _ in range(2):
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    [record] = caplog.records
    assert f"{old / 'catalog'} is 3 days old, and could not be refreshed" in record.message
    assert "503" in record.message
    assert len(site.requests) == 1


def test_a_home_that_dagster_cannot_use_gives_the_old_answer_and_a_warning(
    old: Path, site: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    site.add(NEWER)
    (old / "dagster").mkdir()
    (old / "dagster" / "dagster.yaml").write_text("storage: nothing\n")
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    assert any("could not be refreshed" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("setting", "value", "warnings"),
    [("PYORG_AUTO_REFRESH", "0", 1), ("PYORG_MAX_AGE", "0", 0), ("PYORG_MAX_AGE", "1w", 0)],
)
def test_settings_keep_a_query_from_refreshing(
    setting: str,
    value: str,
    warnings: int,
    old: Path,
    site: Replica,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(setting, value)
    for _ in range(2):
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    text = f"the catalog at {old / 'catalog'} is 3 days old: `pyorg refresh` updates it"
    assert [record.message for record in caplog.records] == [text] * warnings
    assert site.requests == []


@pytest.mark.usefixtures("old")
def test_refresh_returns_a_summary_or_raises_its_error(site: Replica) -> None:
    site.add(NEWER)
    done = PythonOrgDownloads.refresh()
    assert (done.added, done.latest_final) == ([NEWER], "3.14.1")
    assert PythonOrgDownloads.latest_version() == (3, 14, 1)
    site.answer("", Answer(status=403))
    with pytest.raises(SiteStatusError, match="403"):
        PythonOrgDownloads.refresh()


def test_two_first_queries_at_once_both_succeed(site: Replica, tmp_path: Path) -> None:
    query = [*PYORG, "latest"]
    settings = environment(tmp_path, PYORG_AUTO_REFRESH="1", PYORG_SITE_URL=site.url)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    quiet = [*query, "--quiet"]
    with started(query, env=settings, **pipes) as one, started(quiet, env=settings, **pipes) as two:
        (answer, notice), second = one.communicate(), two.communicate()
    assert answer == "3.14.0\n"
    assert notice.startswith("No catalog at ")
    assert second == ("3.14.0\n", "")
    assert len(site.requests) == 1 + len(DIRECTORIES)


def test_a_damaged_dagster_home_is_one_line_of_warning_and_the_old_catalog_answers(
    old: Path, site: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    site.add(NEWER)
    database = old / "dagster" / "history" / "runs.db"
    database.parent.mkdir(parents=True)
    database.write_text("no database")
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"the catalog at {old / 'catalog'} is 3 days old, and could not be")
    assert "file is not a database; move the folder away and run the command again" in warning
    assert "\n" not in warning
