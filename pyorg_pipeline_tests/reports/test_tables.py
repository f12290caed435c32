"""Artifacts, releases and changes as tables on terminals and as lines in pipes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pyorg_pipeline.model.names import classify_name
from pyorg_pipeline.reports.lines import printable
from pyorg_pipeline.reports.series import SERIES
from pyorg_pipeline.reports.tables import (
    ARTIFACTS,
    CHANGES_TABLE,
    DOWNLOADS,
    RELEASES,
    Table,
    print_rows,
    print_table,
    table_lines,
)
from pyorg_pipeline_tests.support.report_rows import (
    ARTIFACT_ROWS,
    CHANGE_ROWS,
    DOWNLOAD_ROWS,
    RELEASE_ROWS,
    SERIES_ROWS,
    SOURCE,
    artifact,
)

Show = Callable[[Table, Sequence[Any], int], str]
ESCAPE = "\x1b[31mred\x1b[0m"

ARTIFACTS_AT_80 = """\
Version  Type             Arch   Format              Size  Date
-        unrecognised     -      -                      -  -
3.13.9   windows-release  amd64  archive_deflate  15.1 MB  2025-10-14
3.13.9   source-release   -      tarball_lzma     22.7 MB  2025-10-14

3 artifacts, 37.8 MB in all (1 MB = 1,000,000 bytes)
Wider terminals also show: variant, name, companions. --json shows all.
"""

ARTIFACTS_AT_160 = """\
Version  Type             Arch   Format           Variant           Size  Date        Name                      Companions
-        unrecognised     -      -                                     -  -           strange name
3.13.9   windows-release  amd64  archive_deflate  free_threaded  15.1 MB  2025-10-14  python-3.13.9t-amd64.zip
3.13.9   source-release   -      tarball_lzma                    22.7 MB  2025-10-14  Python-3.13.9.tar.xz      .asc .sigstore

3 artifacts, 37.8 MB in all (1 MB = 1,000,000 bytes)
"""  # noqa: E501  # it is about width

SERIES_AT_80 = """\
Series  Status       Latest     First release  End of bugfix  End of life
1.5     unknown      1.5.2      -              -              -
2.7     end-of-life  2.7.18     2010-07-03     2020-01-01     2020-01-01
3.12    security     3.12.13    2023-10-02     2025-04-08     2028-10-01
3.14    bugfix       3.14.7     2025-10-07     2027-10-07     2030-10-01
3.15    prerelease   3.15.0rc1  2026-10-01     2028-10-01     2031-10-01

5 series: 1 prerelease, 1 bugfix, 1 security, 1 end-of-life, 1 unknown
Dates in the future are planned.
"""

RELEASES_AT_80 = """\
Version    State       Released (UTC)    Families                           Size
2.0.0b1    superseded  -                                                 0 bytes
3.14.0     complete    2025-10-07 09:30  source windows macos android   467.9 MB
3.15.0rc1  partial     2025-10-07 09:30  source android; lacks windows   68.0 MB
                                         macos

3 releases, 1 partial
3.15.0rc1 lacks windows, macos: may come until 2025-10-08 09:30 UTC
Wider terminals also show: artifacts, signed, source. --json shows all.
"""

RELEASES_AT_160 = """\
Version    State       Released (UTC)    Families                             Artifacts  Signed      Size  Source
2.0.0b1    superseded  -                                                              1      0%   0 bytes  -
3.14.0     complete    2025-10-07 09:30  source windows macos android                24     50%  467.9 MB  3.14.0/Python-3.14.0.tar.xz
3.15.0rc1  partial     2025-10-07 09:30  source android; lacks windows macos          4    100%   68.0 MB  3.15.0/Python-3.15.0rc1.tar.xz

3 releases, 1 partial
3.15.0rc1 lacks windows, macos: may come until 2025-10-08 09:30 UTC
"""  # noqa: E501  # it is about width

CHANGES_AT_80 = """\
Path                            Change       Size  Before
2026-11-22 03:23:37 UTC
3.14.0/python-3.14.0-amd64.exe  appeared  22.7 MB

2026-11-23 03:23:37 UTC
2.7/UNWISE.EXE                  vanished  22.0 MB
3.13.9/Python-3.13.9.tar.xz     replaced  22.7 MB  22.0 MB, 2025-10-07 09:30
3.13.9/Python-3.13.9.tgz        replaced  22.0 MB  22,000,000 bytes
3.13.9/x                        appeared        -

