"""The command line: in this process, and as processes of its own where that matters."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from pyorg_pipeline import PythonOrgDownloads, cli
from pyorg_pipeline import __main__ as module_program
from pyorg_pipeline.cli_options import ARCHITECTURES, FORMATS, LEVELS, TYPES, translated
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import InvalidArgumentError, UnverifiableError
from pyorg_pipeline.reports.tables import ARTIFACTS, RELEASES, table_lines
from pyorg_pipeline_tests.support.command_line import (
    MODULE,
    PYORG,
    environment,
    on_a_terminal,
    pyorg,
    without_colours,
)
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.processes import started

COMMANDS = ["latest", "series", "versions", "releases", "list", "changes", "info", "download"]
COMMANDS += ["lock", "verify", "confirm", "refresh", "ui", "demo"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="terminals and signals of POSIX")


class Catalog(PythonOrgDownloads):
    """The same catalog as the commands ask."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[[str], Done]


@pytest.fixture(scope="module", autouse=True)
def same_catalog(catalog_home: Path) -> None:
    Catalog.CATALOG_URL = str(catalog_home / "catalog")


@pytest.fixture
def run(
    catalog_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in this process."""
    monkeypatch.setenv("PYORG_HOME", str(catalog_home))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    monkeypatch.setenv("COLUMNS", "80")

    def run(line: str) -> Done:
        logger = logging.getLogger("pyorg_pipeline")
        before = logger.level
        try:
            return Done(cli.main(shlex.split(line)), *capsys.readouterr())
        finally:
            logger.setLevel(before)

    return run


def names(done: Done) -> list[str]:
    """The names in a table of artifacts in a pipe."""
    assert (done.code, done.err) == (0, "")
    return [line.rpartition("/")[2] for line in done.out.splitlines()[1:]]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ("", "3.15.0"),
        ("3.13", "3.13.16"),
        ("--series 3.13,3.12", "3.13.16\n3.12.15"),
        ("3.12 --type windows-release --arch win32", "3.12.10"),
        ("3.14 --pre-releases", "3.14.8"),
        ("3.15 --level candidate,beta", "3.15.0rc3"),
        ("3.12 --free-threaded --pre-releases --type windows-release", ""),
        ("--attribute embed=true --arch arm64 3.11", "3.11.9"),
        ("--complete --format tarball_lzma 3.14", "3.14.8"),
    ],
)
def test_latest_prints_the_newest_version_that_has_what_is_asked_for(
    run: Run, arguments: str, printed: str
) -> None:
    done = run(f"latest {arguments}")
    if not printed:
        assert done.code == 1
        assert done.err.startswith("pyorg: no artifact matches series 3.12, --type windows-release")
        return
    assert done == (0, f"{printed}\n", "")


@pytest.mark.parametrize(
    ("attributes", "newest"),
    [
        ("free_threaded=true", (3, 15, 0)),
        ("embed=true,arch=win32", (3, 15, 0)),
        ("test=true", (3, 15, 0)),
        ("min_macos=10.9", (3, 9, 13)),
        ("oldest_macos=10.13", (3, 13, 16)),
        ("arch=universal2", (3, 15, 0)),
        ("superseded=true", (3, 10, 0)),
    ],
)
def test_attributes_filter_alike_in_the_library_and_on_the_command_line(
    run: Run, capsys: pytest.CaptureFixture[str], attributes: str, newest: tuple[int, int, int]
) -> None:
    options = "".join(f" --attribute {one}" for one in attributes.split(","))
    version = "{}.{}.{}".format(*newest)
    assert Catalog.latest_version(attributes=attributes) == newest
    assert run(f"latest{options}").out == f"{version}\n"
    words = f"PythonOrgDownloads latest_version --attributes {attributes}"
    assert module_program.main(words.split()) == 0
    assert capsys.readouterr().out == f"{version}\n"
    as_dict = dict(one.split("=") for one in attributes.split(","))
    listed = Catalog.list_all_release_artifacts(final_only=True, attributes=as_dict)
    assert {one.name for one in listed} == {*names(run(f"list{options}"))}
    of_newest = Catalog.list_version_artifacts(*newest, attributes=attributes)
    assert of_newest == [one for one in listed if one.version == version]
    assert len(of_newest) < len(Catalog.list_version_artifacts(*newest))
    with pytest.raises(InvalidArgumentError, match="the attribute 'arch' is given twice"):
        Catalog.latest_version(arch="amd64", attributes={"arch": "arm64"})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("latest 3.13", "3.13.16"),
        ("latest --series 3.13,3.12", ["3.13.16", "3.12.15"]),
    ],
)
def test_json_is_the_same_before_and_after_the_command(run: Run, line: str, value: object) -> None:
    for with_json in (f"--json {line}", f"{line} --json"):
        done = run(with_json)
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out) == value


def test_versions_are_those_that_were_released(run: Run) -> None:
    finals = [one.text for one in Catalog.list_release_versions() if one[:2] == (3, 9)]
    assert run("versions 3.9").out.split() == finals
    every = [one.version for one in Catalog.list_releases("3.9")]
    assert json.loads(run("versions 3.9 --pre-releases --json").out) == every
    assert len(every) > len(finals) > 20


def test_tables_in_a_pipe_are_a_line_an_item(run: Run) -> None:
    listed = Catalog.list_version_artifacts(3, 13, 9)
    assert run("list 3.13.9").out.splitlines() == list(table_lines(ARTIFACTS, listed))
    found = json.loads(run("list 3.13.9 --json").out)
    assert [one["path"] for one in found] == [one.path for one in listed]
    releases = Catalog.list_releases("3.14", final_only=True)
    assert run("releases 3.14").out.splitlines() == list(table_lines(RELEASES, releases))
    every = Catalog.list_all_release_artifacts()
    # A header, and all but unrecognised files; one of them is superseded.
    assert len(run("list --pre-releases").out.splitlines()) == 1 + len(every)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("3.9.25", ["Python-3.9.25.tar.xz", "Python-3.9.25.tgz"]),
        ("3.9", ["Python-3.9.25.tar.xz", "Python-3.9.25.tgz"]),
        ("3.9.25 --format tarball_lzma", ["Python-3.9.25.tar.xz"]),
        (
            "3.15.0-RC1 --type windows-release --arch arm64 --format executable",
            ["python-3.15.0rc1-arm64.exe"],
        ),
        ("3.9.25 3.8 --format tarball_lzma", ["Python-3.8.19.tar.xz", "Python-3.9.25.tar.xz"]),
        (
            "3.13.9 --arch AMD64,win32 --free-threaded --attribute embed=false",
            ["python-3.13.9t-amd64.zip", "python-3.13.9t-win32.zip"],
        ),
    ],
)
def test_list_selects_by_versions_and_options(
    run: Run, arguments: str, expected: list[str]
) -> None:
    assert names(run(f"list {arguments}")) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("3.13.9", ["Python-3.13.9.tar.xz"]),
        ("3.13 2.7.18", ["Python-2.7.18.tar.xz", "Python-3.13.16.tar.xz"]),
        ("2.0.1", ["Python-2.0.1.tgz"]),
        ("python-3.13.9-arm64.exe", ["python-3.13.9-arm64.exe"]),
        ("3.13.9/Python-3.13.9.tgz 3.13.9", ["Python-3.13.9.tar.xz", "Python-3.13.9.tgz"]),
        (
            "3.13.9 --type windows-release --arch arm64 --format executable",
            ["python-3.13.9-arm64.exe"],
        ),
        ("--series 3.13,3.12 --limit 1", ["Python-3.13.16.tar.xz"]),
        ("SITE3.13.9/Python-3.13.9.tgz", ["Python-3.13.9.tgz"]),
    ],
)
def test_a_dry_run_lists_what_would_be_downloaded(
    run: Run, arguments: str, expected: list[str]
) -> None:
    # URLs of the site are paths, too.
    arguments = arguments.replace("SITE", Catalog.catalog_info().site_url)
    assert names(run(f"download --dry-run {arguments}")) == expected


def test_a_release_without_a_usual_packing_is_downloaded_in_another(
    run: Run, site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add("3.12.1/Python-3.12.1.tar.Z")
    fill(str(tmp_path / "catalog"), site.url)
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    assert names(run("download --dry-run 3.12.1 3.13.9")) == [
        "Python-3.12.1.tar.Z",
        "Python-3.13.9.tar.xz",
    ]


def test_all_versions_of_a_series_are_downloaded_on_demand(run: Run) -> None:
    listed = names(run("download --dry-run --series 3.9 --all-versions"))
    finals = [one.text for one in Catalog.list_release_versions() if one[:2] == (3, 9)]
    assert listed == [f"Python-{text}.tar.xz" for text in finals]
    assert names(run("download --dry-run 3.9 --all-versions")) == listed
    assert run("latest --series 3.9,3.8").out == "3.9.25\n3.8.19\n"
    # Superseded files are listed, and not downloaded.
    superseded = "python-3.10.0-macos11.pkg_superceded"
    assert superseded in names(run("list 3.10.0"))
    assert superseded not in names(run("download --dry-run 3.10.0 --type macos-release"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lst", "(Did you mean one of: 'latest', 'list'?) See `pyorg --help`"),
        (
            "latest --serie 3.13",
            "(Did you mean one of: '--series', '--verbose'?) See `pyorg latest --help`",
        ),
        ("list 3.13.9 --arch x64", "Did you mean amd64? See `pyorg list --help`"),
        ("list 3.13.9 --type windows", "Did you mean windows-release? See"),
        ("list 3.13.9 --format tgz", "Did you mean tarball_deflate? See"),
        ("latest --level rc", "'rc' is not one of alpha, beta, candidate, final. Did you mean"),
        ("list v3.13.9", "or 3.15.0rc1, or a series such as 3.13. Did you mean 3.13.9?"),
        ("latest 3.13.9", "is not a series such as 3.13. Did you mean 3.13? See"),
        ("latest python", "pyorg: 'python' is not a series such as 3.13. See"),
        ("latest 3", "'3' is not a series such as 3.13: the minor version is missing. See"),
        ("download", "an artifact's name or path, or options such as --series. See"),
        ("download 3.13 --limit -1", "'--limit': -1 is not in the range x>=0. See"),
        ("download 3.13 --verify true", "one of auto, digest, signature, size. Did you mean auto?"),
        ("list 3.13 --attribute colour=red", "'debug', 'free_threaded', 'embed', "),
        ("changes --since yesterday", "--since 'yesterday' is not a valid time; give a date"),
        ("list 3.13.9 --arch foo", "'foo' is not one of amd64, arm64, win32, x86_64, alpha, arm, "),
        ("latest --attribute embed", "'embed' is not of the form NAME=VALUE, such as 'arch=amd64'"),
        ("latest 3.13 --series 3.12", "give a series or --series, not both"),
        ("latest 99999999999999999999.1", "' is not a series such as 3.13. See `pyorg latest"),
        ("verify ''", "folder '' is neither a path nor a URL"),
        ("download 3.13.9 -d ''", "--destination '' is neither a path nor a URL"),
        ("demo --json", "the demo has no JSON. See `pyorg demo --help`"),
        ("list 3.13.9 --arch amd64,,arm64", "'amd64,,arm64' has an empty value."),
        ("list 3.13.9 --attribute ''", "an attribute is empty; give it as in arch=amd64"),
        (
            "list 3.13.9 --arch amd64 --attribute arch=arm64",
            "the --attribute 'arch' is given twice",
        ),
        (
            "list 3.13.9 --attribute embed=true --attribute embed=false",
            "the --attribute 'embed' is given twice",
        ),
        ("list 3.13.9 --series 3.13", "give versions, names and paths, or --series, not both"),
        ("download 3.13 --retry-delay inf", "'--retry-delay': inf is not in the range"),
        ("download 3.13 -d ~nobody-here/x", "is in the home of an unknown user"),
        ("demo --port 99999", "'--port': 99999 is not in the range 1<=x<=65535"),
        ("PythonOrgDownloads latest_version", "use `python -m pyorg_pipeline PythonOrgDownloads`"),
        ("refresh now", "Got unexpected extra argument (now). See `pyorg refresh --help`"),
        ("verify", "Missing argument 'FOLDER|URL'. See `pyorg verify --help`"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_was_meant(
    run: Run, line: str, message: str
) -> None:
    done = run(line)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("pyorg: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("list 3.99.1", "the catalog has no version 3.99.1; it has "),
        ("list 3.15.0a1 --level final", "3.15.0a1 is of level alpha"),
        ("list 3.13.9rc1", "no artifact matches version 3.13.9rc1; the nearest choices are"),
        ("list 3.13.99", "the catalog has no version 3.13.99; of 3.13 it has 3.13.0, "),
        ("latest 3.99", "the catalog has no release of 3.99; its series are 0.9 to 3.15\n"),
        ("versions 3.99", "the catalog has no release of 3.99; its series are 0.9 to 3.15\n"),
        ("releases 3.99", "the catalog has no release of 3.99; its series are 0.9 to 3.15\n"),
        (
            "list 3.13.9 --arch riscv64",
            "no artifact matches version 3.13.9, arch riscv64; the nearest choices are: arch win32",
        ),
        (
            "list 3.13.9 --level final --type ios-release",
            "no artifact matches version 3.13.9, --level final, --type ios-release; the nearest",
        ),
        (
            "list 3.13.9 --format exe",
            "no artifact matches version 3.13.9, format exe; the nearest choices are: format exec",
        ),
        ("download nothing.exe", "the catalog has no artifact 'nothing.exe'; give a path or"),
    ],
)
def test_an_error_is_one_line_in_the_words_of_the_command_line(
    run: Run, line: str, message: str
) -> None:
    done = run(line)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"pyorg: {message}")
    assert done.err.count("\n") == 1
    for python in ("artifact_type", "final_only", "complete_only", "releaselevel"):
        assert python not in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_describes_every_option(run: Run, command: str) -> None:
    done = run(f"{command} --help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    options = cli.program.commands[command].params
    for option in options:
        if isinstance(option, click.Option):
            assert option.opts[-1] in done.out
            assert option.help
            assert option.help.rstrip("]").endswith((".", "both"))
    texts = " ".join(done.out.split()).replace("- ", "-")
    assert all(one in texts for one in ("--json", "-q, --quiet", "-v, --verbose", "--help"))
    if command in {"list", "latest", "download"}:
        for choice in (*TYPES, *FORMATS, *ARCHITECTURES, *LEVELS):
            assert choice in texts


def test_the_overview_names_every_command_in_full(run: Run) -> None:
    done = run("--help")
    assert list(cli.program.commands) == COMMANDS
    for name in COMMANDS:
        [line] = [one for one in done.out.splitlines() if one.startswith(f"  {name} ")]
        assert not line.endswith("...")
    assert run("--version") == (0, f"pyorg, version {version('pyorg-pipeline')}\n", "")


def test_a_shell_completes_commands_options_and_values(catalog_home: Path) -> None:
    for words, expected in (
        ("pyorg re", {"releases", "refresh"}),
        ("pyorg list --free", {"--free-threaded"}),
        ("pyorg list --type windows", {"windows-release", "windows-support", "windows-manifest"}),
        ("pyorg download --verify d", {"digest"}),
    ):
        done = pyorg(
            catalog_home,
            program=(*PYORG,),
            _PYORG_COMPLETE="bash_complete",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split()) - 1),
        )
        assert {line.partition(",")[2] for line in done.stdout.splitlines()} == expected


def test_messages_of_the_library_are_in_the_words_of_the_options() -> None:
    for message, words in (
        ("ask with final_only=False for pre-releases", "ask with --pre-releases for pre-releases"),
        ("try again later, or without complete_only", "try again later, or without --complete"),
        ("overwrite=True replaces it", "--overwrite replaces it"),
        ("verify='digest' compares it", "--verify digest compares it"),
        ("verify=False reads nothing", "--verify size reads nothing"),
        (
            UnverifiableError("x", "digest", "").advice,
            "use --verify auto for the strongest that is published",
        ),
        ("no artifact has the artifact_type 'x'", "no artifact has the --type 'x'"),
        ("no artifact has the arch 'x'", "no artifact has the --arch 'x'"),
        ("the attributes are 'free_threaded'", "the attributes are 'free_threaded'"),
        ("/srv/final_only/verify=True.tgz: a format", "/srv/final_only/verify=True.tgz: a format"),
    ):
        assert translated(message) == words


def test_verify_lists_files_and_fails_if_one_is_damaged(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Python-3.13.9.tar.xz").write_text("damaged")
    (tmp_path / "other\nline").write_text("unknown")
    done = run(f"verify {tmp_path} --verify size")
    rows = [line.split()[0] for line in done.out.splitlines()]
    assert (done.code, rows) == (1, ["OUTCOME", "damaged", "unknown"])
    assert done.err.startswith(f"pyorg: 1 of 2 files in {tmp_path} failed verification. ")
    assert len(done.err.splitlines()) == 1
    quiet = run(f"verify {tmp_path} --verify size -q")
    assert (quiet.code, quiet.out) == (1, "")
    assert quiet.err.startswith("pyorg: Python-3.13.9.tar.xz: size should be ")
    found = json.loads(run(f"verify {tmp_path} --verify size --json").out)
    assert [one["outcome"] for one in found] == ["damaged", "unknown"]
    methods = ["PythonOrgDownloads", "verify_files", "--folder", str(tmp_path)]
    assert module_program.main([*methods, "--verify", "false"]) == 1
    assert "unknown  other\\nline: no artifact" in capsys.readouterr().out
    (tmp_path / "Python-3.13.9.tar.xz").unlink()
    assert run(f"verify {tmp_path} --verify size").code == 0
    (tmp_path / "empty").mkdir()
    empty = run(f"verify {tmp_path}/empty")
    assert (empty.code, empty.err) == (1, f"pyorg: {tmp_path}/empty has no files\n")
    assert module_program.main([*methods, "--verify", "false"]) == 0
    monkeypatch.chdir(tmp_path)
    assert run("verify nothing").err.endswith("nothing: there is no such folder; check its name\n")


def test_the_script_is_the_program(catalog_home: Path) -> None:
    script = shutil.which("pyorg", path=str(Path(sys.executable).parent))
    assert script is not None, "the project has to be installed, `pip install -e .`"
    done = pyorg(catalog_home, "latest", "3.13", program=(script,))
    assert (done.returncode, done.stdout, done.stderr) == (0, "3.13.16\n", "")


def test_the_methods_are_commands_of_the_module(catalog_home: Path) -> None:
    """As api.md shows them."""
    example = ("PythonOrgDownloads", "list_version_artifacts", "3", "13", "--micro", "9")
    done = pyorg(catalog_home, *example, program=MODULE)
    assert (done.returncode, done.stderr) == (0, "")
    listed = Catalog.list_version_artifacts(3, 13, 9)
    assert done.stdout.splitlines() == [artifact.path for artifact in listed]
    found = json.loads(pyorg(catalog_home, "--json", *example, program=MODULE).stdout)
    assert [one["path"] for one in found] == done.stdout.splitlines()
    versions = ("PythonOrgDownloads", "list_release_versions", "--final_only", "false")
    done = pyorg(catalog_home, *versions, program=MODULE)
    expected = [one.text for one in Catalog.list_release_versions(final_only=False)]
    assert done.stdout.split() == expected
    report = ("PythonOrgDownloads", "report_all_release_artifacts", "--final_only")
    done = pyorg(catalog_home, *report, program=MODULE, COLUMNS="40", PYTHONIOENCODING="ascii")
    every = Catalog.list_all_release_artifacts(final_only=True)
    assert done.stdout.splitlines() == list(table_lines(ARTIFACTS, every))
    shown = pyorg(catalog_home, "PythonOrgDownloads", "--help", program=MODULE).stdout
    methods = [name for name in dir(PythonOrgDownloads) if name[0] != "_" and name.islower()]
    assert all(f"    {name}" in shown for name in methods)
    for wrong, code, message in (
        (("list_version_artifacts", "3", "99"), 1, "pyorg: the catalog has no version 3.99.0; "),
        (("list_version_artifacts", "3", "x"), 2, "pyorg: minor 'x' is not a whole number"),
        (("list_version_artifacts", "3"), 2, "required: minor"),
        (("download_release", "3", "13", "--progress", "x"), 2, "unrecognized arguments"),
    ):
        done = pyorg(catalog_home, "PythonOrgDownloads", *wrong, program=MODULE)
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr
    refused = pyorg(catalog_home, "--json", *report, program=MODULE)
    assert refused.returncode == 2
    assert refused.stderr.endswith("use list_all_release_artifacts\n")


@POSIX
def test_versions_on_a_terminal_are_a_table(catalog_home: Path) -> None:
    shown = without_colours(on_a_terminal(catalog_home, 80, "versions", "3.9"))
    heading, _, *rows = [line.split() for line in shown.splitlines() if line]
    assert heading == ["Version", "State", "Released", "(UTC)"]
    releases = Catalog.list_releases("3.9", final_only=True)
    assert [row[0] for row in rows[:-1]] == [one.version for one in releases]


@POSIX
@pytest.mark.parametrize("columns", [80, 170])
def test_a_list_on_a_terminal_is_a_table_that_fits_it(catalog_home: Path, columns: int) -> None:
    shown = on_a_terminal(catalog_home, columns, "list", "3.13.9")
    assert "\x1b[1;32m3.13.9" in shown
    lines = [line.rstrip() for line in without_colours(shown).splitlines()]
    assert max(map(len, lines)) <= columns
    assert lines[0].split()[:6] == ["Version", "Type", "Arch", "Format"] + (
        ["Size", "Date"] if columns == 80 else ["Variant", "Size"]
    )
    listed = Catalog.list_version_artifacts(3, 13, 9)
    kinds = [(one.artifact_type, one.arch or "-", one.format) for one in listed]
    rows = [tuple(line.split()[1:4]) for line in lines if line.startswith("3.13.9 ")]
    # In the order of a pipe.
    assert rows == kinds
    if columns == 170:
        assert all(any(one.name in line for line in lines) for one in listed)
        assert any(".spdx.json" in line for line in lines)


def error_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr of a command that failed with that code, without its prefix."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("pyorg: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1
    return done.stderr[len("pyorg: ") : -1]


@pytest.mark.parametrize("command", ["latest", "refresh", "ui"])
def test_an_invalid_setting_is_one_line_that_names_it_and_exit_2(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_SITE_URL", "ftp://python.org/")
    done = run(command)
    assert (done.code, done.out) == (2, "")
    message = "pyorg: PYORG_SITE_URL='ftp://python.org/' cannot be used: "
    assert done.err.startswith(message)


def test_characters_that_stdout_cannot_encode_are_escaped(tmp_path: Path, site: Replica) -> None:
    site.add("3.14.0/Python-3.14.0-π.zip")
    refreshed = pyorg(tmp_path, "refresh", PYORG_SITE_URL=site.url, PYTHONIOENCODING="ascii")
    assert (refreshed.returncode, refreshed.stderr) == (0, "")
    query = ("list", "3.14.0", "--type", "unrecognised")
    assert pyorg(tmp_path, *query).stdout.endswith(" 3.14.0/Python-3.14.0-π.zip\n")
    done = pyorg(tmp_path, *query, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" 3.14.0/Python-3.14.0-\\u03c0.zip\n")
    found = pyorg(tmp_path, "--json", *query, PYTHONIOENCODING="ascii")
    assert json.loads(found.stdout)[0]["name"] == "Python-3.14.0-π.zip"


def test_a_bug_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(PythonOrgDownloads, "latest_version", staticmethod(broken))
    with pytest.raises(ZeroDivisionError):
        run("latest")


@POSIX
def test_a_closed_pipe_is_not_an_error(catalog_home: Path) -> None:
    command = [*PYORG, "list"]
    with started(
        command,
        env=environment(catalog_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("VERSION ")
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_or_a_closed_output_gives_no_traceback(catalog_home: Path) -> None:
    codes = {}
    for command in (
        *("latest >/dev/full", "latest >&-", "latest 2>&-", "latest 3.99 2>&-"),
        *("latest 3.99 2>/dev/full", "-v latest 3 2>/dev/full"),
    ):
        done = subprocess.run(
            ["sh", "-c", f"{shlex.join(PYORG)} {command}"],
            # Without a buffer, a message fails when it is written, and not at the end.
            env=environment(catalog_home, PYTHONUNBUFFERED="1" if "-v" in command else ""),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        codes[command] = (done.returncode, done.stderr)
    failed = "pyorg: the output could not be written: "
    assert codes == {
        "latest >/dev/full": (1, f"{failed}No space left on device\n"),
        "latest >&-": (1, f"{failed}Bad file descriptor\n"),
        "latest 2>&-": (0, ""),
        "latest 3.99 2>&-": (1, ""),
        "latest 3.99 2>/dev/full": (1, ""),
        "-v latest 3 2>/dev/full": (2, ""),
    }


def test_a_query_imports_neither_dagster_nor_http_nor_rich(catalog_home: Path) -> None:
    code = (
        "import sys\n"
        "from pyorg_pipeline.cli import main\n"
        "assert main(['latest']) == main(['list', '3.9.25']) == 0\n"
        "for name in ('dagster', 'requests', 'urllib3', 'parsel', 'rich', 'simplifiedapp'):\n"
        "    assert name not in sys.modules, name\n"
    )
    done = pyorg(catalog_home, program=(sys.executable, "-c", code))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("pyorg_pipeline.script", "click"),
        ("pyorg_pipeline.script", "pyarrow"),
        ("pyorg_pipeline.__main__", "pyarrow"),
    ],
)
def test_ctrl_c_during_imports_is_no_traceback(
    catalog_home: Path, module: str, imported: str
) -> None:
    code = (
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == '{imported}':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
        f"from {module} import main\n"
        "script = main.__module__.endswith('script')\n"
        "sys.argv = ['', *(['latest'] if script else ['PythonOrgDownloads', 'latest_version'])]\n"
        "sys.exit(main())\n"
    )
    done = pyorg(catalog_home, program=(sys.executable, "-c", code))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_in_a_callback_of_the_garbage_collector_ends_a_command(catalog_home: Path) -> None:
    """Python ignores what is raised there."""
    code = (
        "import gc, signal, sys, time, weakref\n"
        "from pyorg_pipeline.process import run_program\n"
        "class Node:\n"
        "    pass\n"
        "def command():\n"
        "    node = Node()\n"
        "    node.own = node\n"
        "    collected = weakref.ref(node, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "    del node\n"
        "    gc.collect()\n"
        "    assert collected() is None\n"
        "    time.sleep(100)\n"
        "    return 0\n"
        "sys.exit(run_program(command))\n"
    )
    done = pyorg(catalog_home, program=(sys.executable, "-c", code))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_failed_directory_is_reported_after_the_summary_with_exit_1(
    tmp_path: Path, site: Replica
) -> None:
    site.answer("3.14.0/", Answer(status=403))
    done = pyorg(tmp_path, "refresh", PYORG_SITE_URL=site.url)
    assert done.returncode == 1
    assert "\n  failed       3.14.0: " in done.stdout
    again = "The catalog keeps the last good table of each; the next `pyorg refresh` tries again"
    assert done.stderr == f"pyorg: could not read 1 directory. {again}\n"
    done = pyorg(tmp_path, "--json", "refresh", PYORG_SITE_URL=site.url)
    assert done.returncode == 1
    assert list(json.loads(done.stdout)["failures"]) == ["3.14.0"]
    done = pyorg(tmp_path, "refresh", "-q", PYORG_SITE_URL=site.url)
    assert (done.returncode, done.stdout) == (1, "")
    reason, summary = done.stderr.splitlines()
    assert reason.startswith("pyorg: 3.14.0: ")
    assert summary == f"pyorg: could not read 1 directory. {again}"
    site.clear_answers()
    done = pyorg(tmp_path, "refresh", "-q", PYORG_SITE_URL=site.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "settings", "needs"),
    [
        (
            ("latest",),
            {"PYORG_CATALOG_URL": "s3://bucket/catalog"},
            "a catalog at s3://",
        ),
        (("download", "3.13", "--destination", "s3://bucket/files"), {}, "a destination at s3://"),
    ],
)
def test_a_missing_extra_is_named_with_how_to_install_it_and_exit_2(
    catalog_home: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    needs: str,
) -> None:
    (tmp_path / "catalog").symlink_to(catalog_home / "catalog", target_is_directory=True)
    code = (
        "import sys\n"
        "sys.modules['s3fs'] = None\n"
        "from pyorg_pipeline.cli import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    site_url = Catalog.catalog_info().site_url
    program = (sys.executable, "-c", code)
    done = pyorg(tmp_path, program=program, PYORG_SITE_URL=site_url, **settings)
    install = "pip install 'pyorg_pipeline[s3]'"
    assert error_line(done, 2) == f"{needs} needs a further package: {install}"


@POSIX
def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path, site: Replica) -> None:
    (tmp_path / "file").write_text("in the way")
    home = tmp_path / "file" / "home"
    line = error_line(pyorg(home, "refresh", PYORG_SITE_URL=site.url), 1)
    assert line.startswith(f"{home}/catalog/.refresh.lock cannot be written: ")
    assert line.endswith("set PYORG_HOME to one that can be written")
    assert site.requests == []


def test_verbose_shows_a_line_a_directory_and_nothing_of_libraries(
    tmp_path: Path, site: Replica
) -> None:
    done = pyorg(tmp_path, "-v", "refresh", PYORG_SITE_URL=site.url)
    assert all(line.startswith("pyorg: ") for line in done.stderr.splitlines())
    lines = [line for line in done.stderr.splitlines() if line.endswith(" files")]
    assert len(lines) == 5
    assert "pyorg: 3.13.9: 3 files" in lines


def test_verbose_shows_which_catalog_a_query_reads_and_why_it_is_not_refreshed(
    catalog_home: Path,
) -> None:
    catalog, site_url = catalog_home / "catalog", Catalog.catalog_info().site_url
    done = pyorg(catalog_home, "latest", "-v")
    assert (done.returncode, done.stdout) == (0, "3.15.0\n")
    where, age, read = done.stderr.splitlines()
    assert where == f"pyorg: the catalog is at {catalog}"
    assert age.endswith(f" ago from {site_url}; PYORG_MAX_AGE is 1 day: no refresh")
    assert read == f"pyorg: reading {catalog}/latest_version.parquet"


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_ctrl_c_and_sigterm_end_a_refresh_quietly(
    tmp_path: Path, site: Replica, number: int, code: int
) -> None:
    asked, never = threading.Event(), threading.Event()

    def silent(_request: object) -> Answer:
        asked.set()
        return Answer(hold=never)

    site.answer("3.14.0/", silent)
    with started(
        [*PYORG, "refresh"],
        env=environment(tmp_path, PYORG_SITE_URL=site.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert asked.wait(60)
        process.send_signal(number)
        printed = process.communicate()
    assert (process.returncode, *printed) == (code, "", "")


@POSIX
def test_a_refresh_shows_its_progress_on_a_terminal(tmp_path: Path, site: Replica) -> None:
    home = tmp_path / "home"
    shown = without_colours(on_a_terminal(home, 100, "refresh", PYORG_SITE_URL=site.url))
    assert f"Reading {site.url}" in shown
    assert " 5/5 " in shown
    assert f"Refreshed from {site.url}" in shown
