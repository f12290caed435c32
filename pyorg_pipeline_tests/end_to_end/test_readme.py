"""The README's commands give the output that it shows; its Python, its SQL and its shell run."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline import CatalogMissingError, PythonOrgDownloads
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.command_line import pyorg
from pyorg_pipeline_tests.support.published import sha256_of

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
PAGES = sorted((README.parent / "docs").glob("*.md"))


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def block(language: str, marker: str) -> str:
    [found] = [one for one in blocks(language) if marker in one]
    return found


def commands() -> list[tuple[str, str]]:
    """Each `$ command` of the README's console blocks with the output below it."""
    text = "".join(blocks("console"))
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


def stable(output: str) -> str:
    """An output without what differs between runs, machines and terminals."""
    output = re.sub(r"http://127\.0\.0\.1:\d+/", "http://127.0.0.1:PORT/", output)
    output = re.sub(r"\S*/catalog\b", "HOME/catalog", output)
    output = re.sub(r"\S*/tarballs/", "HERE/tarballs/", output)
    output = re.sub(r"^((?:fetched|skipped) +\w+ +)[\d.]+ +", r"\1N ", output, flags=re.MULTILINE)
    return re.sub(r"\d+(\.\d+)? s\b", "N s", output)


def test_the_readme_says_which_directories_stay_out(catalog_home: Path) -> None:
    table = CatalogStore(LocalLocation(catalog_home / "catalog")).read(CATALOG_FILE).table
    assert {path.count("/") for path in table["path"].to_pylist()} == {1}
    assert {"doc", "rpms", "pymanager"}.isdisjoint(table["directory"].to_pylist())
    introduction = " ".join(TEXT.partition("\n## ")[0].split())
    for words in ("files directly in release directories", "`rpms/`", "`doc/`", "stay out"):
        assert words in introduction


@pytest.fixture(scope="module")
def own_site() -> Iterator[Replica]:
    """The whole record with a catalog of its own, for downloads."""
    with Replica() as replica:
        yield replica


