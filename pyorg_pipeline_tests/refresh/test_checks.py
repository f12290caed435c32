"""The checks of the published tables: each passes on the record, and can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.refresh.checks import (
    CHECKED_COLUMNS,
    companions_have_their_artifact,
    every_final_has_a_source_tarball,
    latest_never_goes_back,
    paths_are_unique,
    sizes_are_plausible,
    unrecognised_share_did_not_jump,
)


def row(path: str, **more: Any) -> dict[str, Any]:
    """A row of artifact_catalog as the checks read it: a whole final source tarball."""
    version = more.pop("version", (3, 14, 0, "final", 0))
    major, minor, micro, level, serial = version
    return {
        **dict.fromkeys(CHECKED_COLUMNS),
        "path": path,
        "name": path.rpartition("/")[2],
        "major": major,
        "minor": minor,
        "micro": micro,
        "releaselevel": level,
        "serial": serial,
        "version": f"{major}.{minor}.{micro}",
        "artifact_type": "source-release",
        "format": "tarball_lzma",
        "size": 23_000_000,
        **more,
    }


def test_every_check_holds_on_the_whole_record(catalog_home: Path) -> None:
    store = CatalogStore(LocalLocation(catalog_home / "catalog"))
    table, metadata = store.read(CATALOG_FILE, CHECKED_COLUMNS)
    rows = table.to_pylist()
    latest, latest_metadata = store.read(LATEST_FILE)
    found = [
        every_final_has_a_source_tarball(rows),
        paths_are_unique(rows),
        sizes_are_plausible(rows),
        companions_have_their_artifact(rows),
        unrecognised_share_did_not_jump(metadata),
        latest_never_goes_back(latest.to_pylist(), latest_metadata),
    ]
    assert [(one.passed, one.description, one.numbers) for one in found] == [
        (True, "All of 231 final releases have a source tarball.", {"finals": 231, "without": 0}),
        (True, "None of 4,170 paths is repeated.", {"paths": 4170, "repeated": 0}),
        (True, "All of 4,152 sizes are plausible.", {"sizes": 4152, "implausible": 0}),
        (True, "Each companion has its artifact.", {"without_artifact": 0}),
        (
            True,
            "There is no earlier snapshot to compare with.",
            {"unrecognised": 18, "share": 0.004317},
        ),
        (True, "No latest version went back.", {"rows": len(latest), "went_back": 0}),
    ]


def test_a_jump_of_unrecognised_files_fails_the_check() -> None:
    before = {"artifacts": 4152, "unrecognised": 18}
    found = unrecognised_share_did_not_jump({**before, "unrecognised": 48, "before": before})
    assert not found.passed
    assert found.description.startswith(
        "48 files are unrecognised (1.14%), 18 were before (0.43%): "
    )
    assert found.numbers == {
        "unrecognised": 48,
        "share": 0.011429,
        "unrecognised_before": 18,
        "share_before": 0.004317,
    }


@pytest.mark.parametrize(
    ("now", "before"),
    [
        # A few stray files, however small the catalog.
        ({"artifacts": 8, "unrecognised": 12}, {"artifacts": 8, "unrecognised": 2}),
        # Many directories, and their old unrecognised files with them.
        ({"artifacts": 4152, "unrecognised": 18}, {"artifacts": 1000, "unrecognised": 5}),
        ({"artifacts": 4152, "unrecognised": 18}, {"artifacts": 4152, "unrecognised": 90}),
        ({"artifacts": 0, "unrecognised": 0}, {"artifacts": 0, "unrecognised": 0}),
    ],
)
def test_stray_files_and_first_crawls_are_no_jump(
    now: dict[str, Any], before: dict[str, Any]
) -> None:
    assert unrecognised_share_did_not_jump({**now, "before": before}).passed


def test_a_catalog_of_an_older_program_has_nothing_to_compare_with() -> None:
    assert unrecognised_share_did_not_jump({"artifacts": 1, "unrecognised": 50}).passed
    assert latest_never_goes_back([], {}).passed


@pytest.mark.parametrize(
    "only",
    [
        {"artifact_type": "windows-release", "format": "executable"},
        {"superseded": True},
        {"debug": True},
    ],
)
def test_a_final_without_a_source_tarball_is_named(only: dict[str, Any]) -> None:
    found = every_final_has_a_source_tarball(
        [row("3.13.9/a.tar.xz", version=(3, 13, 9, "final", 0)), row("3.14.0/b", **only)]
    )
    assert not found.passed
    assert found.description.startswith(
        "1 of 2 final releases have no source tarball: 3.14.0. One that is being uploaded "
    )
    assert (found.numbers, found.samples) == ({"finals": 2, "without": 1}, ["3.14.0"])


def test_neither_pre_releases_nor_documents_alone_want_a_source_tarball() -> None:
    rows = [
        row("a.exe", version=(3, 15, 0, "alpha", 1), artifact_type="windows-release"),
        row("b.chm", artifact_type="documentation", format="html_help"),
    ]
    assert every_final_has_a_source_tarball(rows).numbers == {"finals": 0, "without": 0}


def test_a_repeated_path_is_named() -> None:
    found = paths_are_unique([row("3.14.0/a.tgz"), row("3.14.0/b.tgz"), row("3.14.0/a.tgz")])
    assert (found.passed, found.samples) == (False, ["3.14.0/a.tgz"])
    assert found.numbers == {"paths": 2, "repeated": 1}


@pytest.mark.parametrize(
    ("size", "more"),
    [
        (0, {}),
        (0, {"artifact_type": "windows-manifest", "format": "json"}),
        (2_999_999, {}),
        (150_000_001, {}),
        (299_999, {"version": (0, 9, 1, "final", 0)}),
    ],
)
def test_an_implausible_size_is_reported_with_its_file(size: int, more: dict[str, Any]) -> None:
    found = sizes_are_plausible([row("3.14.0/a.tar.xz", size=size, **more), row("b.tgz")])
    assert not found.passed
    assert found.samples == [f"3.14.0/a.tar.xz ({size:,} bytes)"]
    assert found.numbers == {"sizes": 2, "implausible": 1}


@pytest.mark.parametrize(
    ("size", "more"),
    [
        (None, {}),
        (3_000_000, {}),
        (150_000_000, {}),
        (300_000, {"version": (0, 9, 1, "final", 0)}),
        (5583, {"artifact_type": "windows-manifest", "format": "json"}),
        (0, {"artifact_type": "unrecognised", "format": None}),
    ],
)
def test_a_size_within_what_there_ever_was_is_plausible(size: int, more: dict[str, Any]) -> None:
    assert sizes_are_plausible([row("3.14.0/a.tar.xz", size=size, **more)]).passed


def test_a_companion_without_its_artifact_is_named() -> None:
    unknown = {"artifact_type": "unrecognised", "format": None}
    found = companions_have_their_artifact(
        [
            row("3.14.0/Python-3.14.0.tgz.asc", **unknown),
            row("3.14.0/Python-3.14.0.tar.xz.spdx.json", **unknown),
            row("3.14.0/x.exe.asc_superceded", **unknown),
            row("2.2/UNWISE.EXE", **unknown),
            row("3.14.0/.asc", **unknown),
            row("3.14.0/x.json", **unknown),
            row("3.14.0/asc", **unknown),
        ]
    )
    assert not found.passed
    assert found.samples == [
        "3.14.0/Python-3.14.0.tgz.asc",
        "3.14.0/Python-3.14.0.tar.xz.spdx.json",
        "3.14.0/x.exe.asc_superceded",
    ]
    assert found.numbers == {"without_artifact": 3}


def latest(series: str | None, final_only: bool, *version: Any) -> dict[str, Any]:
    names = ("major", "minor", "micro", "releaselevel", "serial")
    text = ".".join(map(str, version[:3])) + ("" if version[3] == "final" else "a1")
    return {
        "series": series,
        "final_only": final_only,
        **dict(zip(names, version, strict=True)),
        "version": text,
    }


def test_a_latest_version_that_went_back_or_disappeared_is_named() -> None:
    before = [
        latest(None, True, 3, 14, 10, "final", 0),
        latest(None, False, 3, 15, 0, "alpha", 1),
        latest("3.14", True, 3, 14, 10, "final", 0),
        latest("3.15", False, 3, 15, 0, "alpha", 1),
    ]
    now = [
        latest(None, True, 3, 14, 9, "final", 0),
        latest(None, False, 3, 15, 0, "final", 0),
        latest("3.14", True, 3, 14, 10, "final", 0),
    ]
    found = latest_never_goes_back(now, {"before": before})
    assert not found.passed
    assert found.samples == [
        "all, final: 3.14.10 to 3.14.9",
        "3.15, of any level: 3.15.0a1 to none",
    ]
    assert found.numbers == {"rows": 3, "went_back": 2}
    assert latest_never_goes_back(now, {"before": now}).passed


def test_a_long_list_is_counted_and_shortened() -> None:
    found = paths_are_unique([row(f"a{number:02}") for number in range(25)] * 2)
    assert "a00, a01, a02 and 22 more" in found.description
    assert len(found.samples) == 20
