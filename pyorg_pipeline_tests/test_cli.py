"""The command line, as processes of its own unless only help is looked at."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgDownloads
from pyorg_pipeline.__main__ import main
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.reports.tables import ARTIFACTS, table_lines
from pyorg_pipeline_tests.support.command_line import (
    PYORG,
    environment,
    on_a_terminal,
    pyorg,
    without_colours,
)
from pyorg_pipeline_tests.support.processes import started

METHODS = sorted(
    name
    for name in dir(PythonOrgDownloads)
    if not name.startswith("_") and callable(getattr(PythonOrgDownloads, name))
)
COMMANDS = ["PythonOrgDownloads", "demo", "download", "refresh", "ui"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="terminals and signals of POSIX")

EXAMPLE = ("PythonOrgDownloads", "list_version_artifacts", "3", "13", "--micro", "9")


class Catalog(PythonOrgDownloads):
    """The same catalog as the processes ask."""


@pytest.fixture(scope="module", autouse=True)
def same_catalog(catalog_home: Path) -> None:
    Catalog.CATALOG_URL = str(catalog_home / "catalog")


def help_of(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def commands_in(text: str) -> list[str]:
    """The commands that a help text lists."""
    return sorted(re.findall(r"^    (\w+)(?: {2}|$)", text, re.MULTILINE))


def test_the_example_command_lists_an_artifact_a_line(catalog_home: Path) -> None:
    done = pyorg(catalog_home, *EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        artifact.path for artifact in Catalog.list_version_artifacts(3, 13, 9)
    ]
    assert "3.13.9/Python-3.13.9.tgz" in done.stdout.splitlines()


def test_the_script_and_the_module_are_the_same_program(catalog_home: Path) -> None:
    script = shutil.which("pyorg", path=str(Path(sys.executable).parent))
    assert script is not None, "the project has to be installed, `pip install -e .`"
    for arguments, begin in (
        ((), "usage: pyorg ["),
        (("PythonOrgDownloads",), "usage: pyorg Py"),
        (("refresh", "--help"), "usage: pyorg refresh"),
        (("--version",), f"pyorg_pipeline {version('pyorg-pipeline')}\n"),
    ):
        by_script = pyorg(catalog_home, *arguments, program=(script,))
        by_module = pyorg(catalog_home, *arguments)
        assert by_script.stdout == by_module.stdout
        assert by_script.stdout.startswith(begin)
        assert (by_script.returncode, by_module.returncode, by_script.stderr) == (0, 0, "")


def test_help_lists_our_commands_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys=capsys)
    assert commands_in(text) == COMMANDS
    assert "  pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9\n" in text
    text = help_of("PythonOrgDownloads", capsys=capsys)
    assert commands_in(text) == METHODS


@pytest.mark.parametrize(
    "command", [*(("PythonOrgDownloads", name) for name in METHODS), *((c,) for c in COMMANDS[1:])]
)
def test_the_help_of_each_command_ends_with_an_example_that_can_be_parsed(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(*command, capsys=capsys)
    [example] = re.findall(r"^Example: pyorg (.+)$", text, re.MULTILINE)
    words = example.split()
    assert set(command) <= set(words)
    help_of(*words, capsys=capsys)


@pytest.mark.parametrize("flag", ["", "true", "1", "false", "no"])
def test_a_flag_is_a_switch_or_has_a_value(catalog_home: Path, flag: str) -> None:
    listed = ("PythonOrgDownloads", "list_version_artifacts", "3", "14", "--final_only")
    done = pyorg(catalog_home, *listed, *([flag] if flag else []))
    expected = Catalog.list_version_artifacts(3, 14, 0, flag not in {"false", "no"})
    assert done.stdout.splitlines() == [artifact.path for artifact in expected]


def test_versions_are_text_for_people_and_lists_in_json(catalog_home: Path) -> None:
    one = ("PythonOrgDownloads", "latest_version", "--final_only", "false")
    latest = Catalog.latest_version(final_only=False)
    assert pyorg(catalog_home, *one).stdout == f"{latest.text}\n"
    assert json.loads(pyorg(catalog_home, "--json", *one).stdout) == list(latest)
    many = ("PythonOrgDownloads", "list_release_versions")
    versions = Catalog.list_release_versions()
    assert pyorg(catalog_home, *many).stdout.split() == [found.text for found in versions]
    assert json.loads(pyorg(catalog_home, "--json", *many).stdout) == [*map(list, versions)]


def test_a_report_in_a_pipe_is_a_line_an_artifact(catalog_home: Path) -> None:
    command = ("PythonOrgDownloads", "report_all_release_artifacts")
    done = pyorg(catalog_home, *command, COLUMNS="40")
    expected = list(table_lines(ARTIFACTS, Catalog.list_all_release_artifacts()))
    assert len(expected) > 4000
    assert done.stdout.splitlines() == expected
    assert done.stderr == ""


@POSIX
@pytest.mark.parametrize("columns", [80, 160])
def test_a_report_on_a_terminal_is_a_table_that_fits_it(catalog_home: Path, columns: int) -> None:
    command = ("PythonOrgDownloads", "report_version_artifacts", "3", "13", "--micro", "9")
    shown = on_a_terminal(catalog_home, columns, *command)
    assert "\x1b[1;32m3.13.9\x1b[0m  \x1b[36msource-release" in shown
    lines = [line.rstrip() for line in without_colours(shown).splitlines()]
    assert max(map(len, lines)) <= columns
    for artifact in Catalog.list_version_artifacts(3, 13, 9):
        assert any(artifact.name in line for line in lines)
    assert any(".spdx.json" in line for line in lines) == (columns == 160)


def error_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line on stderr of a command that failed with that code, without its prefix."""
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("pyorg: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1
    return done.stderr[len("pyorg: ") : -1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("3 99", "the catalog has no version 3.99.0; "),
        ("3 x", "minor 'x' is not a whole number"),
        ("3 14 --artifact_type sources", "no artifact has the artifact_type 'sources'"),
        ("3 14 --micro a\x1b[31m\nb", "micro 'a"),
    ],
)
def test_an_error_is_one_line_and_exit_1(catalog_home: Path, arguments: str, message: str) -> None:
    words = arguments.split(" ")
    done = pyorg(catalog_home, "PythonOrgDownloads", "list_version_artifacts", *words)
    line = error_line(done, 1)
    assert line.startswith(message)
    assert "\x1b" not in line