5 changes: 2 appeared, 1 vanished, 2 replaced
Wider terminals also show: type, date. --json shows all.
"""

CHANGES_AT_160 = """\
Path                            Change    Type                Size  Modified (UTC)    Before
2026-11-22 03:23:37 UTC
3.14.0/python-3.14.0-amd64.exe  appeared  windows-release  22.7 MB  2025-10-14 14:31

2026-11-23 03:23:37 UTC
2.7/UNWISE.EXE                  vanished  unrecognised     22.0 MB  2025-10-07 09:30
3.13.9/Python-3.13.9.tar.xz     replaced  source-release   22.7 MB  2025-10-14 14:31  22.0 MB, 2025-10-07 09:30
3.13.9/Python-3.13.9.tgz        replaced  source-release   22.0 MB  2025-10-07 09:30  22,000,000 bytes
3.13.9/x                        appeared  source-release         -  -

5 changes: 2 appeared, 1 vanished, 2 replaced
"""  # noqa: E501  # it is about width

DOWNLOADS_AT_80 = """\
Outcome  Verified     Size  File
fetched  digest    29.3 MB  /srv/Python-3.13.9.tgz
skipped  -         29.3 MB  /srv/Python-3.13.9.tgz
failed   -               -  2.7/Python-2.7.tgz

3 artifacts: 1 fetched, 1 skipped, 1 failed
"""

PIPES = {
    "artifact": """\
VERSION TYPE ATTRIBUTES BYTES MODIFIED COMPANIONS PATH
- unrecognised - - - - src/strange name
3.13.9 windows-release archive_deflate,amd64,free_threaded 15127074 2025-10-14T14:31Z - 3.13.9/python-3.13.9t-amd64.zip
3.13.9 source-release tarball_lzma 22681368 2025-10-14T14:31Z .asc,.sigstore 3.13.9/Python-3.13.9.tar.xz
""",  # noqa: E501  # lines of programs
    "release": """\
VERSION STATE RELEASED FAMILIES MISSING COMPLETE_BY SIGNED ARTIFACTS BYTES SOURCE
2.0.0b1 superseded - - - - 0.00 1 0 -
3.14.0 complete 2025-10-07T09:30Z source,windows,macos,android - - 0.50 24 467885123 3.14.0/Python-3.14.0.tar.xz
3.15.0rc1 partial 2025-10-07T09:30Z source,android windows,macos 2025-10-08T09:30Z 1.00 4 68000000 3.15.0/Python-3.15.0rc1.tar.xz
""",  # noqa: E501
    "change": """\
SEEN CHANGE TYPE BYTES MODIFIED BYTES_BEFORE MODIFIED_BEFORE PATH
2026-11-22T03:23:37.145Z appeared windows-release 22700000 2025-10-14T14:31Z - - 3.14.0/python-3.14.0-amd64.exe
2026-11-23T03:23:37.145Z vanished unrecognised - - 22000000 2025-10-07T09:30Z 2.7/UNWISE.EXE
2026-11-23T03:23:37.145Z replaced source-release 22700000 2025-10-14T14:31Z 22000000 2025-10-07T09:30Z 3.13.9/Python-3.13.9.tar.xz
2026-11-23T03:23:37.145Z replaced source-release 22000001 2025-10-07T09:30Z 22000000 2025-10-07T09:30Z 3.13.9/Python-3.13.9.tgz
2026-11-23T03:23:37.145Z appeared source-release - - - - 3.13.9/x
""",  # noqa: E501
    "download": """\
OUTCOME VERIFIED SECONDS BYTES PATH
fetched digest 0.2 29289375 /srv/Python-3.13.9.tgz
skipped - 0.2 29289375 /srv/Python-3.13.9.tgz: verify='digest' reads it
failed - - - 2.7/Python-2.7.tgz: http://x/y: HTTP 404
""",
    "series": """\
