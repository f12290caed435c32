"""Selecting artifacts, and choosing the one of a release."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.arguments import DEFAULT_FORMAT
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.names import parse_name
from pyorg_pipeline.model.selection import Selection, check_names, choose

NAMES = {
    "2.7": ["Python-2.7.tgz", "python-2.7.msi"],
    "3.12.9": ["Python-3.12.9.tar.xz", "Python-3.12.9.tgz"],
    "3.12.10": [
        "Python-3.12.10.tar.xz",
        "Python-3.12.10.tgz",
        "python-3.12.10-amd64.exe",
        "python-3.12.10.exe",
    ],
    "3.12.11": ["Python-3.12.11.tar.xz", "Python-3.12.11.tgz", "README-3.12.odd"],
    "3.13.9": ["Python-3.13.9.tar.xz", "python-3.13.9-amd64.exe", "python-3.13.9-arm64.exe"],
    "3.14.0": ["Python-3.14.0.tar.xz", "Python-3.14.0rc1.tar.xz", "Python-3.14.0b2.tar.xz"],
}


def artifact(directory: str, name: str, **changes: Any) -> PythonOrgArtifact:
    parsed = parse_name(name, directory)
    values: dict[str, Any] = {
        "name": name,
        "path": f"{directory}/{name}",
        "release_version": parsed.release_version,
        "release_type": parsed.artifact_type,
        "release_format": parsed.attributes,
        "related": [],
        "size": 5,
        "last_modified": None,
        "url": f"http://site/{directory}/{name}",
    }
    return PythonOrgArtifact(**{**values, **changes})


ARTIFACTS = [artifact(directory, name) for directory, names in NAMES.items() for name in names]


def selected(**criteria: Any) -> list[str]:
    """The names that a selection means, whatever the order in which it is shown artifacts."""
    shuffled = random.sample(ARTIFACTS, len(ARTIFACTS))
    return [found.name for found in Selection(**criteria).of(shuffled)]


def refusal(**criteria: Any) -> str:
    with pytest.raises(ArtifactChoiceError) as raised:
        Selection(**criteria).of(ARTIFACTS)
    return str(raised.value)


XZ = {"format": "tarball_lzma"}


def test_an_empty_selection_means_everything_that_is_recognised_by_version_and_path() -> None:
    names = selected()
    assert names[:3] == ["Python-2.7.tgz", "python-2.7.msi", "Python-3.12.9.tar.xz"]
    assert names[-3:] == [
        "Python-3.14.0b2.tar.xz",
        "Python-3.14.0rc1.tar.xz",
        "Python-3.14.0.tar.xz",
    ]
    assert len(names) == sum(map(len, NAMES.values())) - 1


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ({"series": ["2.7"]}, ["Python-2.7.tgz", "python-2.7.msi"]),
        ({"versions": ["3.12.9"]}, ["Python-3.12.9.tar.xz", "Python-3.12.9.tgz"]),
        ({"versions": ["2.7"]}, ["Python-2.7.tgz", "python-2.7.msi"]),
        ({"versions": ["3.14.0rc1"]}, ["Python-3.14.0rc1.tar.xz"]),
        (
            {"versions": ["3.14.0"]},
            ["Python-3.14.0b2.tar.xz", "Python-3.14.0rc1.tar.xz", "Python-3.14.0.tar.xz"],
        ),
        ({"versions": ["3.14.0"], "releaselevels": ["final"]}, ["Python-3.14.0.tar.xz"]),
        # A pre-release that is named is included.
        ({"versions": ["3.14.0b2"], "releaselevels": ["final"]}, ["Python-3.14.0b2.tar.xz"]),
        (
            {"releaselevels": ["beta", "candidate"]},
            ["Python-3.14.0b2.tar.xz", "Python-3.14.0rc1.tar.xz"],
        ),
        (
            {"series": ["2.7", "3.13"], "artifact_types": ["windows-release"]},
            ["python-2.7.msi", "python-3.13.9-amd64.exe", "python-3.13.9-arm64.exe"],
        ),
        ({"attributes": {"arch": "arm64"}}, ["python-3.13.9-arm64.exe"]),
        ({"artifact_types": ["unrecognised"]}, ["README-3.12.odd"]),
    ],
)
def test_all_criteria_have_to_be_met(criteria: dict[str, Any], names: list[str]) -> None:
    assert selected(**criteria) == names


def test_the_newest_of_a_series_is_its_newest_release_that_has_what_is_asked_for() -> None:
    source = {"artifact_types": ["source-release"], "attributes": XZ, "newest_only": True}
    assert selected(**source, releaselevels=["final"]) == [
        "Python-3.12.11.tar.xz",
        "Python-3.13.9.tar.xz",
        "Python-3.14.0.tar.xz",
    ]
    # 3.12.11 has no installers: those of a series end before it does.
    windows = {"artifact_types": ["windows-release"], "series": ["3.12"], "newest_only": True}
    assert selected(**windows) == ["python-3.12.10-amd64.exe", "python-3.12.10.exe"]


def test_versions_that_are_named_are_all_taken() -> None:
    versions = ["3.12.9", "3.12.10"]
    assert selected(versions=versions, attributes=XZ, newest_only=True) == [
        "Python-3.12.9.tar.xz",
        "Python-3.12.10.tar.xz",
    ]


def test_a_limit_takes_the_newest() -> None:
    assert selected(attributes=XZ, releaselevels=["final"], limit=2) == [
        "Python-3.13.9.tar.xz",
        "Python-3.14.0.tar.xz",
    ]


def test_a_flag_among_the_attributes_can_be_text_and_false() -> None:
    debug = artifact("3.13.9", "x.exe", release_format={"format": "executable", "debug": True})
    plain = artifact("3.13.9", "y.exe", release_format={"format": "executable"})

    def fitting(value: object) -> list[PythonOrgArtifact]:
        types = [debug.release_type]
        return Selection(artifact_types=types, attributes={"debug": value}).of([debug, plain])

    assert fitting("true") == fitting(True) == [debug]
    assert fitting("false") == fitting(False) == [plain]


def test_superseded_files_are_selected_only_if_they_are_asked_for() -> None:
    old = artifact("3.13.9", "Python-3.13.9.tgz", release_format={"superseded": True})
    new = artifact("3.13.9", "Python-3.13.9.tar.xz")
    assert Selection().of([old, new]) == [new]
    assert Selection(attributes={"superseded": True}).of([old, new]) == [old]


def test_where_nothing_fits_the_nearest_choices_are_named_one_criterion_at_a_time() -> None:
    assert refusal(series=["3.11"], artifact_types=["source-release"], attributes=XZ) == (
        "nothing fits series 3.11, artifact_type source-release, format tarball_lzma; "
        "nearest to it, the rest being as asked: series 3.14, series 3.13, series 3.12"
    )
    assert refusal(series=["2.7"], artifact_types=["source-release"], attributes=XZ) == (
        "nothing fits series 2.7, artifact_type source-release, format tarball_lzma; "
        "nearest to it, the rest being as asked: "
        "series 3.14, series 3.13, series 3.12; or format tarball_deflate"
    )


def test_where_one_change_does_not_help_those_that_do_together_are_named() -> None:
    assert refusal(series=["2.6"], attributes={"arch": "mips"}) == (
        "nothing fits series 2.6, artifact_type any that is recognised, arch mips; "
        "nearest to it, the rest being as asked: series 3.14 with arch none, "
        "series 3.13 with arch arm64, series 3.13 with arch amd64, series 3.13 with arch none, "
        "series 3.12 with arch none, series 3.12 with arch win32, series 3.12 with arch amd64, "
        "series 2.7 with arch win32 and 1 more"
    )


def test_many_choices_are_counted() -> None:
    many = [artifact(f"3.12.{n}", f"Python-3.12.{n}.tgz") for n in range(12)]
    with pytest.raises(
        ArtifactChoiceError, match=r"version 3\.12\.11, .*, version 3\.12\.4 and 4 more$"
    ):
        Selection(versions=["3.12.99"]).of(many)


def test_an_empty_catalog_is_said_to_be_empty() -> None:
    with pytest.raises(ArtifactChoiceError, match="the catalog is empty"):
        Selection(series=["3.13"]).of([])


@pytest.mark.parametrize(
    "criteria",
    [
        {"series": ["3"]},
        {"series": ["3.13.9"]},
        {"versions": ["3"]},
        {"versions": ["3.14.0c1"]},
        {"versions": ["3.14.0\n"]},
        {"releaselevels": ["rc"]},
        {"attributes": {"colour": "red"}},
        {"attributes": {"debug": "perhaps"}},
        {"limit": 0},
    ],
)
def test_a_criterion_that_nothing_can_ever_meet_is_refused_at_once(criteria: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Selection(**criteria)


def test_artifacts_of_one_name_cannot_lie_in_one_folder() -> None:
    check_names(ARTIFACTS)
    twins = [artifact("2.5.1", "Python25.chm"), artifact("2.5.2", "python25.chm")]
    with pytest.raises(ArtifactChoiceError, match=r"2\.5\.1/Python25\.chm, 2\.5\.2/python25\.chm"):
        check_names(twins)


def release(*names: str, directory: str = "3.13.9") -> list[PythonOrgArtifact]:
    return [artifact(directory, name) for name in names]


MODERN = release(
    "Python-3.13.9.tgz",
    "Python-3.13.9.tar.xz",
    "python-3.13.9-amd64.exe",
    "python-3.13.9-arm64.exe",
    "python-3.13.9-embed-amd64.zip",
    "python-3.13.9.exe",
    "python-3.13.9-macos11.pkg",
)


EMBEDDED = release("python-3.13.9-embed-amd64.zip", "python-3.13.9-amd64.zip")
SUPERSEDED = release(
    "python-3.10.0-macos11.pkg", "python-3.10.0-macos11.pkg_superceded", directory="3.10.0"
)


@pytest.mark.parametrize(
    ("artifacts", "kind", "attributes", "name"),
    [
        # The default: the .tar.xz, or the best packing of the sources.
        (MODERN, "source-release", DEFAULT_FORMAT, "Python-3.13.9.tar.xz"),
        (release("Python-2.1.tgz"), "source-release", DEFAULT_FORMAT, "Python-2.1.tgz"),
        (
            *(release("Python-2.6.tgz", "Python-2.6.tar.bz2"), "source-release"),
            *(DEFAULT_FORMAT, "Python-2.6.tar.bz2"),
        ),
        (
            *(release("Python-2.0.1-Debug.zip", "Python-2.0.1.tgz"), "source-release"),
            *(DEFAULT_FORMAT, "Python-2.0.1.tgz"),
        ),
        (MODERN, "macos-release", DEFAULT_FORMAT, "python-3.13.9-macos11.pkg"),
        # Exactly these attributes.
        (MODERN, "source-release", {"format": "tarball_deflate"}, "Python-3.13.9.tgz"),
        (EMBEDDED, "windows-release", "format=archive_deflate,arch=amd64", EMBEDDED[1].name),
        # The only one that has them all.
        (MODERN, "windows-release", {"arch": "arm64"}, "python-3.13.9-arm64.exe"),
        (MODERN, "windows-release", "embed=true", "python-3.13.9-embed-amd64.zip"),
        (MODERN, "windows-release", "arch=amd64,embed=false", "python-3.13.9-amd64.exe"),
        # Superseded files are chosen by that attribute alone.
        (SUPERSEDED, "macos-release", {"min_macos": "11"}, SUPERSEDED[0].name),
        (SUPERSEDED, "macos-release", {"superseded": True}, SUPERSEDED[1].name),
    ],
)
def test_attributes_choose_one_artifact_of_a_release(
    artifacts: list[PythonOrgArtifact], kind: str, attributes: Any, name: str
) -> None:
    assert choose(artifacts, kind, attributes, "3.13.9").name == name


NONE = """\
3.13.9 has no windows-release with format=executable,arch=ia64; the nearest: \
python-3.13.9-amd64.exe ("""
SEVERAL = """\
say which by its attributes: python-3.13.9-amd64.exe (arch=amd64,format=executable); \
python-3.13.9-arm64.exe (arch=arm64,format=executable); \
python-3.13.9.exe (arch=win32,format=executable)"""


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("android-release", DEFAULT_FORMAT, "has no android-release; it has macos-release, "),
        ("source-release", {"format": "tarball"}, "the nearest: Python-3.13.9.tgz (format="),
        ("windows-release", "format=executable,arch=ia64", NONE),
        ("windows-release", {"format": "executable"}, SEVERAL),
    ],
)
def test_none_or_several_artifacts_are_an_error_with_choices(
    kind: str, attributes: Any, message: str
) -> None:
    with pytest.raises(ArtifactChoiceError) as raised:
        choose(MODERN, kind, attributes, "3.13.9")
    assert message in str(raised.value)
    assert isinstance(raised.value, ValueError)
