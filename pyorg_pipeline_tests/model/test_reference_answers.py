"""Every artifact is classified as python-org-downloads 1.0.0 does, by its recorded answers."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import Entry, group_listing
from pyorg_pipeline.model.names import parse_name
from pyorg_pipeline_tests.support.reference_answers import Answer, read_answers


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    return read_answers()


def test_names_that_the_reference_classifies_are_classified_alike(
    answers: list[Answer],
) -> None:
    differences = []
    for answer in answers:
        if answer.refused:
            continue
        parsed = parse_name(answer.name, answer.directory)
        ours = (
            " ".join(map(str, parsed.release_version or ())),
            parsed.artifact_type,
            # The text tells True from 1 and "True".
            json.dumps(parsed.attributes, sort_keys=True),
        )
        if ours != (answer.version, answer.artifact_type, answer.format):
            differences.append((answer, ours))

    assert len(answers) > 11_000
    assert differences == []


def test_most_files_that_the_reference_refuses_are_recognised(
    answers: list[Answer],
) -> None:
    types = Counter(
        parse_name(answer.name, answer.directory).artifact_type
        for answer in answers
        if answer.origin == "listed" and answer.refused
    )

    assert types == {
        "documentation": 192,
        "windows-manifest": 45,
        "ios-release": 8,
        "macos-release": 7,
        "source-release": 4,
        "linux-release": 2,
        "windows-release": 1,
        # 18 and one companion, python-3.10.0-macos11.pkg.asc_superceded
        UNRECOGNISED: 19,
    }


def test_less_than_one_percent_of_the_sites_files_is_unrecognised(answers: list[Answer]) -> None:
    directories: dict[str, list[Entry]] = {}
    for answer in answers:
        if answer.origin == "listed":
            entry = Entry(answer.name, is_directory=False, last_modified=None, size=None)
            directories.setdefault(answer.directory, []).append(entry)
    types = Counter(
        artifact.artifact_type
        for directory, entries in directories.items()
        for artifact in group_listing(directory, entries)
    )

    assert types.total() == 4170
    assert types[UNRECOGNISED] == 18
