"""The summary that `pyorg refresh` prints."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import DirectoriesFailedError
from pyorg_pipeline.reports.lines import json_value
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.small_site import DIRECTORIES


def lines_of(settings: Settings, **how: bool) -> list[str]:
    """The summary's lines, with the durations taken out."""
    text = str(refresh(settings, **how))
    return [re.sub(r"\d+(\.\d)? s\b", "N s", line) for line in text.splitlines()]


def test_a_first_refresh_prints_the_catalog_s_contents_and_location(
    settings: Settings, site: Replica
) -> None:
    added = [
        *("src/lib1.5.tar.gz", "src/python-1.5.2.tar.gz", "2.7/Python-2.7.tgz", "2.7/UNWISE.EXE"),
        *("3.13.9/Python-3.13.9.tar.xz", "3.13.9/Python-3.13.9.tgz"),
        *("3.13.9/python-3.13.9-amd64.exe", "3.14.0/Python-3.14.0.tar.xz"),
        *("3.14.0/Python-3.14.0rc1.tar.xz", "3.15.0/Python-3.15.0a1.tgz"),
    ]
    assert lines_of(settings) == [
        f"Refreshed from {site.url} (6 requests, N s).",
        "  directories  5, 5 read (new 5)",
        f"  added        10: {', '.join(added)}",
        "  artifacts    8, and 2 files unrecognised",
        "  latest       3.14.0 (final), 3.15.0a1",
        f"  catalog      {settings.catalog_url}",
    ]


def test_a_refresh_without_news_is_one_line(settings: Settings, site: Replica) -> None:
    refresh(settings)
    latest = "Latest: 3.14.0 (final), 3.15.0a1."
    listed = "Nothing new: 5 release directories, as listed N s ago"
    assert lines_of(settings) == [f"{listed} (1 request, N s). {latest}"]
    again = "5 of them read again (full 5)"
    assert lines_of(settings, full=True) == [f"{listed}, {again} (6 requests, N s). {latest}"]
    # More than ten files are only counted.
    for number in range(11):
        site.add(f"3.14.0/Python-3.14.0b{number}.tgz")
    assert "  added        11" in lines_of(settings)


def test_added_removed_and_replaced_files_and_vanished_directories_are_named(
    settings: Settings, site: Replica
) -> None:
    refresh(settings)
    site.add("3.14.0/Python-3.14.0.tgz", size=30_000_000)
    site.remove("3.14.0/Python-3.14.0rc1.tar.xz")
    site.replace("3.14.0/Python-3.14.0.tar.xz", size=5)
    site.remove("3.15.0/")
    back = "all, of any level: 3.15.0a1 to 3.14.0, 3.15, of any level: 3.15.0a1 to none"
    lines = lines_of(settings, accept_vanished=True)
    warnings = [line for line in lines if line.startswith("  warning")]
    assert [line[: line.index(":")].split()[1] for line in warnings] == [
        "latest_never_goes_back",
        "sizes_are_plausible",
    ]
    assert back in warnings[0]
    assert "3.14.0/Python-3.14.0.tar.xz (5 bytes)" in warnings[1]
    assert [line for line in lines if line not in warnings] == [
        f"Refreshed from {site.url} (2 requests, N s).",
        "  directories  4, 1 read (changed 1)",
        "  vanished     1: 3.15.0",
        "  added        1: 3.14.0/Python-3.14.0.tgz",
        "  removed      1: 3.14.0/Python-3.14.0rc1.tar.xz",
        "  replaced     1: 3.14.0/Python-3.14.0.tar.xz",
        "  artifacts    7, and 2 files unrecognised",
        "  latest       3.14.0 (final)",
        f"  catalog      {settings.catalog_url}",
    ]


def test_failures_are_raised_after_the_summary_and_hidden_directories_are_not(
    settings: Settings, site: Replica
) -> None:
    site.answer("2.7/", Answer(body=b"<html><title>Python 2.7</title></html>"))
    site.answer("3.13.9/", Answer(status=403))
    site.add("3.14.0/\x1b[31m\nred.tgz")
    done = refresh(settings)
    assert done.hidden == ["2.7"]
    assert isinstance(done.error, DirectoriesFailedError)
    assert list(done.error.failures) == ["3.13.9"]
    text = str(done)
    # The site's control characters are escaped.
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    assert re.search(r"^  failed       3\.13\.9: .*403", text, re.MULTILINE)
    own_page = "returned another page instead of a listing; a later refresh tries again"
    assert f"\n  hidden       2.7 {own_page}\n" in text


def test_in_json_a_refresh_is_an_object(settings: Settings, site: Replica) -> None:
    site.answer("2.7/", Answer(status=404))
    done = json.loads(json.dumps(refresh(settings), default=json_value))
    assert datetime.fromisoformat(done.pop("listed_at")).tzinfo == UTC
    assert done.pop("seconds") > 0
    assert "404" in done["failures"].pop("2.7")
    assert done == {
        "site_url": site.url,
        "location": settings.catalog_url,
        "directories": 5,
        "crawled": dict.fromkeys(DIRECTORIES, "new"),
        "vanished": [],
        "added": done["added"],
        "removed": [],
        "replaced": [],
        "artifacts": 7,
        "unrecognised": 1,
        "hidden": [],
        "failures": {},
        "digests_read": 0,
        "digests_verified": 0,
        "digest_conflicts": [],
        "digests_unreadable": [],
        "digests_rejected": [],
        "digest_failures": {},
        "failed_checks": {},
        "latest_final": "3.14.0",
        "latest": "3.15.0a1",
        "requests": 6,
    }
    assert len(done["added"]) == 8
