"""What the README shows is what happens: its commands with their output, its Python, its SQL."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads
from pyorg_pipeline.site.replica import Replica
from pyorg_pipeline_tests.command_line import environment, pyorg

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each `$ command` of the README's console blocks with the output below it."""
    text = "".join(blocks("console"))
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


def lasting(output: str) -> str:
    """An output without what differs from one run, machine or terminal to the next."""
    output = re.sub(r"http://127\.0\.0\.1:\d+/", "http://127.0.0.1:PORT/", output)
    output = re.sub(r"\S*/catalog\b", "HOME/catalog", output)
    output = re.sub(r"\d+(\.\d+)? s\b", "N s", output)
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, .*", "TIME", output)
    return re.sub(r"^age .*", "age", output, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "shown"),
    [pair for pair in commands() if pair[0] != "pyorg refresh"],
    ids=lambda value: value.replace("pyorg ", "") if value.startswith("pyorg ") else "",
)
def test_a_query_gives_what_the_readme_shows(command: str, shown: str, catalog_home: Path) -> None:
    done = pyorg(catalog_home, *shlex.split(command)[1:])
    assert (done.returncode, done.stderr) == (0, "")
    assert lasting(done.stdout) == lasting(shown)


def test_a_refresh_and_another_one_give_what_the_readme_shows(
    whole_site: Replica, tmp_path: Path
) -> None:
    shown = [output for command, output in commands() if command == "pyorg refresh"]
    assert len(shown) == 2
    for output in shown:
        done = pyorg(tmp_path, "refresh", PYORG_SITE_URL=whole_site.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert lasting(done.stdout) == lasting(output)


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


def test_the_demo_runs_offline_and_shows_everything_that_the_readme_says(tmp_path: Path) -> None:
    home = tmp_path / "pyorg-demo"
    done = pyorg(home, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "This is a replica of python.org's download site" in done.stdout
    assert "The latest final release is 3.15.0:" in done.stdout
    assert "3.15.0/Python-3.15.0.tar.xz" in done.stdout
    assert f"{home}/catalog/artifact_catalog.parquet" in done.stdout
    assert f"PYORG_HOME={home} pyorg demo --ui" in done.stdout
    again = pyorg(home, "demo")
    assert "Nothing new: 222 release directories" in again.stdout
    assert "(1 request, " in again.stdout


def test_every_setting_is_in_the_readme() -> None:
    source = (README.parent / "pyorg_pipeline" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'value\("([A-Z_]+)"\)', source))
    assert len(names) == 6
    assert names == set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.MULTILINE))
