"""What the README shows is what happens: its commands with their output, its Python, its SQL."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from pyorg_pipeline import PythonOrgDownloads
from pyorg_pipeline.site.replica import Answer, Replica
from pyorg_pipeline_tests.command_line import environment, pyorg
from pyorg_pipeline_tests.filling import fill
from pyorg_pipeline_tests.published import bundle_bytes, sbom_bytes, sha256_of

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
    output = re.sub(r"\S*/tarballs/", "HERE/tarballs/", output)
    output = re.sub(r"^((?:fetched|skipped) +\w+ +)[\d.]+ +", r"\1N ", output, flags=re.MULTILINE)
    output = re.sub(r"\d+(\.\d+)? s\b", "N s", output)
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, .*", "TIME", output)
    return re.sub(r"^age .*", "age", output, flags=re.MULTILINE)


def of_kind(downloads: bool) -> pytest.MarkDecorator:
    """The commands that download, or those that ask."""
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
    assert lasting(done.stdout) == lasting(shown)
    assert list(tmp_path.iterdir()) == []


#: What the README downloads.
DOWNLOADED = [
    "3.12.15/Python-3.12.15.tar.xz",
    "3.13.9/Python-3.13.9.tar.xz",
    "3.13.9/python-3.13.9-arm64.exe",
    "3.13.16/Python-3.13.16.tar.xz",
    "3.14.8/Python-3.14.8.tar.xz",
]


@pytest.fixture(scope="module")
def proven_site() -> Iterator[Replica]:
    """The whole record again, with files about what is downloaded that tell its digest."""
    with Replica() as replica:
        for path in DOWNLOADED:
            with urlopen(f"{replica.url}{path}") as answer:
                digest = sha256_of(answer.read())
            name = path.rpartition("/")[2]
            replica.replace(f"{path}.sigstore", content=bundle_bytes(digest))
            replica.replace(f"{path}.spdx.json", content=sbom_bytes(digest, name))
        yield replica


@pytest.fixture(scope="module")
def proven_home(proven_site: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PYORG_HOME with the catalog of that site."""
    home = tmp_path_factory.mktemp("proven-home")
    fill(str(home / "catalog"), proven_site.url)
    return home


@of_kind(downloads=True)
def test_a_download_gives_what_the_readme_shows(
    command: str,
    shown: str,
    proven_home: Path,
    proven_site: Replica,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pyorg(proven_home, *shlex.split(command)[1:], PYORG_SITE_URL=proven_site.url)
    assert done.returncode == 0
    # The report, which stands above the paths on a terminal, too.
    assert lasting(done.stderr + done.stdout) == lasting(shown)
    paths = [Path(line) for line in done.stdout.splitlines() if "/" in line or ".tar" in line]
    assert paths
    assert all(path.is_file() for path in paths)
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(path.name for path in paths)


def test_downloads_from_the_replica_want_what_the_readme_says(
    catalog_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "downloads from it want `--verify false`" in TEXT
    monkeypatch.chdir(tmp_path)
    command = ("PythonOrgDownloads", "download_release", "3", "13", "--micro", "9")
    refused = pyorg(catalog_home, *command)
    assert refused.returncode == 1
    assert "Python-3.13.9.tar.xz.sigstore: it is not JSON" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    done = pyorg(catalog_home, *command, "--verify", "false")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Python-3.13.9.tar.xz\n", "")


def test_the_download_example_of_the_readme_runs(
    proven_home: Path, proven_site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYORG_HOME", str(proven_home))
    [example] = [block for block in blocks("python") if "download_release" in block]

    def said() -> str:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(example, {})
        return output.getvalue()

    path = DOWNLOADED[1]
    assert said() == f"{(tmp_path / 'tarballs' / path.rpartition('/')[2]).stat().st_size}\n"
    (tmp_path / "tarballs" / "Python-3.13.9.tar.xz").unlink()
    other = b"x" * 22_681_368
    proven_site.answer(path, Answer(body=other), times=1)
    digest = sha256_of(other)
    assert re.fullmatch(rf"SHA-256 [0-9a-f]{{64}} the site's \S+\.sigstore {digest}\n", said())
    assert list((tmp_path / "tarballs").iterdir()) == []


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
    assert len(names) == 7
    assert names == set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.MULTILINE))
