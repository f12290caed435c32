"""Results of commands as lines for people and as values for JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pyorg_pipeline.model.artifacts import ATTRIBUTES
from pyorg_pipeline.model.catalog import CatalogInfo
from pyorg_pipeline.model.values import json_value
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.reports.lines import (
    duration_text,
    printable,
    result_text,
    size_text,
    time_text,
)
from pyorg_pipeline_tests.support.report_rows import (
    CHANGE_ROWS,
    RELEASE_ROWS,
    SOURCE,
    UNKNOWN,
    artifact,
    change,
)

FINAL = NormalizedPythonVersion(3, 13, 9, "final", 0)
CANDIDATE = NormalizedPythonVersion(3, 14, 0, "candidate", 2)


@pytest.mark.parametrize(
    ("size", "text"), [(None, "-"), (0, "0 bytes"), (999, "999 bytes"), (22_681_368, "22.7 MB")]
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
    assert time_text(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01 00:00:00 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe", "größe"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("a\u202eb", "a\\u202eb"),
        ("a\udc80b", "a\\udc80b"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


LONG_AGO = datetime(2020, 1, 1, 12, 0, 5, tzinfo=UTC)
INFO = CatalogInfo(
    location="/a catalog",
    site_url="http://x/",
    refreshed_at=LONG_AGO,
    age=timedelta(hours=2),
    listing_generated_at=LONG_AGO,
    published_at=LONG_AGO,
    directories=322,
    releases=471,
    artifacts=4152,
    unrecognised=0,
    failures={},
    hidden={"2.2.3": "another page"},
)


def test_the_catalog_s_numbers_are_aligned_with_their_names() -> None:
    assert result_text(INFO).splitlines() == [
        "location              /a catalog",
        "site url              http://x/",
        "refreshed at          2020-01-01 12:00:05 UTC",
        "age                   2 hours",
        "listing generated at  2020-01-01 12:00:05 UTC",
        "published at          2020-01-01 12:00:05 UTC",
        "directories           322",
        "releases, all levels  471",
        "artifacts             4,152",
        "unrecognised          0",
        "failures              none",
        "hidden                2.2.3: another page",
    ]
    failed = replace(INFO, failures={"3.9.0": "cut", "2.7": "a\nb"})
    assert "\nfailures              3.9.0: cut; 2.7: a\\nb\n" in result_text(failed)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, ""),
        ("", ""),
        ("text\n", "text\n"),
        ([], ""),
        (FINAL, "3.13.9\n"),
        (CANDIDATE.numbers, "3.14.0\n"),
        ([FINAL, CANDIDATE], "3.13.9\n3.14.0rc2\n"),
        ([SOURCE, artifact("a\nb")], "3.13.9/Python-3.13.9.tar.xz\n3.13.9/a\\nb\n"),
        (RELEASE_ROWS[1:], "3.14.0 complete\n3.15.0rc1 partial, lacks windows, macos\n"),
        ((FINAL, Path("a") / "b"), f"3.13.9\n{Path('a') / 'b'}\n"),
    ],
)
def test_results_are_lines_for_people(result: object, text: str) -> None:
    assert result_text(result) == text


def test_a_change_is_one_line() -> None:
    assert result_text([*CHANGE_ROWS, change("appeared", "3.13.9/a\nb")]) == (
        "2026-11-22T03:23:37.145Z  appeared  3.14.0/python-3.14.0-amd64.exe"
        "  (22700000 bytes, 2025-10-14T14:31Z)\n"
        "2026-11-23T03:23:37.145Z  vanished  2.7/UNWISE.EXE"
        "  (22000000 bytes, 2025-10-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  replaced  3.13.9/Python-3.13.9.tar.xz"
        "  (22000000 bytes, 2025-10-07T09:30Z -> 22700000 bytes, 2025-10-14T14:31Z)\n"
        "2026-11-23T03:23:37.145Z  replaced  3.13.9/Python-3.13.9.tgz"
        "  (22000000 bytes, 2025-10-07T09:30Z -> 22000001 bytes, 2025-10-07T09:30Z)\n"
        "2026-11-23T03:23:37.145Z  appeared  3.13.9/x  (- bytes, -)\n"
        "2026-11-23T03:23:37.145Z  appeared  3.13.9/a\\nb  (22700000 bytes, 2025-10-14T14:31Z)\n"
    )


def test_results_are_plain_values_in_json() -> None:
    signed = replace(
        SOURCE, sha256="c0" * 32, digest_source="sigstore", signed_by="thomas@python.org"
    )
    results = [signed, UNKNOWN, RELEASE_ROWS[2], CHANGE_ROWS[2], INFO, Path("a")]
    text = json.dumps(results, default=json_value)
    source, unknown, release, replaced, info, path = json.loads(text)
    assert source == {
        "name": "Python-3.13.9.tar.xz",
        "path": "3.13.9/Python-3.13.9.tar.xz",
        **dict.fromkeys(ATTRIBUTES),
        "version": "3.13.9",
        "artifact_type": "source-release",
        "format": "tarball_lzma",
        "companions": [".asc", ".sigstore"],
        "is_final": True,
        "size": 22_681_368,
        "last_modified": "2025-10-14T14:31:00Z",
        "url": "https://www.python.org/ftp/python/3.13.9/Python-3.13.9.tar.xz",
        "sha256": "c0" * 32,
        "digest_source": "sigstore",
        "signed_by": "thomas@python.org",
        "sha256_before": None,
    }
    assert [unknown[name] for name in ("version", "size", "last_modified")] == [None] * 3
    assert release == {
        "version": "3.15.0rc1",
        "series": "3.15",
        "is_final": False,
        "state": "partial",
        "released": "2025-10-07T09:30:00Z",
        "first_modified": "2025-10-07T09:30:00Z",
        "last_modified": "2025-10-07T09:30:00Z",
        "families": ["source", "android"],
        "artifacts": 4,
        "bytes": 68_000_000,
        "signed_share": 1.0,
        "missing_families": ["windows", "macos"],
        "expected_complete_by": "2025-10-08T09:30:00Z",
        "source_path": "3.15.0/Python-3.15.0rc1.tar.xz",
    }
    assert replaced == {
        "change": "replaced",
        "path": "3.13.9/Python-3.13.9.tar.xz",
        "version": "3.13.9",
        "artifact_type": "source-release",
        "companion_of": None,
        "size_before": 22_000_000,
        "size": 22_700_000,
        "last_modified_before": "2025-10-07T09:30:00Z",
        "last_modified": "2025-10-14T14:31:00Z",
        "sha256_before": None,
        # To the millisecond, so that it can be given as `since`.
        "seen_at": "2026-11-23T03:23:37.145Z",
        "url": "https://www.python.org/ftp/python/3.13.9/Python-3.13.9.tar.xz",
    }
    assert (info["refreshed_at"], info["age_seconds"]) == ("2020-01-01T12:00:05Z", 7200.0)
    assert path == "a"
