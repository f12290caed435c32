"""The README's commands give the output that it shows; its Python and SQL run."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline import CatalogMissingError, PythonOrgDownloads
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.command_line import environment, pyorg
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import sha256_of

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


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


def of_kind(downloads: bool) -> pytest.MarkDecorator:
    """The commands that download, or the queries."""
    return pytest.mark.parametrize(
        ("command", "shown"),
        [
            (command, shown)
            for command, shown in commands()
            if command != "pyorg refresh" and ("download" in command) == downloads
        ],
        ids=lambda value: value.replace("pyorg ", "") if value.startswith("pyorg ") else "",
    )


@of_kind(downloads=False)
def test_a_query_gives_what_the_readme_shows(
    command: str,
    shown: str,
    catalog_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pyorg(catalog_home, *shlex.split(command)[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert stable(done.stdout) == stable(shown)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def own_site() -> Iterator[Replica]:
    """The whole record with a catalog of its own, for downloads."""
    with Replica() as replica:
        yield replica


@pytest.fixture(scope="module")
def own_home(own_site: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PYORG_HOME with the catalog of that site."""
    home = tmp_path_factory.mktemp("own-home")
    fill(str(home / "catalog"), own_site.url)
    return home


@of_kind(downloads=True)
def test_a_download_gives_what_the_readme_shows(
    command: str,
    shown: str,
    own_home: Path,
    own_site: Replica,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pyorg(own_home, *shlex.split(command)[1:], PYORG_SITE_URL=own_site.url)
    assert done.returncode == 0
    # The report, which stands above the paths on a terminal, too.
    assert stable(done.stderr + done.stdout) == stable(shown)
    paths = [Path(line) for line in done.stdout.splitlines() if "/" in line or ".tar" in line]
    assert paths
    assert all(path.is_file() for path in paths)
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(path.name for path in paths)


def test_older_releases_of_the_replica_need_verify_false(
    own_home: Path, own_site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "its older releases are not real archives and need\n`--verify false`" in TEXT
    monkeypatch.chdir(tmp_path)
    command = ("PythonOrgDownloads", "download_release", "2", "7", "--micro", "18")
    refused = pyorg(own_home, *command, PYORG_SITE_URL=own_site.url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("pyorg: Python-2.7.18.tar.xz: ")
    assert list(tmp_path.iterdir()) == []
    done = pyorg(own_home, *command, "--verify", "false", PYORG_SITE_URL=own_site.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Python-2.7.18.tar.xz\n", "")


def test_the_download_example_of_the_readme_runs(
    own_home: Path, own_site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYORG_HOME", str(own_home))
    [example] = [block for block in blocks("python") if "download_release" in block]

    def printed() -> str:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(example, {})
        return output.getvalue()

    path = "3.13.9/Python-3.13.9.tar.xz"
    assert printed() == f"{(tmp_path / 'tarballs' / path.rpartition('/')[2]).stat().st_size}\n"
    (tmp_path / "tarballs" / "Python-3.13.9.tar.xz").unlink()
    other = b"x" * 22_681_368
    own_site.answer(path, Answer(body=other), times=1)
    digest = sha256_of(other)
    assert re.fullmatch(rf"SHA-256 [0-9a-f]{{64}} the site's \S+\.sigstore {digest}\n", printed())
    assert list((tmp_path / "tarballs").iterdir()) == []


def test_a_refresh_and_another_one_give_what_the_readme_shows(
    whole_site: Replica, tmp_path: Path
) -> None:
    shown = [output for command, output in commands() if command == "pyorg refresh"]
    assert len(shown) == 2
    for output in shown:
        done = pyorg(tmp_path, "refresh", PYORG_SITE_URL=whole_site.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert stable(done.stdout) == stable(output)


def test_the_python_of_the_readme_gives_what_its_comments_say(
    catalog_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(catalog_home))
    lines = [line for block in blocks("python") for line in block.splitlines() if "  # " in line]
    assert len(lines) == 3
    for line in lines:
        expression, _, comment = line.partition("  # ")
        found = eval(expression, {"PythonOrgDownloads": PythonOrgDownloads})
        assert repr(found) == comment.strip(), expression


def test_the_library_example_of_the_readme_runs(catalog_home: Path) -> None:
    example = blocks("python")[0]
    done = subprocess.run(
        [sys.executable, "-c", example],
        env=environment(catalog_home),
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert "python-3.13.9-arm64.exe" in names
    assert all("arm64" in name or "aarch64" in name for name in names)


def run_python(block: str) -> list[object]:
    """Run a block; returns the values of its expressions."""
    names: dict[str, object] = {}
    values = []
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Expr):
            values.append(eval(compile(ast.Expression(statement.value), "block", "eval"), names))
        else:
            exec(compile(ast.Module([statement], []), "block", "exec"), names)
    return values


@pytest.fixture
def beside_a_demo(
    catalog_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Change to a folder with a pyorg-demo and a catalog, as in the examples."""
    (tmp_path / "pyorg-demo").symlink_to(catalog_home, target_is_directory=True)
    (tmp_path / "catalog").symlink_to(catalog_home / "catalog", target_is_directory=True)
    monkeypatch.setenv("PYORG_HOME", str(catalog_home))
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        # Ignore warnings of other packages while they are imported.
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("beside_a_demo")
def test_the_sql_of_the_readme_runs() -> None:
    duckdb = pytest.importorskip("duckdb")
    [query] = blocks("sql")
    rows = duckdb.sql(query).fetchall()
    files = {arch: count for arch, count, _ in rows}
    assert list(files.values()) == sorted(files.values(), reverse=True)
    assert {"amd64", "arm64", "win32"} <= files.keys()
    asked = PythonOrgDownloads.list_all_release_artifacts
    found = asked(final_only=True, artifact_type="windows-release", arch="arm64")
    assert files["arm64"] == sum(
        one.release_version[0] == 3 for one in found if one.release_version
    )


@pytest.mark.usefixtures("beside_a_demo")
def test_the_sql_of_the_page_on_releases_runs() -> None:
    duckdb = pytest.importorskip("duckdb")
    page = (README.parent / "docs" / "releases.md").read_text(encoding="utf-8")
    [query] = blocks("sql", page)
    states = dict(duckdb.sql(query).fetchall())
    assert states == {one.version: one.state for one in PythonOrgDownloads.list_releases("3.14")}


@pytest.mark.usefixtures("beside_a_demo")
def test_polars_reads_the_tables_as_the_readme_says() -> None:
    pytest.importorskip("polars")
    [block] = [block for block in blocks("python") if "polars" in block]
    [latest] = run_python(block)
    assert latest["final_only"].all()  # type: ignore[index]
    assert "3.15.0" in list(latest["version"])  # type: ignore[index]


def test_a_class_for_a_mirror_has_a_catalog_of_its_own(
    catalog_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_HOME", str(catalog_home))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    [block] = [block for block in blocks("python") if "class Mirror" in block]
    names: dict[str, Any] = {"PythonOrgDownloads": PythonOrgDownloads}
    exec(block, names)
    with pytest.raises(CatalogMissingError, match=r"sites/https-mirror\.example-python/catalog"):
        names["Mirror"].latest_version()


#: Lines of shell that no test runs, and why.
NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/pyorg demo": (
        "installs from a registry; test_demonstration runs `pyorg demo`"
    ),
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest": (
        "installs from a registry, and runs these tests; .ci/run does it"
    ),
    "pip install '.[s3]'": "installs from a registry",
    "python -m pyorg_pipeline.demo.replica --port 8000": "does not end; test_replica starts it",
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
    for file in [README, *sorted((README.parent / "docs").glob("*.md"))]:
        text = file.read_text(encoding="utf-8")
        shell = [
            line.partition("  #")[0] for block in blocks("sh", text) for line in block.splitlines()
        ]
        if file != README:
            shell += re.findall(r"^\$ (.*)$", "".join(blocks("console", text)), re.MULTILINE)
        lines += [line.strip() for line in shell]
    return list(dict.fromkeys(lines))


@pytest.mark.parametrize("line", [line for line in shell_lines() if line not in NOT_RUN])
def test_a_line_of_shell_runs(
    line: str, catalog_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line)
    assert program == "pyorg"
    done = pyorg(catalog_home, *arguments)
    assert done.returncode == 0
    # Nothing changes on a site of the past.
    assert done.stderr in {"", "no changes\n"}
    assert done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_line_that_is_not_run_exists() -> None:
    assert set(NOT_RUN) <= set(shell_lines())


def test_every_kind_of_block_has_a_test() -> None:
    kinds = set()
    for file in [README, *(README.parent / "docs").glob("*.md")]:
        text = file.read_text(encoding="utf-8")
        kinds |= set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) - {""}
        if file != README:
            assert not blocks("python", text), file
    # test_pages looks at text, yaml and ini; test_notifications at json.
    assert kinds == {"console", "python", "sh", "sql", "text", "yaml", "ini", "json"}
    markers = ["for artifact in", "class Mirror", "download_release", "polars"]
    assert len(blocks("python")) == len(markers)
    for block, marker in zip(blocks("python"), markers, strict=True):
        assert marker in block
