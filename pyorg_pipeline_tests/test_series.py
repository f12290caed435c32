"""Series through the facade: which there are, and the newest version of a supported one."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from pyorg_pipeline import (
    PythonOrgDownloads,
    PythonSeries,
    SeriesStatus,
    VersionNotFoundError,
    cli,
)
from pyorg_pipeline.catalog.store import LATEST_FILE
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline_tests.support.filling import fill

PAST, FUTURE = "2001-01-01", "9999-01-01"
latest = PythonOrgDownloads.latest_version


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Replica) -> Path:
    """A catalog of the small site, at a time when 3.13 and 3.14 are supported."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    monkeypatch.setitem(SERIES_DATES, "3.13", (PAST, PAST, FUTURE))
    monkeypatch.setitem(SERIES_DATES, "3.14", (PAST, FUTURE, FUTURE))
    monkeypatch.setitem(SERIES_DATES, "3.15", (FUTURE, FUTURE, FUTURE))
    fill(str(tmp_path / "catalog"), site.url)
    return tmp_path


def test_each_series_has_its_status_newest_release_and_dates(home: Path) -> None:
    past, future = date.fromisoformat(PAST), date.fromisoformat(FUTURE)
    end = date(2020, 1, 1)
    expected = [
        PythonSeries("1.5", SeriesStatus.UNKNOWN, "1.5.2", None, None, None),
        PythonSeries("2.7", SeriesStatus.END_OF_LIFE, "2.7.0", date(2010, 7, 3), end, end),
        PythonSeries("3.13", SeriesStatus.SECURITY, "3.13.9", past, past, future),
        PythonSeries("3.14", SeriesStatus.BUGFIX, "3.14.0", past, future, future),
        PythonSeries("3.15", SeriesStatus.PRERELEASE, "3.15.0a1", future, future, future),
    ]
    assert PythonOrgDownloads.list_series() == expected
    # A refresh that was killed did not publish it.
    (home / "catalog" / LATEST_FILE).unlink()
    assert PythonOrgDownloads.list_series() == expected


def test_the_newest_version_of_the_supported_series() -> None:
    assert latest(False) == (3, 15, 0, "alpha", 1)
    assert latest(False, supported_only=True) == (3, 14, 0, "final", 0)
    assert latest(supported_only=True) == latest(supported_only=True, complete_only=True)
    assert latest(supported_only=True, series="3.13") == (3, 13, 9)
    assert latest(supported_only=True, artifact_type="windows-release") == (3, 13, 9)
    with pytest.raises(VersionNotFoundError, match=r"its series are 1\.5 to 3\.15"):
        latest(supported_only=True, series="3.99")


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ("2.7", "2.7 is not supported (end-of-life): ask without supported_only"),
        (None, "no series of the catalog is supported: ask without supported_only"),
    ],
)
def test_the_error_that_no_supported_series_matches(
    monkeypatch: pytest.MonkeyPatch, series: str | None, message: str
) -> None:
    for supported in ("3.13", "3.14"):
        monkeypatch.setitem(SERIES_DATES, supported, (PAST, PAST, PAST))
    with pytest.raises(VersionNotFoundError) as raised:
        latest(supported_only=True, series=series)
    assert str(raised.value) == message


def test_pyorg_lists_the_series_and_finds_the_newest_version_of_a_supported_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def pyorg(*arguments: str) -> tuple[str, str]:
        cli.main(arguments)
        captured = capsys.readouterr()
        return captured.out.strip(), captured.err.strip()

    header, *lines = (line.split() for line in pyorg("series")[0].splitlines())
    assert header == ["SERIES", "STATUS", "LATEST", "FIRST_RELEASE", "END_OF_BUGFIX", "END_OF_LIFE"]
    assert lines[0] == ["1.5", "unknown", "1.5.2", "-", "-", "-"]
    assert lines[-2] == ["3.14", "bugfix", "3.14.0", PAST, FUTURE, FUTURE]
    assert json.loads(pyorg("series", "--json")[0])[-1]["status"] == "prerelease"
    assert pyorg("latest", "--pre-releases") == ("3.15.0a1", "")
    assert pyorg("latest", "--pre-releases", "--supported") == ("3.14.0", "")
    assert pyorg("latest", "--supported", "--format", "tarball_deflate") == ("3.13.9", "")
    assert pyorg("latest", "--supported", "--series", "3.13,3.14") == ("3.13.9\n3.14.0", "")
    not_supported = "pyorg: 2.7 is not supported (end-of-life): ask without --supported"
    assert pyorg("latest", "2.7", "--supported") == ("", not_supported)
    tarball = ("--format", "tarball_deflate")
    assert pyorg("latest", "2.7", "--supported", *tarball) == ("", not_supported)
    assert pyorg("latest", "3.14", "--supported", "--arch", "amd64")[0] == ""