@pytest.mark.parametrize("command", ["PythonOrgDownloads latest_version", "refresh", "ui"])
def test_an_invalid_setting_is_one_line_that_names_it_and_exit_2(
    catalog_home: Path, command: str
) -> None:
    done = pyorg(catalog_home, *command.split(), PYORG_SITE_URL="ftp://python.org/")
    assert error_line(done, 2).startswith("PYORG_SITE_URL='ftp://python.org/' cannot be used: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nonsense", "invalid choice: 'nonsense'"),
        ("PythonOrgDownloads nonsense", "invalid choice: 'nonsense'"),
        ("PythonOrgDownloads list_version_artifacts 3", "required: minor"),
        ("refresh --full perhaps", "invalid true or false value: 'perhaps'"),
        ("ui --port x", "invalid int value: 'x'"),
        ("--input-file=x ui", "unrecognized arguments: --input-file=x"),
        *(
            (f"PythonOrgDownloads {method} --progress x", "unrecognized arguments: --progress x")
            for method in ("download_artifact x", "download_release 3 13")
        ),
        *(
            (f"--json PythonOrgDownloads report_{what}", f"use list_{what.split()[0]}\n")
            for what in ("changes", "releases", "all_release_artifacts", "version_artifacts 3 13")
        ),
    ],
)
def test_wrong_usage_is_an_error_of_argparse_and_exit_2(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_characters_that_stdout_cannot_encode_are_escaped(
    tmp_path: Path, site: Replica, catalog_home: Path
) -> None:
    site.add("3.14.0/Python-3.14.0-π.zip")
    refreshed = pyorg(tmp_path, "refresh", PYORG_SITE_URL=site.url, PYTHONIOENCODING="ascii")
    assert (refreshed.returncode, refreshed.stderr) == (0, "")
    listing = ("PythonOrgDownloads", "list_version_artifacts", "3", "14")
    query = (*listing, "--artifact_type", "unrecognised")
    assert pyorg(tmp_path, *query).stdout == "3.14.0/Python-3.14.0-π.zip\n"
    done = pyorg(tmp_path, *query, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3.14.0/Python-3.14.0-\\u03c0.zip\n"
    report = ("PythonOrgDownloads", "report_all_release_artifacts")
    assert pyorg(catalog_home, *report, PYTHONIOENCODING="ascii").returncode == 0
    found = pyorg(tmp_path, "--json", *query, PYTHONIOENCODING="ascii")
    assert json.loads(found.stdout)[0]["name"] == "Python-3.14.0-π.zip"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(final_only: bool = True) -> None:  # noqa: ARG001
        raise ZeroDivisionError

    monkeypatch.setattr(PythonOrgDownloads, "latest_version", staticmethod(broken))
    with pytest.raises(ZeroDivisionError):
        main(["PythonOrgDownloads", "latest_version"])


@POSIX
def test_a_closed_pipe_is_not_an_error(catalog_home: Path) -> None:
    command = [*PYORG, "PythonOrgDownloads", "list_all_release_artifacts"]
    with started(
        command,
        env=environment(catalog_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == f"{Catalog.list_all_release_artifacts()[0]}\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_or_a_closed_output_gives_no_traceback(catalog_home: Path) -> None:
    command = shlex.join([*PYORG, *EXAMPLE])
    codes = {}
    for output in (">/dev/full", ">&-"):
        done = subprocess.run(
            ["sh", "-c", f"{command} {output}"],
            env=environment(catalog_home),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        codes[output] = (done.returncode, done.stderr)
    assert codes == {
        ">/dev/full": (1, "pyorg: the output could not be written: No space left on device\n"),
        ">&-": (0, ""),
    }


def test_a_query_imports_neither_dagster_nor_http_nor_rich(catalog_home: Path) -> None:
    code = (
        "import sys\n"
        "from pyorg_pipeline.__main__ import main\n"
        f"assert main({EXAMPLE!r}) == 0\n"
        "for name in ('dagster', 'requests', 'urllib3', 'http.client', 'parsel', 'rich'):\n"
        "    assert name not in sys.modules, name\n"
    )
    done = pyorg(catalog_home, program=(sys.executable, "-c", code))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(Catalog.list_version_artifacts(3, 13, 9))


def test_a_failed_directory_is_reported_after_the_summary_with_exit_1(
    tmp_path: Path, site: Replica
) -> None:
    site.answer("3.14.0/", Answer(status=403))
    done = pyorg(tmp_path, "refresh", PYORG_SITE_URL=site.url)
    assert done.returncode == 1
    assert "\n  failed       3.14.0: " in done.stdout
    assert done.stderr.startswith("pyorg: could not read 1 director")
    assert done.stderr.count("\n") == 1
    done = pyorg(tmp_path, "--json", "refresh", PYORG_SITE_URL=site.url)
    assert done.returncode == 1
    assert list(json.loads(done.stdout)["failures"]) == ["3.14.0"]


@pytest.mark.parametrize(
    ("arguments", "settings", "needs"),
    [
        (
            ("PythonOrgDownloads", "latest_version"),
            {"PYORG_CATALOG_URL": "s3://bucket/catalog"},
            "a catalog at s3://",
        ),
        (("download", "--destination", "s3://bucket/files"), {}, "a destination at s3://"),
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
        "from pyorg_pipeline.__main__ import main\n"
        f"sys.exit(main({arguments!r}))\n"
    )
    site_url = Catalog.catalog_info().site_url
    program = (sys.executable, "-c", code)
    done = pyorg(tmp_path, program=program, PYORG_SITE_URL=site_url, **settings)
    install = "pip install '.[s3]' in the clone of pyorg_pipeline"
    assert error_line(done, 2) == f"{needs} needs a further package: {install}"


@POSIX
def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path, site: Replica) -> None:
    (tmp_path / "file").write_text("in the way")
    home = tmp_path / "file" / "home"
    line = error_line(pyorg(home, "refresh", PYORG_SITE_URL=site.url), 1)
    assert line.startswith(f"{home}/catalog/.refresh.lock cannot be written: ")
    assert line.endswith("set PYORG_HOME to one that can be written")
    assert site.requests == []


def test_debug_shows_a_line_a_directory_and_nothing_of_libraries(
    tmp_path: Path, site: Replica
) -> None:
    done = pyorg(tmp_path, "--log-level", "debug", "refresh", PYORG_SITE_URL=site.url)
    names = {line.split("|")[1] for line in done.stderr.splitlines()}
    assert all(name.startswith("pyorg_pipeline") for name in names)
    lines = [line for line in done.stderr.splitlines() if "runs|DEBUG:" in line]
    assert len(lines) == 5
    assert any(line.endswith("|DEBUG:3.13.9: 3 files") for line in lines)


@POSIX
def test_ctrl_c_ends_a_refresh_quietly(tmp_path: Path, site: Replica) -> None:
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
        process.send_signal(signal.SIGINT)
        printed = process.communicate()
    assert printed == ("", "")
    assert process.returncode == 130


@POSIX
def test_a_refresh_shows_its_progress_on_a_terminal(tmp_path: Path, site: Replica) -> None:
    home = tmp_path / "home"
    shown = without_colours(on_a_terminal(home, 100, "refresh", PYORG_SITE_URL=site.url))
    assert f"Reading {site.url}" in shown
    assert " 5/5 " in shown
    assert f"Refreshed from {site.url}" in shown
