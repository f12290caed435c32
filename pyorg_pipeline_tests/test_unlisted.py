"""Versions whose directory the site has, but whose files it does not list."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads, VersionNotFoundError, cli
from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.command_line import pyorg
from pyorg_pipeline_tests.support.filling import fill

HIDDEN = Answer(body=b"<html><title>Python 2.7.1</title><body></body></html>")


@pytest.fixture
def catalog(
    tmp_path: Path, site: Replica, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CatalogStore]:
    """A catalog of the small site in which 2.7.1/ is another page and 3.16.0/ fails."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    fill(str(tmp_path / "catalog"), site.url)
    site.add("2.7.1/Python-2.7.1.tgz")
    site.add("3.16.0/Python-3.16.0.tgz")
    site.answer("2.7.1/", HIDDEN)
    site.answer("3.16.0/", Answer(status=503))
    # Nothing else is new: the failures alone are published.
    yield fill(str(tmp_path / "catalog"), site.url)
    logging.getLogger("pyorg_pipeline").setLevel(logging.NOTSET)


HIDDEN_TEXT = (
    "the files of 2.7.1 are not listed: the site answers 2.7.1/ with another page instead of a "
    "listing; look for them in a browser at {site.url}2.7.1/"
)
FAILED_TEXT = (
    "the files of 3.16.0 are not listed: the last refresh could not read {site.url}3.16.0/: "
    "overloaded or failing (503): try again later"
)

MISSING = (
    "the last refresh could not read 3.16.0; their artifacts may be missing or out of date. "
    "`pyorg refresh` tries again"
)


@pytest.fixture
def texts(site: Replica) -> tuple[str, str]:
    """What is said of 2.7.1 and of 3.16.0."""
    return HIDDEN_TEXT.format(site=site), FAILED_TEXT.format(site=site)


@pytest.mark.usefixtures("catalog")
def test_the_newest_release_is_doubted_where_a_newer_directory_is_not_listed(
    texts: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    hidden, failed = texts

    def warned() -> list[str]:
        found = [record.message for record in caplog.records]
        caplog.clear()
        return found

    assert PythonOrgDownloads.latest_version(series="3.13") == (3, 13, 9)
    assert warned() == []
    for _ in range(2):
        assert PythonOrgDownloads.latest_version(series="2.7") == (2, 7, 0)
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    assert warned() == [
        f"2.7.0 may not be the newest release: {hidden}",
        f"3.14.0 may not be the newest release: {failed}",
    ]
    PythonOrgDownloads.list_series()
    # In this process it was warned of, except where the newest of the series is a pre-release.
    assert warned() == [f"3.15.0a1 may not be the newest release: {failed}"]
    assert PythonOrgDownloads.latest_version(artifact_type="source-release") == (3, 14, 0)
    assert [one.version for one in PythonOrgDownloads.list_releases("2.7")] == ["2.7.0"]
    assert warned() == [MISSING, f"3.14.0 may not be the newest release: {failed}", hidden]
    with pytest.raises(VersionNotFoundError) as caught:
        PythonOrgDownloads.latest_version(series="3.16")
    assert str(caught.value) == f"the catalog has no release of 3.16; {failed}"


@pytest.mark.usefixtures("catalog")
def test_a_version_that_is_not_listed_exists_and_its_error_says_why(texts: tuple[str, str]) -> None:
    hidden, failed = texts
    finals = PythonOrgDownloads.list_release_versions()
    assert finals == [(1, 5, 2), (2, 7, 0), (2, 7, 1), (3, 13, 9), (3, 14, 0)]
    assert PythonOrgDownloads.list_release_versions(final_only=False) == [
        *finals, (3, 15, 0), (3, 16, 0),
    ]  # fmt: skip
    for numbers, text in (((2, 7, 1), hidden), ((3, 16, 0), failed)):
        for ask in (PythonOrgDownloads.list_version_artifacts, PythonOrgDownloads.download_release):
            with pytest.raises(VersionNotFoundError) as caught:
                ask(*numbers)
            assert str(caught.value) == text
    with pytest.raises(VersionNotFoundError, match=r"no version 2\.7\.2; of 2\.7 it has 2\.7\.0$"):
        PythonOrgDownloads.list_version_artifacts(2, 7, 2)
    info = PythonOrgDownloads.catalog_info()
    assert (list(info.hidden), list(info.failures)) == (["2.7.1"], ["3.16.0"])


@pytest.mark.usefixtures("catalog")
def test_the_command_line_says_so_on_stderr(
    texts: tuple[str, str], site: Replica, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden, failed = texts
    asked = {
        ("latest", "2.7"): ("2.7.0", [f"2.7.0 may not be the newest release: {hidden}"]),
        ("latest",): ("3.14.0", [f"3.14.0 may not be the newest release: {failed}"]),
        ("download", "--dry-run", "2.7"): ("Python-2.7.tgz", [MISSING, hidden]),
    }
    for line, (out, err) in asked.items():
        done = pyorg(tmp_path, *line)
        assert (done.returncode, done.stdout.endswith(f"{out}\n")) == (0, True)
        assert done.stderr.splitlines() == [f"pyorg: {text}" for text in err]
    for command in ("list", "download"):
        assert cli.main([command, "2.7.1"]) == 1
        assert capsys.readouterr().err.endswith(f"pyorg: {hidden}\n")
    assert cli.main(["info"]) == 0
    shown = f"\nhidden                2.7.1: {site.url}2.7.1/: the page is not a directory listing"
    assert shown in capsys.readouterr().out


def test_a_directory_that_is_listed_again_is_forgotten(
    catalog: CatalogStore, site: Replica, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(catalog.metadata(CATALOG_FILE)["unlisted"]) == ["2.7.1", "3.16.0"]
    published = catalog.metadata(LATEST_FILE)["catalog_published_at"]
    fill(str(tmp_path / "catalog"), site.url)
    site.clear_answers()
    store = fill(str(tmp_path / "catalog"), site.url)
    assert store.metadata(LATEST_FILE)["catalog_published_at"] > published
    assert list(store.metadata(LATEST_FILE)["unlisted"]) == ["2.7.1"]
    assert PythonOrgDownloads.latest_version() == (3, 16, 0)
    assert caplog.records == []
    # An earlier program's tables do not say it.
    for name in (CATALOG_FILE, LATEST_FILE):
        table, metadata = store.read(name)
        store.write(name, table, {k: v for k, v in metadata.items() if k != "unlisted"})
    assert PythonOrgDownloads.latest_version(series="2.7") == (2, 7, 0)
    with pytest.raises(VersionNotFoundError, match=r"the catalog has no version 2\.7\.1"):
        PythonOrgDownloads.list_version_artifacts(2, 7, 1)
