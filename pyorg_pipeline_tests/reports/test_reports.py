"""What people read: words, lines for pipes, tables for terminals, results of commands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.text import plural
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.reports.lines import (
    duration_text,
    json_value,
    printable,
    result_text,
    size_text,
)
from pyorg_pipeline.reports.tables import (
    ARTIFACTS,
    CHANGES_TABLE,
    RELEASES,
    Table,
    print_rows,
    table_lines,
)
from pyorg_pipeline_tests.support.tables import lines_of, shown

FINAL = NormalizedPythonVersion(3, 13, 9, "final", 0)
CANDIDATE = NormalizedPythonVersion(3, 14, 0, "candidate", 2)
MODIFIED = datetime(2025, 10, 14, 14, 31, tzinfo=UTC)
ESCAPE = "\x1b[31mred\x1b[0m"


def artifact(name: str, **changes: Any) -> PythonOrgArtifact:
    values: dict[str, Any] = {
        "name": name,
        "path": f"3.13.9/{name}",
        "release_version": FINAL,
        "release_type": "source-release",
        "release_format": {"format": "tarball_lzma"},
        "related": [".asc", ".sigstore"],
        "size": 22_681_368,
        "last_modified": MODIFIED,
        "url": f"https://www.python.org/ftp/python/3.13.9/{name}",
        **changes,
    }
    return PythonOrgArtifact(**values)


SOURCE = artifact("Python-3.13.9.tar.xz")
FREE_THREADED = artifact(
    "python-3.13.9t-amd64.zip",
    release_type="windows-release",
    release_format={"format": "archive_deflate", "arch": "amd64", "free_threaded": True},
    related=[],
    size=15_127_074,
)
UNKNOWN = artifact(
    "strange name",
    path="src/strange name",
    release_version=None,
    release_type="unrecognised",
    release_format={},
    related=[],
    size=None,
    last_modified=None,
)
PRE_RELEASE = artifact("Python-3.14.0rc2.tgz", path="3.14.0/x.tgz", release_version=CANDIDATE)


AT_160 = """\
Path                             Attributes                              Size  Modified (UTC)    Companions
-  unrecognised
src/strange name                                                            -  -

3.13.9  source-release
3.13.9/Python-3.13.9.tar.xz      tarball_lzma                         22.7 MB  2025-10-14 14:31  .asc .sigstore

3.13.9  windows-release
3.13.9/python-3.13.9t-amd64.zip  archive_deflate amd64 free_threaded  15.1 MB  2025-10-14 14:31

3 artifacts, 37.8 MB in all (1 MB = 1,000,000 bytes)
"""  # noqa: E501  # it is about width


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (22_681_368, "22.7 MB"),
        (1_250_000_000, "1.2 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_have_one_decimal_in_powers_of_1000(size: int | None, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 minute"),
        (7199, "1 hour"),
        (7200, "2 hours"),
        (86_400 * 40, "40 days"),
    ],
)
def test_durations_are_shown_in_their_largest_unit(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


def test_counts_agree_with_their_nouns() -> None:
    assert plural(1, "request") == "1 request"
    assert plural(2500, "request") == "2,500 requests"
    assert plural(0, "directory") == "0 directories"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Python-3.13.9.tgz", "Python-3.13.9.tgz"),
        ("größe", "größe"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("a\u202eb", "a\\u202eb"),
        ("a\udc80b", "a\\udc80b"),
    ],
)
def test_text_of_the_site_cannot_steer_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_pipe_gets_a_header_and_a_line_an_artifact_whose_columns_awk_can_take_apart() -> None:
    lines = [
        line.split(maxsplit=6)
        for line in table_lines(ARTIFACTS.pipe, [SOURCE, FREE_THREADED, UNKNOWN])
    ]
    modified = "2025-10-14T14:31Z"
    assert lines == [
        ["VERSION", "TYPE", "ATTRIBUTES", "BYTES", "MODIFIED", "COMPANIONS", "PATH"],
        [
            *("3.13.9", "source-release", "tarball_lzma", "22681368", modified, ".asc,.sigstore"),
            "3.13.9/Python-3.13.9.tar.xz",
        ],
        [
            *("3.13.9", "windows-release", "archive_deflate,amd64,free_threaded", "15127074"),
            *(modified, "-", "3.13.9/python-3.13.9t-amd64.zip"),
        ],
        ["-", "unrecognised", "-", "-", "-", "-", "src/strange name"],
    ]


def test_the_columns_of_a_pipe_are_aligned() -> None:
    lines = list(table_lines(ARTIFACTS.pipe, [SOURCE, FREE_THREADED]))
    assert len({line.index("3.13.9/") for line in lines[1:]} | {lines[0].index("PATH")}) == 1
    assert len({re.search(r"\d{8}|BYTES", line).end() for line in lines}) == 1  # type: ignore[union-attr]


def test_a_name_with_a_line_break_stays_on_its_line_in_a_pipe() -> None:
    lines = list(table_lines(ARTIFACTS.pipe, [artifact("a\nb", related=["\n.asc", ". x"])]))
    assert len(lines) == 2
    assert lines[1].endswith("\\n.asc,.\\x20x  3.13.9/a\\nb")


def test_a_table_of_80_columns_shows_names_sizes_and_dates_under_version_and_type() -> None:
    assert (
        lines_of(shown(ARTIFACTS, [PRE_RELEASE, FREE_THREADED, SOURCE], 80))
        == """\
Name                       Attributes              Size  Modified
3.13.9  source-release
Python-3.13.9.tar.xz                            22.7 MB  2025-10-14

3.13.9  windows-release
python-3.13.9t-amd64.zip   amd64 free_threaded  15.1 MB  2025-10-14

