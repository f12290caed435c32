"""Artifacts are plain frozen values that count as paths."""

from __future__ import annotations

import copy
import os
import pickle
import random
from dataclasses import asdict, fields, replace
from pathlib import PurePosixPath

from pyorg_pipeline.model.artifacts import (
    ATTRIBUTES,
    SOURCE_PREFERENCE,
    UNRECOGNISED,
    PythonOrgArtifact,
    is_release_type,
)
from pyorg_pipeline.model.names import RULES
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline_tests.support.artifacts import artifact

TARBALL = artifact("3.13.9/Python-3.13.9.tgz", companions=(".asc", ".sigstore"), size=29_000_000)


def test_an_artifact_is_a_path_below_the_site() -> None:
    assert os.fspath(TARBALL) == str(TARBALL) == "3.13.9/Python-3.13.9.tgz"
    assert repr(TARBALL) == "PythonOrgArtifact('3.13.9/Python-3.13.9.tgz')"
    assert PurePosixPath("/mirror") / TARBALL == PurePosixPath("/mirror/3.13.9/Python-3.13.9.tgz")


def test_an_artifact_can_be_made_from_its_name_alone() -> None:
    package = PythonOrgArtifact.from_name("python-3.13.9-macos11.pkg", "3.13.9")
    assert package == PythonOrgArtifact(
        name="python-3.13.9-macos11.pkg",
        path="3.13.9/python-3.13.9-macos11.pkg",
        version="3.13.9",
        artifact_type="macos-release",
        format="installer_package",
        arch="universal2",
        min_macos="11",
        oldest_macos="10.13",
        url="https://www.python.org/ftp/python/3.13.9/python-3.13.9-macos11.pkg",
    )
    assert package.release_format == {"format": "installer_package", "min_macos": "11"}
    # Without a directory, and what no rule knows.
    from_name = PythonOrgArtifact.from_name
    symbols = from_name("python-2.7.18-pdb.zip", site_url="http://127.0.0.1/")
    assert (symbols.path, symbols.url) == (symbols.name, "http://127.0.0.1/python-2.7.18-pdb.zip")
    assert (symbols.artifact_type, symbols.arch) == ("windows-support", "win32")
    assert "arch" not in symbols.release_format
    assert from_name("python-2.7.18.amd64-pdb.zip").arch == "amd64"
    assert from_name("python31011.chm", "3.10.11/").path == "3.10.11/python31011.chm"
    unknown = from_name("a b", "3.13.9")
    assert (unknown.version, unknown.release_version) == (None, (3, 13, 9))
    assert unknown.url.endswith("/3.13.9/a%20b")


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
    assert replace(TARBALL, companions=()) != TARBALL
    assert replace(TARBALL, format="tarball_lzma") != TARBALL


def test_copies_and_dictionaries_are_equal() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(TARBALL, protocol)) == TARBALL
    assert copy.deepcopy(TARBALL) == TARBALL == copy.copy(TARBALL)
    assert PythonOrgArtifact(**asdict(TARBALL)) == TARBALL
    assert TARBALL.release_version == (3, 13, 9, "final", 0)
    assert type(TARBALL.release_version) is NormalizedPythonVersion


def test_the_attributes_are_fields_of_their_types() -> None:
    kinds = {one.name: one.type for one in fields(PythonOrgArtifact)}
    assert {name: kinds[name] for name in ATTRIBUTES} == {
        name: f"{kind.__name__} | None" for name, kind in ATTRIBUTES.items()
    }


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
