"""What users get goes into data frames, copies, pickles and JSON, and has a short repr."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars
import pytest

from pyorg_pipeline import ExtraMissingError, PythonOrgDownloads
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.errors import DirectoriesFailedError, PyorgError
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A catalog with a change."""
    location = str(tmp_path_factory.mktemp("home") / "catalog")
    with Replica(small_site()) as site:
        fill(location, site.url)
        site.add("3.14.0/Python-3.14.0.tgz", size=7, last_modified=LONG_AGO)
        fill(location, site.url)
    return location


@pytest.fixture
def listed(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    monkeypatch.setenv("PYORG_CATALOG_URL", filled)
    (tmp_path / "Python-3.14.0.tgz").write_bytes(b"damaged")
    return {
        "artifacts": PythonOrgDownloads.list_all_release_artifacts(),
        "releases": PythonOrgDownloads.list_releases(),
        "changes": PythonOrgDownloads.list_changes(),
        "info": [PythonOrgDownloads.catalog_info()],
        "files": [PythonOrgDownloads.verify_files(tmp_path, verify=False)],
    }


def test_lists_become_data_frames_with_a_column_a_field(listed: dict[str, list[Any]]) -> None:
    for kind in ("artifacts", "releases", "changes"):
        rows = listed[kind]
        frame = polars.DataFrame(rows)
        assert frame.columns == [one.name for one in fields(rows[0])]
        assert len(frame) == len(rows) > 0
    artifacts = polars.DataFrame(listed["artifacts"])
    tarball = artifacts.row(by_predicate=polars.col("name") == "Python-3.13.9.tar.xz", named=True)
    assert (tarball["version"], tarball["artifact_type"]) == ("3.13.9", "source-release")
    assert (tarball["format"], tarball["arch"]) == ("tarball_lzma", None)
    assert (tarball["size"], tarball["companions"]) == (22_000_000, [".asc"])
    states = polars.DataFrame(listed["releases"])["state"].to_list()
    assert states[-1] == "complete"


def test_lists_become_data_frames_of_pandas(listed: dict[str, list[Any]]) -> None:
    pandas = pytest.importorskip("pandas")
    artifacts = polars.DataFrame(listed["artifacts"])
    assert pandas.DataFrame(listed["artifacts"])["name"].to_list() == artifacts["name"].to_list()


def test_each_value_survives_copies_pickles_and_json(listed: dict[str, list[Any]]) -> None:
    for values in listed.values():
        for value in values:
            assert copy.copy(value) == copy.deepcopy(value) == value
            assert pickle.loads(pickle.dumps(value)) == value
            written = json.loads(json.dumps(value.to_dict()))
            # A number of seconds says so.
            names = {"age_seconds" if one == "age" else one for one in asdict(value)}
            assert names <= written.keys()
    change = listed["changes"][0].to_dict()
    assert PythonOrgDownloads.list_changes(change["seen_at"]) == []
    release = listed["releases"][-1].to_dict()
    assert (release["version"], release["is_final"]) == ("3.15.0a1", False)


def test_the_repr_of_a_value_or_error_fits_two_lines(listed: dict[str, list[Any]]) -> None:
    errors: list[PyorgError] = [
        DirectoriesFailedError({f"3.{minor}.0": "forbidden" for minor in range(50)})
    ]
    values = [one for kind in listed.values() for one in kind]
    for value in (*values, *errors):
        assert repr(value).startswith(f"{type(value).__name__}('")
        assert len(repr(value)) < 250
    assert repr(listed["releases"][-1]) == "PythonRelease('3.15.0a1 complete')"
    assert repr(listed["changes"][0]) == "CatalogChange('appeared 3.14.0/Python-3.14.0.tgz')"


@pytest.mark.usefixtures("listed")
def test_everything_at_once_is_a_table() -> None:
    table = PythonOrgDownloads.to_arrow()
    assert table.num_rows == 11
    assert {"path", "version", "artifact_type", "format", "companions"} <= set(table.column_names)
    if find_spec("pandas") is None:
        with pytest.raises(ExtraMissingError, match=r"pip install 'pyorg_pipeline\[pandas\]'"):
            PythonOrgDownloads.to_pandas()
    else:
        assert PythonOrgDownloads.to_pandas()["path"].to_list() == table["path"].to_pylist()


@pytest.mark.usefixtures("listed")
def test_a_version_is_written_as_its_text_and_stays_a_tuple() -> None:
    version = PythonOrgDownloads.latest_version(final_only=False)
    assert f"python-{version}" == "python-3.15.0a1"
    assert version == (3, 15, 0, "alpha", 1)
    assert version > (3, 14)