@pytest.fixture(scope="module")
def own_home(own_site: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("own-home")
    done = pyorg(home, "refresh", PYORG_SITE_URL=own_site.url)
    assert (done.returncode, done.stderr) == (0, "")
    (home / "refresh.txt").write_text(done.stdout)
    return home


@pytest.fixture
def folder(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory beside the catalog of that site."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYORG_HOME", str(own_home))
    return tmp_path


@pytest.mark.parametrize(
    ("command", "shown"), [one for one in commands() if one[0] != "pyorg refresh"]
)
def test_a_command_gives_what_the_readme_shows(
    command: str, shown: str, own_home: Path, own_site: Replica, folder: Path
) -> None:
    done = pyorg(own_home, *shlex.split(command)[1:], PYORG_SITE_URL=own_site.url)
    assert done.returncode == 0
    # The report of a download stands above the paths on a terminal, too.
    assert stable(done.stderr + done.stdout) == stable(shown)
    files = {path.name for path in folder.rglob("*") if path.is_file()}
    downloaded = "download" in command
    assert files == (
        {Path(line).name for line in done.stdout.splitlines()} if downloaded else set()
    )


def test_a_refresh_and_another_one_give_what_the_readme_shows(
    own_home: Path, own_site: Replica
) -> None:
    first = (own_home / "refresh.txt").read_text()
    again = pyorg(own_home, "refresh", PYORG_SITE_URL=own_site.url)
    assert (again.returncode, again.stderr) == (0, "")
    shown = [stable(output) for command, output in commands() if command == "pyorg refresh"]
    assert [stable(first), stable(again.stdout)] == shown


def test_older_releases_of_the_replica_need_verify_size(
    own_home: Path, own_site: Replica, folder: Path
) -> None:
    assert "its older releases are not real archives and need `--verify size`" in TEXT
    command = ("download", "2.7.18", "-q")
    refused = pyorg(own_home, *command, PYORG_SITE_URL=own_site.url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("pyorg: 2.7.18/Python-2.7.18.tar.xz: ")
    assert list(folder.iterdir()) == []
    done = pyorg(own_home, *command, "--verify", "size", PYORG_SITE_URL=own_site.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/Python-2.7.18.tar.xz\n"


def test_the_download_example_of_the_readme_runs(
    own_site: Replica, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = block("python", "download_release")
    exec(example, {})
    tarball = folder / "tarballs" / "Python-3.13.9.tar.xz"
    assert capsys.readouterr().out == f"{tarball.stat().st_size}\n"
    sha256 = sha256_of(tarball.read_bytes())
    tarball.unlink()
    other = b"x" * 22_681_368
    own_site.answer("3.13.9/Python-3.13.9.tar.xz", Answer(body=other), times=1)
    exec(example, {})
    # The first download has proved the digest.
    printed = f"SHA-256 {sha256} the catalog, from download {sha256_of(other)}\n"
    assert capsys.readouterr().out == printed
    assert list((folder / "tarballs").iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_the_library_example_of_the_readme_gives_what_its_comments_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = block("python", "for artifact in")
    exec(example, {})
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"python-3.13.9-arm64.exe", "python-3.13.9-macos11.pkg"} <= {*names}
    assert all(re.search("arm64|aarch64|macos11", name) for name in names)
    lines = [line.split("  # ") for line in example.splitlines() if "  # " in line]
    assert len(lines) == 3
    for expression, comment in lines:
        found = eval(expression, {"PythonOrgDownloads": PythonOrgDownloads})
        assert repr(found) == comment, expression


@pytest.mark.usefixtures("folder")
def test_a_class_for_a_mirror_has_a_catalog_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    names: dict[str, Any] = {"PythonOrgDownloads": PythonOrgDownloads}
    exec(block("python", "class Mirror"), names)
    with pytest.raises(CatalogMissingError, match=r"sites/https-mirror\.example-python/catalog"):
        names["Mirror"].latest_version()


@pytest.fixture
def beside_a_demo(folder: Path, own_home: Path) -> None:
    """Put a pyorg-demo and a catalog into the working directory, as in the examples."""
    (folder / "pyorg-demo").symlink_to(own_home, target_is_directory=True)
    (folder / "catalog").symlink_to(own_home / "catalog", target_is_directory=True)


@pytest.mark.usefixtures("beside_a_demo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_sql_of_the_pages_runs() -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(block("sql", "DuckDB")).fetchall()
    files = {arch: count for arch, count, _ in rows}
    assert list(files.values()) == sorted(files.values(), reverse=True)
    assert {"amd64", "arm64", "win32"} <= files.keys()
    found = PythonOrgDownloads.list_all_release_artifacts(
        final_only=True, artifact_type="windows-release", arch="arm64"
    )
    assert files["arm64"] == len(found)
    page = (README.parent / "docs" / "releases.md").read_text(encoding="utf-8")
    [query] = blocks("sql", page)
    states = dict(duckdb.sql(query).fetchall())
    assert states == {one.version: one.state for one in PythonOrgDownloads.list_releases("3.14")}


@pytest.mark.usefixtures("beside_a_demo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_polars_reads_the_tables_as_the_readme_says() -> None:
    pytest.importorskip("polars")
    statement, expression = ast.parse(block("python", "polars")).body
    names: dict[str, Any] = {}
    exec(ast.unparse(statement), names)
    latest = eval(ast.unparse(expression), names)
    assert latest["final_only"].all()
    assert "3.15.0" in list(latest["version"])


#: Lines of shell that no test runs, and why.
NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/pyorg demo": (
        "installs from a registry; test_demonstration runs `pyorg demo`"
    ),
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest": (
        "installs from a registry, and runs these tests; .ci/run does it"
    ),
    "pip install '.[s3]'": "installs from a registry",
    "export PYORG_SITE_URL=http://127.0.0.1:8000/ftp/python/": "nothing need listen there",
    "pyorg ui": "does not end; test_ui and test_automation start the same",
    "PYORG_HOME=~/mirror PYORG_SITE_URL=https://mirror.example/python/ pyorg ui --port 3001": (
        "does not end, and there is no such mirror"
    ),
    "export PYORG_CATALOG_URL=s3://bucket/prefix": "there is no such bucket",
    "pyorg refresh": "has a test of its own",
}


def shell_lines() -> list[str]:
    """Every line of shell, and every command without output, in the README and the pages."""
    lines: list[str] = []
    for file in [README, *PAGES]:
        text = file.read_text(encoding="utf-8")
        lines += [line.partition("  #")[0] for line in "".join(blocks("sh", text)).splitlines()]
        if file != README:
            lines += re.findall(r"^\$ (.*)$", "".join(blocks("console", text)), re.MULTILINE)
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


@pytest.mark.parametrize("line", [line for line in shell_lines() if line not in NOT_RUN])
def test_a_line_of_shell_runs(line: str, catalog_home: Path) -> None:
    program, *arguments = shlex.split(line)
    assert program == "pyorg"
    done = pyorg(catalog_home, *arguments)
    if is_empty := arguments[0] == "changes":
        # Nothing changes on a site of the past.
        assert done.stderr.startswith("pyorg: no changes recorded since ")
    assert done.returncode == int(is_empty)
    assert is_empty or not done.stderr
    assert done.stdout + done.stderr


def test_every_block_of_the_pages_has_a_test() -> None:
    assert set(NOT_RUN) <= set(shell_lines())
    kinds = set()
    for file in [README, *PAGES]:
        text = file.read_text(encoding="utf-8")
        kinds |= set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) - {""}
        if file != README:
            assert not blocks("python", text), file
    # test_pages looks at text, yaml, ini and dockerfile; test_notifications at json.
    assert kinds == {"console", "python", "sh", "sql", "text", "yaml", "ini", "json", "dockerfile"}
    assert len(blocks("python")) == 4
