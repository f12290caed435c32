"""Files in the directory of another version are listed, and are no release."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyorg_pipeline import ArtifactChoiceError, PythonOrgDownloads
from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.cli import main
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.refresh.checks import CHECKED_COLUMNS, files_are_in_their_directory
from pyorg_pipeline_tests.support.filling import fill

STRAY = "3.14.0/Python-3.14.9.tgz"


@pytest.fixture
def store(tmp_path: Path, site: Replica, monkeypatch: pytest.MonkeyPatch) -> CatalogStore:
    """A catalog in which 3.14.9 is in the directory of 3.14.0."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    site.add(STRAY, size=30_000_000)
    return fill(str(tmp_path / "catalog"), site.url)


def test_a_misplaced_release_is_neither_the_latest_nor_a_release(store: CatalogStore) -> None:
    latest = PythonOrgDownloads.latest_version
    assert latest() == latest(series="3.14", complete_only=True) == (3, 14, 0)
    assert latest(format="tarball_deflate") == (3, 13, 9)
    assert "3.14.9" not in [row["version"] for row in store.rows(LATEST_FILE)]
    releases = [one.version for one in PythonOrgDownloads.list_releases("3.14")]
    assert releases == ["3.14.0rc1", "3.14.0"]
    assert (3, 14, 9) not in PythonOrgDownloads.list_release_versions(final_only=False)
    assert PythonOrgDownloads.catalog_info().releases == 6


@pytest.mark.usefixtures("store")
def test_a_misplaced_file_is_listed_with_a_mark_and_chosen_by_its_path_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [stray] = PythonOrgDownloads.list_version_artifacts(3, 14, 9)
    assert (stray.path, stray.misplaced) == (STRAY, True)
    assert stray.release_format == {"format": "tarball_deflate"}
    others = [one for one in PythonOrgDownloads.list_all_release_artifacts() if one != stray]
    assert {one.misplaced for one in others} == {None}
    with pytest.raises(ArtifactChoiceError, match="nearest choices are: misplaced true"):
        PythonOrgDownloads.download_release(3, 14, 9)

    def paths(*words: str) -> list[str]:
        main(words)
        return [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]]

    assert paths("list", "3.14.9") == [STRAY]
    assert paths("list", "3.14") == ["3.14.0/Python-3.14.0.tar.xz"]
    assert paths("download", "--dry-run", "3.14.9") == []
    assert paths("download", "--dry-run", STRAY) == [STRAY]
    assert main(["latest", "3.14", "--format", "tarball_deflate"]) == 1


def test_the_check_names_misplaced_files(store: CatalogStore) -> None:
    found = files_are_in_their_directory(
        store.read(CATALOG_FILE, CHECKED_COLUMNS).table.to_pylist()
    )
    assert not found.passed
    assert found.description.startswith(
        f"1 file in the directory of another version: {STRAY} (3.14.9). "
    )
    assert (found.numbers, found.samples) == ({"files": 11, "misplaced": 1}, [f"{STRAY} (3.14.9)"])