3.14.0rc2  source-release
Python-3.14.0rc2.tgz                            22.7 MB  2025-10-14

3 artifacts, 60.5 MB in all (1 MB = 1,000,000 bytes)
"""
    )


def test_a_table_of_160_columns_shows_paths_packings_times_and_companions_too() -> None:
    assert lines_of(shown(ARTIFACTS, [UNKNOWN, FREE_THREADED, SOURCE], 160)) == AT_160


@pytest.mark.parametrize("width", [60, 80, 100, 149, 150, 160, 250])
def test_a_table_fits_its_terminal_and_cuts_nothing(width: int) -> None:
    long = artifact("python-3.13.9-" + "0123456789" * 20 + ".zip")
    many = artifact("many", related=[f".{number}companion" for number in range(20)])
    text = shown(ARTIFACTS, [SOURCE, FREE_THREADED, long, many], width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("2025-10-14") == 4
    assert text.count("15.1 MB") == 1
    first_column = "".join(line[: line.index("  ")] for line in text.splitlines() if "  " in line)
    assert long.name in first_column
    assert "free_threaded" in text
    if width >= 150:
        assert all(companion in text for companion in many.related)


@pytest.mark.parametrize("width", [80, 160])
def test_names_are_neither_markup_nor_escape_sequences_in_a_table(width: int) -> None:
    names = ["[bold]loud[/bold]", ESCAPE, "[/]"]
    text = shown(ARTIFACTS, [artifact(name) for name in names], width, force_terminal=True)
    assert "[bold]loud[/bold]" in text
    assert ESCAPE not in text
    assert printable(ESCAPE) in text
    assert "[/]" in text


def test_a_table_is_coloured_on_a_terminal_unless_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"force_terminal": True, "color_system": "standard"}
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m3.13.9" in shown(ARTIFACTS, [SOURCE], 80, **options)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown(ARTIFACTS, [SOURCE], 80, **options))


@dataclass(frozen=True)
class Facts:
    site_url: str
    refreshed_at: datetime
    age: timedelta
    artifacts: int
    whole: bool
    failures: dict[str, str]


FACTS = Facts(
    "http://x/", datetime(2020, 1, 1, 12, 0, 5, tzinfo=UTC), timedelta(hours=2), 4152, True, {}
)


def test_facts_are_aligned_lines_with_times_as_people_tell_them() -> None:
    lines = result_text(FACTS).splitlines()
    assert re.fullmatch(r"refreshed at  2020-01-01 12:00:05 UTC, [0-9,]+ days ago", lines.pop(1))
    assert lines == [
        "site url      http://x/",
        "age           2 hours",
        "artifacts     4,152",
        "whole         yes",
        "failures      none",
    ]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, ""),
        ("", ""),
        ("text", "text\n"),
        ("text\n", "text\n"),
        ([], ""),
        (FINAL, "3.13.9\n"),
        (CANDIDATE.numbers, "3.14.0\n"),
        ([FINAL, CANDIDATE], "3.13.9\n3.14.0rc2\n"),
        ([SOURCE, artifact("a\nb")], "3.13.9/Python-3.13.9.tar.xz\n3.13.9/a\\nb\n"),
        ((FINAL, Path("a") / "b"), f"3.13.9\n{Path('a') / 'b'}\n"),
        ({"3.9.0": "cut"}, "3.9.0  cut\n"),
        (12, "12\n"),
        ({1, 2}, "{1, 2}\n"),
    ],
)
def test_results_are_lines_for_people(result: object, text: str) -> None:
    assert result_text(result) == text


def test_results_are_plain_values_in_json() -> None:
    proven = replace(
        SOURCE, sha256="c0" * 32, digest_source="sigstore", signed_by="thomas@python.org"
    )
    text = json.dumps([proven, UNKNOWN, FACTS, Path("a"), {1}], default=json_value)
    source, unknown, facts, path, anything = json.loads(text)
    assert source == {
        "name": "Python-3.13.9.tar.xz",
        "path": "3.13.9/Python-3.13.9.tar.xz",
        "release_version": [3, 13, 9, "final", 0],
        "version": "3.13.9",
        "release_type": "source-release",
        "release_format": {"format": "tarball_lzma"},
        "related": [".asc", ".sigstore"],
        "is_final": True,
        "size": 22_681_368,
        "last_modified": "2025-10-14T14:31:00Z",
        "url": "https://www.python.org/ftp/python/3.13.9/Python-3.13.9.tar.xz",
        "sha256": "c0" * 32,
        "digest_source": "sigstore",
        "signed_by": "thomas@python.org",
    }
    assert [unknown[name] for name in ("release_version", "version", "size", "last_modified")] == [
        None
    ] * 4
    assert facts == {
        "site_url": "http://x/",
        "refreshed_at": "2020-01-01T12:00:05Z",
        "age": 7200.0,
        "artifacts": 4152,
        "whole": True,
        "failures": {},
    }
    assert (path, anything) == ("a", "{1}")


@pytest.mark.parametrize("table", [ARTIFACTS, RELEASES, CHANGES_TABLE], ids=lambda one: one.noun)
def test_an_empty_table_is_reported_on_stderr_alone(
    table: Table, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_rows(table, []) == ""
    assert tuple(capsys.readouterr()) == ("", f"no {table.noun}s\n")


def test_a_table_is_lines_if_stdout_is_not_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_rows(ARTIFACTS, [SOURCE, UNKNOWN]) == ""
    printed = capsys.readouterr()
    assert printed.out.splitlines() == list(table_lines(ARTIFACTS.pipe, [SOURCE, UNKNOWN]))
    assert printed.err == ""
