"""Artifacts are plain frozen values that count as paths."""

from __future__ import annotations

import copy
import os
import pickle
import random
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pyorg_pipeline.model.artifacts import (
    SOURCE_PREFERENCE,
    UNRECOGNISED,
    PythonOrgArtifact,
    is_release_type,
)
from pyorg_pipeline.model.names import RULES
from pyorg_pipeline.model.versions import NormalizedPythonVersion


def artifact(
    path: str = "3.13.9/Python-3.13.9.tgz",
    version: NormalizedPythonVersion | None = NormalizedPythonVersion(3, 13, 9, "final", 0),  # noqa: B008  # immutable
    **changes: Any,
) -> PythonOrgArtifact:
    """The gzipped source tarball of 3.13.9, with changes."""
    fields: dict[str, Any] = {
        "name": path.rpartition("/")[2],
        "path": path,
        "release_version": version,
        "release_type": "source-release",
        "release_format": {"format": "tarball_deflate"},
        "related": [".asc", ".sigstore"],
        "size": 29_000_000,
        "last_modified": datetime(2025, 10, 14, 14, 10, tzinfo=UTC),
        "url": f"https://www.python.org/ftp/python/{path}",
    }
    return PythonOrgArtifact(**{**fields, **changes})


def test_an_artifact_is_a_path_below_the_site() -> None:
    tarball = artifact()

    assert os.fspath(tarball) == "3.13.9/Python-3.13.9.tgz"
    assert str(tarball) == "3.13.9/Python-3.13.9.tgz"
    assert repr(tarball) == "PythonOrgArtifact('3.13.9/Python-3.13.9.tgz')"
    assert PurePosixPath("/mirror") / tarball == PurePosixPath("/mirror/3.13.9/Python-3.13.9.tgz")


def test_artifacts_sort_by_version_then_by_path_and_without_a_version_first() -> None:
    ordered = [
        artifact("src/README", None),
        artifact("src/py152.tgz", NormalizedPythonVersion(1, 5, 2, "final", 0)),
        artifact("3.9.0/Python-3.9.0.tgz", NormalizedPythonVersion(3, 9, 0, "final", 0)),
        artifact("3.10.0/UNWISE.EXE", NormalizedPythonVersion(3, 10, 0)),
        artifact("3.10.0/Python-3.10.0a1.tgz", NormalizedPythonVersion(3, 10, 0, "alpha", 1)),
        artifact("3.10.0/Python-3.10.0.tar.xz", NormalizedPythonVersion(3, 10, 0, "final", 0)),
        artifact("3.10.0/Python-3.10.0.tgz", NormalizedPythonVersion(3, 10, 0, "final", 0)),
    ]
    assert sorted(random.Random(5).sample(ordered, len(ordered))) == ordered


def test_equal_artifacts_have_equal_fields_and_equal_hashes() -> None:
    assert len({artifact(), artifact()}) == 1
    assert artifact() != artifact(size=1)
    assert artifact() != artifact(related=[])
    assert artifact() != artifact(release_format={"format": "tarball_lzma"})


def test_copies_are_equal_and_share_nothing_that_changes() -> None:
    original = artifact()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(original, protocol)) == original
    deep = copy.deepcopy(original)
    assert deep == original == copy.copy(original)
    assert deep.related is not original.related
    assert deep.release_format is not original.release_format
    assert type(deep.release_version) is NormalizedPythonVersion


def test_types_of_releases_and_packings_of_sources_are_those_of_the_grammar() -> None:
    types = {UNRECOGNISED} | {rule.artifact_type for rule in RULES}
    systems = ("source", "windows", "macos", "linux", "android", "ios")
    assert set(filter(is_release_type, types)) == {f"{system}-release" for system in systems}
    formats = {
        packing
        for rule in RULES
        if rule.artifact_type == "source-release"
        for packing in rule.formats.values()
    }
    assert formats.issuperset(SOURCE_PREFERENCE)
    assert SOURCE_PREFERENCE[0] == "tarball_lzma"
