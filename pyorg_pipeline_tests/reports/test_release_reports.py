"""How releases are shown: lines for pipes, tables for terminals, values for JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.reports.lines import json_value, result_text
from pyorg_pipeline.reports.tables import RELEASES, table_lines
from pyorg_pipeline_tests.support.tables import lines_of, shown

RELEASED = datetime(2025, 10, 7, 14, 16, tzinfo=UTC)


def release(*version: Any, **changes: Any) -> PythonRelease:
    values: dict[str, Any] = {
        "release_version": NormalizedPythonVersion(*version),
        "state": ReleaseState.COMPLETE,
        "released": RELEASED,
        "first_modified": RELEASED,
        "last_modified": RELEASED,
        "families": ("source", "windows", "macos", "android"),
        "artifacts": 24,
        "bytes": 467_885_123,
        "signed_share": 0.5,
        "missing_families": (),
        "expected_complete_by": datetime(2025, 10, 8, 14, 16, tzinfo=UTC),
        "source_path": "3.14.0/Python-3.14.0.tar.xz",
    }
    return PythonRelease(**(values | changes))


WHOLE = release(3, 14, 0, "final", 0)
HALF = release(
    *(3, 15, 0, "candidate", 1),
    state=ReleaseState.PARTIAL,
    families=("source", "android"),
    missing_families=("windows", "macos"),
    artifacts=4,
    bytes=68_000_000,
    signed_share=1.0,
    source_path="3.15.0/Python-3.15.0rc1.tar.xz",
)
BARE = release(
    *(2, 0, 0, "beta", 1),
    state=ReleaseState.SUPERSEDED,
    released=None,
    first_modified=None,
    last_modified=None,
    expected_complete_by=None,
    families=(),
    bytes=0,
    artifacts=1,
    signed_share=0.0,
    source_path=None,
)


def test_a_table_of_80_columns_shows_states_dates_and_families() -> None:
    assert (
        lines_of(shown(RELEASES, [BARE, WHOLE, HALF], 80))
        == """\
Version    State       Released    Families                                 Size
2.0.0b1    superseded  -                                                     0 B
3.14.0     complete    2025-10-07  source windows macos android         467.9 MB
3.15.0rc1  partial     2025-10-07  source android; lacks windows macos   68.0 MB

3 releases, 1 partial
3.15.0rc1 lacks windows, macos: may come until 2025-10-08 14:16 UTC
"""
    )


def test_a_table_of_160_columns_shows_times_signatures_and_sources_too() -> None:
    assert (
        lines_of(shown(RELEASES, [BARE, WHOLE, HALF], 160))
        == """\
Version    State       Released (UTC)    Families                             Files  Signed      Size  Source
2.0.0b1    superseded  -                                                          1      0%       0 B  -
3.14.0     complete    2025-10-07 14:16  source windows macos android            24     50%  467.9 MB  3.14.0/Python-3.14.0.tar.xz
3.15.0rc1  partial     2025-10-07 14:16  source android; lacks windows macos      4    100%   68.0 MB  3.15.0/Python-3.15.0rc1.tar.xz

3 releases, 1 partial
3.15.0rc1 lacks windows, macos: may come until 2025-10-08 14:16 UTC
"""  # noqa: E501  # it is about width
    )


@pytest.mark.parametrize("width", [60, 80, 149, 150, 160, 250])
def test_a_table_fits_its_terminal(width: int) -> None:
    text = shown(RELEASES, [BARE, WHOLE, HALF], width)
    assert max(map(len, text.splitlines())) <= width
    assert "467.9 MB" in text
    assert "superseded" in text


def test_a_pipe_gets_a_header_and_a_line_a_release() -> None:
    lines = list(table_lines(RELEASES.pipe, [BARE, WHOLE, HALF]))
    header = "VERSION STATE RELEASED FAMILIES MISSING COMPLETE_BY SIGNED ARTIFACTS BYTES SOURCE"
    assert [line.split() for line in lines] == [
        header.split(),
        ["2.0.0b1", "superseded", "-", "-", "-", "-", "0.00", "1", "0", "-"],
        [
            *("3.14.0", "complete", "2025-10-07T14:16Z", "source,windows,macos,android"),
            *("-", "-", "0.50", "24", "467885123", "3.14.0/Python-3.14.0.tar.xz"),
        ],
        [
            *("3.15.0rc1", "partial", "2025-10-07T14:16Z", "source,android", "windows,macos"),
            *("2025-10-08T14:16Z", "1.00", "4", "68000000", "3.15.0/Python-3.15.0rc1.tar.xz"),
        ],
    ]
    assert len({line.rindex("  ") for line in lines}) == 1


def test_releases_are_lines_for_people_and_plain_values_in_json() -> None:
    assert result_text([WHOLE, HALF]) == (
        "3.14.0 complete\n3.15.0rc1 partial, lacks windows, macos\n"
    )
    assert json.loads(json.dumps(HALF, default=json_value)) == {
        "release_version": [3, 15, 0, "candidate", 1],
        "version": "3.15.0rc1",
        "series": "3.15",
        "is_final": False,
        "state": "partial",
        "released": "2025-10-07T14:16:00Z",
        "first_modified": "2025-10-07T14:16:00Z",
        "last_modified": "2025-10-07T14:16:00Z",
        "families": ["source", "android"],
        "artifacts": 4,
        "bytes": 68_000_000,
        "signed_share": 1.0,
        "missing_families": ["windows", "macos"],
        "expected_complete_by": "2025-10-08T14:16:00Z",
        "source_path": "3.15.0/Python-3.15.0rc1.tar.xz",
    }
