"""What changed, asked through the class and through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pyorg_pipeline import (
    CatalogChange,
    CatalogMissingError,
    InvalidArgumentError,
    PythonOrgDownloads,
)
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.reports.lines import result_text
from pyorg_pipeline.reports.tables import CHANGES_TABLE, table_lines
from pyorg_pipeline_tests.support.command_line import MODULE, pyorg
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site

INSTALLER = "3.14.0/python-3.14.0-amd64.exe"
TGZ = "3.13.9/Python-3.13.9.tgz"
SIGNATURE = "3.13.9/Python-3.13.9.tar.xz.asc"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home whose catalog has seen changes twice, and its site; to be read only."""
    home = tmp_path_factory.mktemp("changed-home")
    with Replica(small_site()) as site:
        fill(str(home / "catalog"), site.url)
        site.add(INSTALLER, size=28_123_456, last_modified=LONG_AGO)
        fill(str(home / "catalog"), site.url)
        site.replace(TGZ, size=29_000_001, last_modified=LONG_AGO)
        site.replace(SIGNATURE, size=834, last_modified=LONG_AGO)
        site.touch("3.13.9/", datetime.now(UTC))
        site.remove("2.7/UNWISE.EXE")
        fill(str(home / "catalog"), site.url)
        yield home, site.url


@pytest.fixture
def home(changed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home, as this process's."""
    monkeypatch.setenv("PYORG_HOME", str(changed[0]))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    return changed[0]


def paths(changes: list[CatalogChange]) -> list[tuple[str, str]]:
    return [(change.change, change.path) for change in changes]


@pytest.mark.usefixtures("home")
def test_changes_are_listed_with_the_newest_last_and_companions_when_asked_for(
    changed: tuple[Path, str],
) -> None:
    listed = PythonOrgDownloads.list_changes()
    of_artifacts = [("appeared", INSTALLER), ("vanished", "2.7/UNWISE.EXE"), ("replaced", TGZ)]
    assert paths(listed) == of_artifacts
    assert listed[2] == CatalogChange(
        change="replaced",
        path=TGZ,
        version="3.13.9",
        artifact_type="source-release",
        companion_of=None,
        size_before=29_000_000,
        size=29_000_001,
        last_modified_before=LONG_AGO,
        last_modified=LONG_AGO,
        sha256_before=None,
        seen_at=listed[2].seen_at,
        url=f"{changed[1]}{TGZ}",
    )
    with_companions = PythonOrgDownloads.list_changes(companions=True)
    assert paths(with_companions) == [*of_artifacts[:2], ("replaced", SIGNATURE), of_artifacts[2]]
    assert with_companions[2].companion_of == "3.13.9/Python-3.13.9.tar.xz"


@pytest.mark.usefixtures("home")
def test_since_is_a_time_its_text_or_an_age() -> None:
    first, *rest = every = PythonOrgDownloads.list_changes()
    for since, expected in (
        *((first.seen_at, rest), (first.seen_at.isoformat(), rest), (rest[-1].seen_at, [])),
        *(("1h", every), ("2025-01-01", every), ("0m", [])),
    ):
        assert PythonOrgDownloads.list_changes(since) == expected
    with pytest.raises(InvalidArgumentError, match="since 'yesterday' is not a valid time"):
        PythonOrgDownloads.list_changes("yesterday")


@pytest.mark.usefixtures("home")
def test_urls_are_of_the_configured_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYORG_SITE_URL", "https://mirror.example/python/")
    first = PythonOrgDownloads.list_changes()[0]
    assert first.url == f"https://mirror.example/python/{INSTALLER}"


def test_a_catalog_that_was_filled_once_has_no_changes(
    tmp_path: Path, changed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    with pytest.raises(CatalogMissingError):
        PythonOrgDownloads.list_changes()
    fill(str(tmp_path / "catalog"), changed[1])
    assert PythonOrgDownloads.list_changes() == []


def test_changes_are_a_line_each_in_a_pipe_and_objects_in_json(home: Path) -> None:
    listed = PythonOrgDownloads.list_changes()
    done = pyorg(home, "changes", COLUMNS="40")
    assert done.stdout.splitlines() == list(table_lines(CHANGES_TABLE, listed))
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(pyorg(home, "changes", "--json", "--since", "1d", "--companions").stdout)
    assert [one["path"] for one in found] == [*(one.path for one in listed[:2]), SIGNATURE, TGZ]
    assert (found[2]["size_before"], found[2]["size"]) == (833, 834)
    later = json.loads(pyorg(home, "changes", "--json", "--since", found[0]["seen_at"]).stdout)
    assert [one["path"] for one in later] == ["2.7/UNWISE.EXE", TGZ]


def test_no_changes_are_said_on_stderr_and_exit_1(home: Path) -> None:
    for arguments, printed in (((), ""), (("--json",), "[]\n")):
        none = pyorg(home, "changes", "--since", "2999-01-01", *arguments)
        assert (none.returncode, none.stdout) == (1, printed)
        time = "2999-01-01 00:00:00 UTC, which is in the future"
        assert none.stderr == f"pyorg: no changes recorded since {time}\n"


def test_the_methods_as_commands_print_a_line_a_change(home: Path) -> None:
    listed = PythonOrgDownloads.list_changes()
    done = pyorg(home, "PythonOrgDownloads", "list_changes", program=MODULE)
    assert (done.returncode, done.stdout, done.stderr) == (0, result_text(listed), "")
    assert done.stdout.endswith(
        f"Z  replaced  {TGZ}  (29000000 bytes, 2025-10-07T09:30Z -> 29000001 bytes, "
        "2025-10-07T09:30Z)\n"
    )
