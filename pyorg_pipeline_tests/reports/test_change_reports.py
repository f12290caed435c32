"""Changes as people and programs read them: lines, tables, JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pyorg_pipeline.model.catalog import CatalogChange
from pyorg_pipeline.reports.lines import json_value, result_text
from pyorg_pipeline.reports.tables import CHANGES_TABLE, table_lines
from pyorg_pipeline_tests.support.tables import lines_of, shown

BEFORE = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
AFTER = datetime(2026, 1, 7, 9, 30, tzinfo=UTC)
SEEN = datetime(2026, 11, 23, 3, 23, 37, 145_000, tzinfo=UTC)
ESCAPE = "\x1b[31mred\x1b[0m\n"


def change(kind: str, path: str, **more: Any) -> CatalogChange:
    states: dict[str, Any] = {"size_before": 22_000_000, "last_modified_before": BEFORE}
    if kind != "vanished":
        states.update(size=22_700_000, last_modified=AFTER)
    if kind == "appeared":
        states.update(size_before=None, last_modified_before=None)
    values = {
        "version": "3.13.9",
        "artifact_type": "source-release",
        "companion_of": None,
        "size": None,
        "last_modified": None,
        "seen_at": SEEN,
        "url": f"https://www.python.org/ftp/python/{path}",
        **states,
        **more,
    }
    return CatalogChange(change=kind, path=path, **values)


APPEARED = change(
    "appeared",
    "3.14.0/python-3.14.0-amd64.exe",
    version="3.14.0",
    artifact_type="windows-release",
    seen_at=SEEN - timedelta(days=1),
)
VANISHED = change("vanished", "2.7/UNWISE.EXE", version=None, artifact_type="unrecognised")
REPLACED = change("replaced", "3.13.9/Python-3.13.9.tar.xz")
BY_A_BYTE = change("replaced", "3.13.9/Python-3.13.9.tgz", size=22_000_001, last_modified=BEFORE)
UNKNOWN = change("appeared", "3.13.9/x", size=None, last_modified=None)
ALL = [APPEARED, VANISHED, REPLACED, BY_A_BYTE, UNKNOWN]

AT_80 = """\
Path                            Change       Size  Before
2026-11-22 03:23:37 UTC
3.14.0/python-3.14.0-amd64.exe  appeared  22.7 MB

2026-11-23 03:23:37 UTC
2.7/UNWISE.EXE                  vanished  22.0 MB
3.13.9/Python-3.13.9.tar.xz     replaced  22.7 MB  22.0 MB, 2025-10-07
3.13.9/Python-3.13.9.tgz        replaced  22.0 MB  22000000 B
3.13.9/x                        appeared        -

5 changes: 2 appeared, 1 vanished, 2 replaced
"""

AT_160 = """\
Path                            Change    Type                Size  Modified (UTC)    Before
2026-11-22 03:23:37 UTC
3.14.0/python-3.14.0-amd64.exe  appeared  windows-release  22.7 MB  2026-01-07 09:30

2026-11-23 03:23:37 UTC
2.7/UNWISE.EXE                  vanished  unrecognised     22.0 MB  2025-10-07 09:30
3.13.9/Python-3.13.9.tar.xz     replaced  source-release   22.7 MB  2026-01-07 09:30  22.0 MB, 2025-10-07 09:30
3.13.9/Python-3.13.9.tgz        replaced  source-release   22.0 MB  2025-10-07 09:30  22000000 B
3.13.9/x                        appeared  source-release         -  -

5 changes: 2 appeared, 1 vanished, 2 replaced
"""  # noqa: E501  # it is about width


@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (160, AT_160)])
def test_a_table_shows_what_differs_under_the_time_of_each_refresh(
    width: int, expected: str
) -> None:
    assert lines_of(shown(CHANGES_TABLE, ALL, width)) == expected


def test_a_pipe_gets_a_header_and_a_line_a_change_whose_columns_awk_can_take_apart() -> None:
    rows = [
        line.split()
        for line in table_lines(CHANGES_TABLE.pipe, [*ALL, change("vanished", "src/a b")])
    ]
    assert rows[0] == [
        *("SEEN", "CHANGE", "TYPE", "BYTES", "MODIFIED", "BYTES_BEFORE", "MODIFIED_BEFORE"),
        "PATH",
    ]
    seen = "2026-11-23T03:23:37.145Z"
    before, after = "2025-10-07T09:30Z", "2026-01-07T09:30Z"
    assert rows[1] == [
        *("2026-11-22T03:23:37.145Z", "appeared", "windows-release"),
        *("22700000", after, "-", "-", "3.14.0/python-3.14.0-amd64.exe"),
    ]
    assert rows[2] == [
        *(seen, "vanished", "unrecognised", "-", "-", "22000000", before, "2.7/UNWISE.EXE")
    ]
    assert rows[3] == [
        *(seen, "replaced", "source-release", "22700000", after, "22000000", before),
        "3.13.9/Python-3.13.9.tar.xz",
    ]
    assert rows[5][3:] == ["-", "-", "-", "-", "3.13.9/x"]
    assert rows[6][7:] == ["src/a", "b"]


def test_a_path_with_a_line_break_stays_on_its_line_in_a_pipe_and_in_a_list() -> None:
    odd = change("appeared", f"3.13.9/{ESCAPE}")
    assert len(list(table_lines(CHANGES_TABLE.pipe, [odd]))) == 2
    shown = result_text([odd])
    assert shown.count("\n") == 1
    assert "3.13.9/\\x1b[31mred\\x1b[0m\\n  (" in shown


def test_a_list_of_changes_is_a_line_each_that_reads_by_itself() -> None:
    assert result_text(ALL) == (
        "2026-11-22T03:23:37.145Z  appeared  3.14.0/python-3.14.0-amd64.exe"
        "  (22700000 bytes, 2026-01-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  vanished  2.7/UNWISE.EXE"
        "  (22000000 bytes, 2025-10-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  replaced  3.13.9/Python-3.13.9.tar.xz"
        "  (22000000 bytes, 2025-10-07T09:30Z -> 22700000 bytes, 2026-01-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  replaced  3.13.9/Python-3.13.9.tgz"
        "  (22000000 bytes, 2025-10-07T09:30Z -> 22000001 bytes, 2025-10-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  appeared  3.13.9/x  (- bytes, -)\n"
    )


def test_a_change_is_an_object_in_json_whose_time_can_be_given_as_since() -> None:
    assert json.loads(json.dumps(REPLACED, default=json_value)) == {
        "change": "replaced",
        "path": "3.13.9/Python-3.13.9.tar.xz",
        "version": "3.13.9",
        "artifact_type": "source-release",
        "companion_of": None,
        "size_before": 22_000_000,
        "size": 22_700_000,
        "last_modified_before": "2025-10-07T09:30:00Z",
        "last_modified": "2026-01-07T09:30:00Z",
        "seen_at": "2026-11-23T03:23:37.145Z",
        "url": "https://www.python.org/ftp/python/3.13.9/Python-3.13.9.tar.xz",
    }
