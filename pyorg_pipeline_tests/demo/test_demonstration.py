"""`pyorg demo` fills a catalog of its own from a replica, offline."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pyorg_pipeline import cli
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, CatalogStore
from pyorg_pipeline.demo.demonstration import run_demo
from pyorg_pipeline.errors import InvalidArgumentError, SettingsError
from pyorg_pipeline_tests.support.command_line import pyorg
from pyorg_pipeline_tests.support.dagster_ui import free_port
from pyorg_pipeline_tests.support.small_site import small_site


@pytest.fixture
def small_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The replica serves the small site instead of the whole record, which takes seconds."""
    monkeypatch.setattr("pyorg_pipeline.demo.replica.server.read_record", small_site)


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that the demo has to ignore."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYORG_HOME", raising=False)
    monkeypatch.setenv("PYORG_SITE_URL", "http://127.0.0.1:9/nobody/")
    monkeypatch.setenv("PYORG_CATALOG_URL", str(tmp_path / "real-catalog"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "real-dagster"))
    return tmp_path


def site_of(home: Path) -> str:
    return str(CatalogStore(LocalLocation(home / "catalog")).metadata(DIRECTORIES_FILE)["site_url"])


def test_the_demo_shows_the_latest_release_the_tables_and_commands_that_work(
    tmp_path: Path,
) -> None:
    home = tmp_path / "a home"
    done = pyorg(home, "demo", PATH=str(Path(sys.executable).parent))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "This is a replica of python.org's download site, on this machine"
    )
    [latest] = re.findall(r"^The latest final release is (\S+):$", done.stdout, re.MULTILINE)
    table = [line for line in done.stdout.splitlines() if f" {latest}/" in line]
    assert len(table) > 10
    assert all(line.startswith(f"{latest} ") for line in table)
    for name in ("release_directories", "artifact_catalog", "latest_version"):
        [path] = re.findall(rf"^  (.+/{name}\.parquet)$", done.stdout, re.MULTILINE)
        assert Path(path).is_file()
    suggested = re.findall(r"^  PYORG_HOME=(.+)$", done.stdout, re.MULTILINE)
    assert len(suggested) == 5
    for line in suggested:
        at, program, *arguments = shlex.split(line)
        assert (at, program) == (str(home), "pyorg")
        if arguments not in (["demo", "--ui"], ["download", "3.14"]):
            assert pyorg(home, *arguments).returncode == 0


@pytest.mark.usefixtures("small_record")
def test_a_second_demo_reuses_its_port_or_refreshes_everything(
    in_tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, program = in_tmp_path / "pyorg-demo", in_tmp_path / ".venv" / "bin" / "pyorg"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    assert run_demo() == 0
    assert set(in_tmp_path.iterdir()) == {home, in_tmp_path / ".venv"}
    assert {path.name for path in home.iterdir()} >= {"catalog", "dagster"}
    printed, warnings = capsys.readouterr()
    assert warnings == caplog.text == ""
    assert "The latest final release is 3.14.0:\n" in printed
    assert f"\n  PYORG_HOME={home} .venv/bin/pyorg demo --ui\n" in printed
    assert printed.endswith(f"\n  PYORG_HOME={home} .venv/bin/pyorg download 3.14\n")
    site = site_of(home)
    run_demo()
    assert site_of(home) == site
    assert "\nNothing new: 5 release directories" in capsys.readouterr().out
    with socket.create_server(("127.0.0.1", urlsplit(site).port or 0)):
        assert run_demo() == 0
    assert site_of(home) != site
    assert "5 read (full 5)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "site", ["https://www.python.org/ftp/python/", "http://127.0.0.1:8000/ftp/python/"]
)
def test_a_catalog_that_no_demo_has_filled_is_not_overwritten(
    site: str, in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_tmp_path / ".replicas").write_text("http://127.0.0.1:8001/ftp/python/\n")
    monkeypatch.setenv("PYORG_HOME", str(in_tmp_path))
    now = datetime.now(UTC)
    facts = {"site_url": site, "checked_at": now}
    store = CatalogStore(LocalLocation(in_tmp_path / "catalog"))
    store.write(DIRECTORIES_FILE, [], {**facts, "generated_at": now})
    with pytest.raises(SettingsError, match=f"{site}, .* does not overwrite"):
        run_demo()
    assert site_of(in_tmp_path) == site


@pytest.mark.usefixtures("small_record")
def test_the_replica_serves_while_the_ui_runs(
    in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(settings: object, port: int) -> int:
        site = urlsplit(getattr(settings, "site_url", ""))
        socket.create_connection((str(site.hostname), site.port or 0)).close()
        home = in_tmp_path / "pyorg-demo"
        assert getattr(settings, "home", None) == home
        monkeypatch.setenv("PYORG_HOME", str(home))
        for name in ("PYORG_SITE_URL", "PYORG_CATALOG_URL", "DAGSTER_HOME"):
            monkeypatch.delenv(name)
        # The made-up files of the small record have no digests.
        assert cli.main(["download", "3.14", "--verify", "size"]) == 0
        assert Path("Python-3.14.0.tar.xz").is_file()
        return port

    monkeypatch.setattr("pyorg_pipeline.demo.demonstration.serve_ui", serve)
    port = free_port()
    assert run_demo(ui_port=port) == port


def test_a_port_that_is_in_use_is_refused_before_anything_is_crawled(in_tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidArgumentError, match=f"port {port} of .* not available"):
            run_demo(ui_port=port)
    assert list(in_tmp_path.iterdir()) == []
