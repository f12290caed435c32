"""The summary that `pyorg refresh` prints."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import DirectoriesFailedError
from pyorg_pipeline.model.values import json_value
from pyorg_pipeline.reports.summary import RefreshSummary
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.small_site import DIRECTORIES


def lines_of(summary: RefreshSummary) -> list[str]:
    """The summary's lines, without the durations."""
    return [re.sub(r"\d+(\.\d)? s\b", "N s", line) for line in str(summary).splitlines()]


def test_a_first_refresh_prints_the_contents_and_one_without_news_is_a_line(
    settings: Settings, site: Replica
) -> None:
    added = [
        *("src/lib1.5.tar.gz", "src/python-1.5.2.tar.gz", "2.7/Python-2.7.tgz", "2.7/UNWISE.EXE"),
        *("3.13.9/Python-3.13.9.tar.xz", "3.13.9/Python-3.13.9.tgz"),
        *("3.13.9/python-3.13.9-amd64.exe", "3.14.0/Python-3.14.0.tar.xz"),
        *("3.14.0/Python-3.14.0rc1.tar.xz", "3.15.0/Python-3.15.0a1.tgz"),
    ]
    done = refresh(settings)
    assert lines_of(done) == [
        f"Refreshed from {site.url} (6 requests, N s).",
        "  directories  5, 5 read (new 5)",
        f"  added        10: {', '.join(added)}",
        "  artifacts    8, and 2 files unrecognised",
        "  latest       3.14.0 (final), 3.15.0a1",
        f"  catalog      {settings.catalog_url}",
    ]
    # More than ten files are only counted.
    assert "  added        11" in lines_of(replace(done, added=[*added, "3.14.0/more"]))
    latest = "Latest: 3.14.0 (final), 3.15.0a1."
    listed = "Nothing new: 5 release directories, as listed N s ago"
    done = refresh(settings)
    assert lines_of(done) == [f"{listed} (1 request, N s). {latest}"]
    again = "5 of them read again (full 5)"
    done = replace(done, crawled=dict.fromkeys(DIRECTORIES, "full"))
    assert lines_of(done) == [f"{listed}, {again} (1 request, N s). {latest}"]


def test_changes_and_warnings_are_named(settings: Settings, site: Replica) -> None:
    refresh(settings)
    site.add("3.14.0/Python-3.14.0.tgz", size=30_000_000)
    site.remove("3.14.0/Python-3.14.0rc1.tar.xz")
    site.replace("3.14.0/Python-3.14.0.tar.xz", size=5)
    site.remove("3.15.0/")
    lines = lines_of(refresh(settings, accept_vanished=True))
    warnings = [line for line in lines if line.startswith("  warning")]
    assert [line[: line.index(":")].split()[1] for line in warnings] == [
        "latest_never_goes_back",
        "sizes_are_plausible",
    ]
    back = "all, of any level: 3.15.0a1 to 3.14.0, 3.15, of any level: 3.15.0a1 to none"
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


def test_failures_are_an_error_and_hidden_directories_are_not(
    settings: Settings, site: Replica
) -> None:
    site.answer("2.7/", Answer(body=b"<html><title>Python 2.7</title></html>"))
    site.answer("3.13.9/", Answer(status=403))
    site.add("3.14.0/\x1b[31m\nred.tgz")
    done = refresh(settings)
    assert isinstance(done.error, DirectoriesFailedError)
    text = str(done)
    # The site's control characters are escaped.
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    assert re.search(r"^  failed       3\.13\.9: .*403", text, re.MULTILINE)
    page = "returned another page instead of a listing; a later refresh tries again"
    assert f"\n  hidden       2.7 {page}\n" in text
    values = json.loads(json.dumps(done, default=json_value))
    assert datetime.fromisoformat(values.pop("listed_at")).tzinfo == UTC
    assert values.pop("seconds") > 0
    assert list(values.pop("failures")) == list(done.error.failures) == ["3.13.9"]
    assert len(values["added"]) == 6
    assert values == {
        "site_url": site.url,
        "location": settings.catalog_url,
        "directories": 5,
        "crawled": dict.fromkeys(DIRECTORIES, "new"),
        "vanished": [],
        "added": values["added"],
        "removed": [],
        "replaced": [],
        "artifacts": 4,
        "unrecognised": 2,
        "hidden": ["2.7"],
        "digests_read": 0,
        "digests_verified": 0,
        "digests_unconfirmed": [],
        "digests_unreadable": [],
        "digests_rejected": [],
        "digest_failures": {},
        "install_manager": None,
        "failed_checks": {},
        "latest_final": "3.14.0",
        "latest": "3.15.0a1",
        "requests": 6,
    }
