"""The checks of the published tables: each passes on the record, and can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE, VERSION_COLUMNS, CatalogStore
from pyorg_pipeline.refresh.checks import (
    CHECKED_COLUMNS,
    companions_have_their_artifact,
    every_final_has_a_source_tarball,
    files_are_in_their_directory,
    latest_never_goes_back,
    paths_are_unique,
    replaced_files_are_confirmed,
    sizes_are_plausible,
    unrecognised_share_did_not_jump,
)


def row(path: str, **more: Any) -> dict[str, Any]:
    """A row of artifact_catalog as the checks read it: a whole final source tarball."""
    version = more.pop("version", (3, 14, 0, "final", 0))
    return {
        **dict.fromkeys(CHECKED_COLUMNS),
        **dict(zip(VERSION_COLUMNS, version, strict=True)),
        "path": path,
        "name": path.rpartition("/")[2],
        "version": "{}.{}.{}".format(*version),
        "artifact_type": "source-release",
        "format": "tarball_lzma",
        "size": 23_000_000,
        **more,
    }


UNRECOGNISED = {"unrecognised": 18, "share": 0.004317}


def test_every_check_holds_on_the_whole_record(catalog_home: Path) -> None:
    store = CatalogStore(LocalLocation(catalog_home / "catalog"))
    table, metadata = store.read(CATALOG_FILE, CHECKED_COLUMNS)
    rows = table.to_pylist()
    latest, latest_metadata = store.read(LATEST_FILE)
    found = [
        every_final_has_a_source_tarball(rows),
        files_are_in_their_directory(rows),
        paths_are_unique(rows),
        sizes_are_plausible(rows),
        replaced_files_are_confirmed(rows),
        companions_have_their_artifact(rows),
        unrecognised_share_did_not_jump(metadata),
        latest_never_goes_back(latest.to_pylist(), latest_metadata),
    ]
    assert [(one.passed, one.description, one.numbers) for one in found] == [
        (True, "All of 231 final releases have a source tarball.", {"finals": 231, "without": 0}),
        (
            True,
            "None of 4,170 files is in the directory of another version.",
            {"files": 4170, "misplaced": 0},
        ),
        (True, "None of 4,170 paths is repeated.", {"paths": 4170, "repeated": 0}),
        (True, "All of 4,152 sizes are plausible.", {"sizes": 4152, "implausible": 0}),
        (True, "No digest of a replaced file is unconfirmed.", {"unconfirmed": 0}),
        (True, "Each companion has its artifact.", {"without_artifact": 0}),
        (True, "There is no earlier snapshot to compare with.", UNRECOGNISED),
        (True, "No latest version went back.", {"rows": len(latest), "went_back": 0}),
    ]


def test_a_jump_of_unrecognised_files_fails_the_check() -> None:
    before = {"artifacts": 4152, "unrecognised": 18}
    found = unrecognised_share_did_not_jump({**before, "unrecognised": 48, "before": before})
    text = "48 files are unrecognised (1.14%), 18 were before (0.43%): "
    assert not found.passed
    assert found.description.startswith(text)
    names = ["unrecognised", "share", "unrecognised_before", "share_before"]
    assert found.numbers == dict(zip(names, [48, 0.011429, 18, 0.004317], strict=True))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        # A few stray files, however small the catalog.
        ((8, 12), (8, 2)),
        # Many directories, and their old unrecognised files with them.
        ((4152, 18), (1000, 5)),
        ((4152, 18), (4152, 90)),
        ((0, 0), (0, 0)),
    ],
)
def test_stray_files_and_first_crawls_are_no_jump(
    now: tuple[int, int], before: tuple[int, int]
) -> None:
    counts = [dict(zip(["artifacts", "unrecognised"], one, strict=True)) for one in (now, before)]
    assert unrecognised_share_did_not_jump({**counts[0], "before": counts[1]}).passed


WINDOWS = {"artifact_type": "windows-release", "format": "executable"}


@pytest.mark.parametrize("only", [WINDOWS, {"superseded": True}, {"debug": True}])
def test_a_final_without_a_source_tarball_is_named(only: dict[str, Any]) -> None:
    rows = [
        row("3.13.9/a.tar.xz", version=(3, 13, 9, "final", 0)),
        row("3.14.0/b", **only),
        row("3.14.0/c.exe", version=(3, 14, 9, "final", 0), misplaced=True, **WINDOWS),
        # Pre-releases, and documents alone, need none.
        row("a.exe", version=(3, 15, 0, "alpha", 1), **WINDOWS),
        row("b.chm", version=(3, 15, 0, "final", 0), artifact_type="documentation"),
    ]
    found = every_final_has_a_source_tarball(rows)
    assert not found.passed
    assert found.description.startswith("1 of 2 final releases have no source tarball: 3.14.0. ")
    assert (found.numbers, found.samples) == ({"finals": 2, "without": 1}, ["3.14.0"])


def test_repeated_paths_are_counted_and_the_first_are_named() -> None:
    paths = [f"a{number:02}" for number in range(25)]
    found = paths_are_unique([row(path) for path in [*paths, *paths, "b"]])
    assert (found.passed, found.samples) == (False, paths[:20])
    assert "a00, a01, a02 and 22 more" in found.description
    assert found.numbers == {"paths": 26, "repeated": 25}


OLD = {"version": (0, 9, 1, "final", 0)}
MANIFEST = {"artifact_type": "windows-manifest", "format": "json"}


@pytest.mark.parametrize(
    ("size", "more", "is_plausible"),
    [
        (0, {}, False),
        (0, MANIFEST, False),
        (0, {"artifact_type": "unrecognised", "format": None}, True),
        (2_999_999, {}, False),
        (3_000_000, {}, True),
        (150_000_000, {}, True),
        (150_000_001, {}, False),
        (299_999, OLD, False),
        (300_000, OLD, True),
        (5583, MANIFEST, True),
        (None, {}, True),
    ],
)
def test_a_size_that_there_never_was_is_reported_with_its_file(
    size: int | None, more: dict[str, Any], is_plausible: bool
) -> None:
    found = sizes_are_plausible([row("3.14.0/a.tar.xz", size=size, **more), row("b.tgz")])
    assert found.passed == is_plausible
    assert found.samples == ([] if is_plausible else [f"3.14.0/a.tar.xz ({size:,} bytes)"])
    assert found.numbers["implausible"] == (not is_plausible)


def test_a_companion_without_its_artifact_is_named() -> None:
    alone = [
        "3.14.0/Python-3.14.0.tgz.asc",
        "3.14.0/Python-3.14.0.tar.xz.spdx.json",
        "3.14.0/x.exe.asc_superceded",
    ]
    others = ["2.2/UNWISE.EXE", "3.14.0/.asc", "3.14.0/x.json", "3.14.0/asc"]
    unknown = {"artifact_type": "unrecognised", "format": None}
    found = companions_have_their_artifact([row(path, **unknown) for path in alone + others])
    assert (found.passed, found.samples) == (False, alone)
    assert found.numbers == {"without_artifact": 3}


def test_a_replaced_file_fails_the_check_until_it_is_confirmed() -> None:
    found = replaced_files_are_confirmed([row("a.tgz"), row("b.tgz", sha256_before="0" * 64)])
    assert (found.passed, found.samples, found.numbers) == (False, ["b.tgz"], {"unconfirmed": 1})
    assert found.description.startswith("1 replaced file with an unconfirmed digest: b.tgz. ")
