"""The facade gives the answers of python-org-downloads 1.0.0 to the whole recorded site."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pyorg_pipeline import PythonOrgArtifact, PythonOrgDownloads
from pyorg_pipeline.demo.replica.tree import read_record
from pyorg_pipeline_tests.support.reference_answers import Answer, read_answers

#: Its answers to listed names; the table also has made-up names and refusals.
ANSWERED = {
    answer.path: answer
    for answer in read_answers()
    if answer.origin == "listed" and not answer.refused
}


@pytest.fixture
def artifacts(catalog_home: Path, monkeypatch: pytest.MonkeyPatch) -> list[PythonOrgArtifact]:
    monkeypatch.setenv("PYORG_HOME", str(catalog_home))
    return PythonOrgDownloads.list_all_release_artifacts()


def version_of(answer: Answer) -> tuple[int, int, int, str, int]:
    major, minor, micro, level, serial = answer.version.split()
    return int(major), int(minor), int(micro), level, int(serial)


def test_every_artifact_that_it_classifies_is_classified_alike(
    artifacts: list[PythonOrgArtifact],
) -> None:
    ours = {artifact.path: artifact for artifact in artifacts}
    assert len(ANSWERED) == 3893
    assert ANSWERED.keys() <= ours.keys()

    def seen(artifact: PythonOrgArtifact) -> tuple[object, ...]:
        return artifact.release_version, artifact.release_type, artifact.release_format

    different = {
        path: (seen(ours[path]), answer)
        for path, answer in ANSWERED.items()
        if seen(ours[path]) != (version_of(answer), answer.artifact_type, json.loads(answer.format))
    }
    assert different == {}


def test_only_kinds_that_it_does_not_know_are_listed_in_addition(
    artifacts: list[PythonOrgArtifact],
) -> None:
    more = [artifact for artifact in artifacts if artifact.path not in ANSWERED]
    known = {"macos-release", "source-release", "windows-release"}
    new = {"documentation", "ios-release", "linux-release", "windows-manifest"}
    assert {artifact.release_type for artifact in more} == known | new
    old = [artifact.path for artifact in more if artifact.release_type in known]
    assert all("BeOpen" in p or "MacPython" in p or "py" in p or "superceded" in p for p in old)
    assert len(old) == 12


def test_companions_are_the_same_except_those_of_a_superseded_file(
    artifacts: list[PythonOrgArtifact],
) -> None:
    """The reference's rule: any entry whose name starts with the artifact's name and a dot."""
    suffixes: dict[str, list[str]] = {path: [] for path in ANSWERED}
    for path in sorted(entry.path for entry in read_record()):
        for dot in (match.start() for match in re.finditer(r"\.", path)):
            if path[:dot] in suffixes:
                suffixes[path[:dot]].append(path[dot:])
    different = [
        (artifact.path, suffixes[artifact.path], artifact.related)
        for artifact in artifacts
        if artifact.path in ANSWERED and sorted(artifact.related) != suffixes[artifact.path]
    ]
    assert different == [
        ("3.10.0/python-3.10.0-macos11.pkg", [".asc", ".asc_superceded"], [".asc"])
    ]


@pytest.mark.usefixtures("artifacts")
def test_versions_are_those_of_its_artifacts() -> None:
    versions = [version_of(answer) for answer in ANSWERED.values()]
    finals = {version[:3] for version in versions if version[3] == "final"}
    everything = {version[:3] for version in versions}
    assert PythonOrgDownloads.list_release_versions() == sorted(finals)
    assert PythonOrgDownloads.list_release_versions(final_only=False) == sorted(everything)
