"""The tool that replays how releases came to the site."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tools import replay_releases

RELEASES = """
[[release."3.14"]]
stage = "3.14.0 candidate 1"
date = 2025-07-22
[[release."3.14"]]
stage = "3.14.0 final"
date = 2025-10-07
[[release."3.14"]]
stage = "3.14.1"
date = 2025-12-02
"""
FILES = {
    "3.14.0": ["Python-3.14.0rc1.tgz", "Python-3.14.0.tgz", "python-3.14.0-amd64.exe"],
    "3.14.1": ["Python-3.14.1.tgz", "Python-3.14.1.tgz.asc", "python-3.14.1-macos11.pkg"],
    # Not a release of the other table.
    "3.13.0": ["Python-3.13.0.tgz"],
}


def test_what_is_complete_too_early_or_partial_too_late_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing, releases = tmp_path / "listing.tsv.gz", tmp_path / "releases.toml"
    lines = [f"{name}/{file}\t9" for name, files in FILES.items() for file in files]
    listing.write_bytes(gzip.compress("\n".join(["path\tsize", *lines, ""]).encode()))
    releases.write_text(RELEASES, encoding="utf-8")
    replay_releases.main([str(listing), str(releases), "--list"])
    assert capsys.readouterr().out.splitlines() == [
        "3 releases: 1 complete too early, 1 partial too late",
        "early:",
        "3.14.0 without windows-release",
        "late:",
        "3.14.1 partial, lacks windows",
    ]