SERIES STATUS LATEST FIRST_RELEASE END_OF_BUGFIX END_OF_LIFE
1.5 unknown 1.5.2 - - -
2.7 end-of-life 2.7.18 2010-07-03 2020-01-01 2020-01-01
3.12 security 3.12.13 2023-10-02 2025-04-08 2028-10-01
3.14 bugfix 3.14.7 2025-10-07 2027-10-07 2030-10-01
3.15 prerelease 3.15.0rc1 2026-10-01 2028-10-01 2031-10-01
""",
}
each_table = pytest.mark.parametrize(
    ("table", "rows"),
    [
        *((ARTIFACTS, ARTIFACT_ROWS), (RELEASES, RELEASE_ROWS), (CHANGES_TABLE, CHANGE_ROWS)),
        (DOWNLOADS, DOWNLOAD_ROWS),
        (SERIES, SERIES_ROWS),
    ],
    ids=list(PIPES),
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Returns a table as a terminal of some width shows it, without its rule."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def show(table: Table, rows: Sequence[Any], width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        print_table(table, rows)
        lines = (line.rstrip() for line in capsys.readouterr().out.splitlines())
        return "".join(f"{line}\n" for line in lines if not line.startswith("─"))

    return show


@pytest.mark.parametrize(
    ("table", "rows", "width", "expected"),
    [
        (ARTIFACTS, ARTIFACT_ROWS, 80, ARTIFACTS_AT_80),
        (ARTIFACTS, ARTIFACT_ROWS, 160, ARTIFACTS_AT_160),
        (RELEASES, RELEASE_ROWS, 80, RELEASES_AT_80),
        (RELEASES, RELEASE_ROWS, 160, RELEASES_AT_160),
        (CHANGES_TABLE, CHANGE_ROWS, 80, CHANGES_AT_80),
        (CHANGES_TABLE, CHANGE_ROWS, 160, CHANGES_AT_160),
        (DOWNLOADS, DOWNLOAD_ROWS, 80, DOWNLOADS_AT_80),
        (SERIES, SERIES_ROWS, 80, SERIES_AT_80),
    ],
)
def test_a_wider_terminal_is_shown_more_columns(
    shown: Show, table: Table, rows: Sequence[Any], width: int, expected: str
) -> None:
    assert shown(table, rows, width) == expected


@each_table
@pytest.mark.parametrize("width", [50, 60, 100, 150, 250])
def test_a_table_fits_its_terminal_and_is_not_truncated(
    shown: Show, table: Table, rows: Sequence[Any], width: int
) -> None:
    # Too many to be shown beside the rest, and too ugly on several lines.
    many = artifact("many", companions=tuple(f".{number}companion" for number in range(20)))
    if table is ARTIFACTS:
        rows = [*rows, many]
    text = shown(table, rows, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if table is ARTIFACTS and width >= 100:
        assert "Wider terminals also show: " in text
        assert not any(companion in text for companion in many.companions)


def test_a_name_is_shown_whole_or_not_at_all(shown: Show) -> None:
    long = artifact("python-3.13.9-" + "0123456789" * 10 + "-macos11.pkg")
    assert "0123456789" not in shown(ARTIFACTS, [long], 160)
    assert long.name in shown(ARTIFACTS, [long], 250)


@each_table
def test_a_pipe_gets_aligned_columns_that_awk_can_take_apart(
    table: Table, rows: Sequence[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_rows(table, rows) == ""
    out, err = capsys.readouterr()
    assert re.sub(" +", " ", out) == PIPES[table.noun]
    assert out.splitlines() == list(table_lines(table, rows))
    assert err == ""
    last = [line.split(maxsplit=table.pipe.count(" "))[-1] for line in out.splitlines()]
    starts = {len(line) - len(text) for line, text in zip(out.splitlines(), last, strict=True)}
    assert len(starts) == 1


def test_a_name_with_blanks_or_a_line_break_stays_on_its_line_in_a_pipe() -> None:
    lines = list(table_lines(ARTIFACTS, [artifact("a\nb", companions=("\n.asc", ". x"))]))
    assert len(lines) == 2
    assert lines[1].endswith("\\n.asc,.\\x20x  3.13.9/a\\nb")


def test_a_macos_package_shows_the_oldest_system_and_not_the_one_in_its_name() -> None:
    package = "python-3.13.9-macos11.pkg"
    values = classify_name(package, "3.13.9").attributes
    lines = list(table_lines(ARTIFACTS, [artifact(package, **values)]))
    assert lines[1].split()[2] == "installer_package,universal2,10.13+"


@pytest.mark.parametrize("width", [120, 160])
def test_names_are_neither_markup_nor_escape_sequences_in_a_table(shown: Show, width: int) -> None:
    names = ["[bold]loud[/bold]", ESCAPE, "[/]"]
    text = shown(ARTIFACTS, [artifact(name) for name in names], width)
    assert ESCAPE not in text
    assert all(name in text for name in ["[bold]loud[/bold]", printable(ESCAPE), "[/]"])


def test_a_table_is_coloured_on_a_terminal_unless_no_color_is_set(
    shown: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m3.13.9" in shown(ARTIFACTS, [SOURCE], 80)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown(ARTIFACTS, [SOURCE], 80))


@each_table
def test_an_empty_table_is_reported_on_stderr_alone(
    table: Table, rows: Sequence[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_rows(table, rows[:0]) == ""
    assert tuple(capsys.readouterr()) == ("", f"no {table.noun}s\n")
