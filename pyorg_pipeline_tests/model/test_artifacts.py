"""Artifacts are plain frozen values that count as paths."""

from __future__ import annotations

import copy
import os
import pickle
import random
from dataclasses import asdict, replace
from pathlib import PurePosixPath

from pyorg_pipeline.model.artifacts import (
    SOURCE_PREFERENCE,
    UNRECOGNISED,
    PythonOrgArtifact,
    is_release_type,
)
from pyorg_pipeline.model.names import RULES
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline_tests.support.artifacts import artifact

TARBALL = artifact("3.13.9/Python-3.13.9.tgz", related=[".asc", ".sigstore"], size=29_000_000)


def test_an_artifact_is_a_path_below_the_site() -> None:
    assert os.fspath(TARBALL) == str(TARBALL) == "3.13.9/Python-3.13.9.tgz"
    assert repr(TARBALL) == "PythonOrgArtifact('3.13.9/Python-3.13.9.tgz')"
    assert PurePosixPath("/mirror") / TARBALL == PurePosixPath("/mirror/3.13.9/Python-3.13.9.tgz")


def test_artifacts_sort_by_version_then_by_path_and_without_a_version_first() -> None:
    paths = [
        *("src/README", "src/py152.tgz", "3.9.0/Python-3.9.0.tgz", "3.10.0/UNWISE.EXE"),
        *("3.10.0/Python-3.10.0a1.tgz", "3.10.0/Python-3.10.0rc2.tgz"),
        *("3.10.0/Python-3.10.0.tar.xz", "3.10.0/Python-3.10.0.tgz"),
    ]
    shuffled = map(artifact, random.Random(5).sample(paths, len(paths)))
    assert [one.path for one in sorted(shuffled)] == paths


def test_equal_artifacts_have_equal_fields_and_equal_hashes() -> None:
    assert len({TARBALL, replace(TARBALL)}) == 1
    assert replace(TARBALL, size=1) != TARBALL
    assert replace(TARBALL, related=[]) != TARBALL
    assert replace(TARBALL, release_format={"format": "tarball_lzma"}) != TARBALL


def test_copies_are_equal_and_share_nothing_that_changes() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(TARBALL, protocol)) == TARBALL
    deep = copy.deepcopy(TARBALL)
    assert deep == TARBALL == copy.copy(TARBALL)
    assert deep.related is not TARBALL.related
    assert deep.release_format is not TARBALL.release_format
    assert type(deep.release_version) is NormalizedPythonVersion
    values = asdict(TARBALL)
    assert type(values["release_version"]) is NormalizedPythonVersion
    assert PythonOrgArtifact(**values) == TARBALL


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
