"""Selecting artifacts, and choosing the one of a release."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.arguments import DEFAULT_FORMAT
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.selection import Selection, check_names, choose
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline_tests.support.artifacts import artifact

NAMES = {
    "2.7": "Python-2.7.tgz python-2.7.msi",
    "3.12.9": "Python-3.12.9.tar.xz Python-3.12.9.tgz",
    "3.12.10": (
        "Python-3.12.10.tar.xz Python-3.12.10.tgz python-3.12.10-amd64.exe python-3.12.10.exe"
    ),
    "3.12.11": "Python-3.12.11.tar.xz Python-3.12.11.tgz README-3.12.odd",
    "3.13.9": "Python-3.13.9.tar.xz python-3.13.9-amd64.exe python-3.13.9-arm64.exe",
    "3.14.0": "Python-3.14.0b2.tar.xz Python-3.14.0rc1.tar.xz Python-3.14.0.tar.xz",
}
XZ = {"format": "tarball_lzma"}
SOURCE, WINDOWS, MACOS = "source-release", "windows-release", "macos-release"
FINAL_3_13_9 = NormalizedPythonVersion(3, 13, 9, "final", 0)


def release(names: str, directory: str = "3.13.9") -> list[PythonOrgArtifact]:
    return [artifact(f"{directory}/{name}") for name in names.split()]


ARTIFACTS = [one for directory, names in NAMES.items() for one in release(names, directory)]
RECOGNISED = " ".join(NAMES.values()).replace(" README-3.12.odd", "")


@pytest.mark.parametrize(
    ("criteria", "names"),
    [
        ({}, RECOGNISED),
        ({"series": ["2.7"]}, NAMES["2.7"]),
        ({"versions": ["3.12.9"]}, NAMES["3.12.9"]),
        ({"versions": ["2.7"]}, NAMES["2.7"]),
        ({"versions": ["3.14.0rc1"]}, "Python-3.14.0rc1.tar.xz"),
        ({"versions": ["3.14.0"]}, NAMES["3.14.0"]),
        ({"versions": ["3.14.0"], "releaselevels": ["final"]}, "Python-3.14.0.tar.xz"),
        # A pre-release that is named is included.
        ({"versions": ["3.14.0b2"], "releaselevels": ["final"]}, "Python-3.14.0b2.tar.xz"),
        (
            {"releaselevels": ["beta", "candidate"]},
            "Python-3.14.0b2.tar.xz Python-3.14.0rc1.tar.xz",
        ),
        (
            {"series": ["2.7", "3.13"], "artifact_types": [WINDOWS]},
            "python-2.7.msi python-3.13.9-amd64.exe python-3.13.9-arm64.exe",
        ),
        ({"attributes": {"arch": "arm64"}}, "python-3.13.9-arm64.exe"),
        ({"artifact_types": ["unrecognised"]}, "README-3.12.odd"),
        # The newest release of a series that has a matching artifact: 3.12.11 has no installers.
        (
            {"newest_only": True, "attributes": XZ, "releaselevels": ["final"]},
            "Python-3.12.11.tar.xz Python-3.13.9.tar.xz Python-3.14.0.tar.xz",
        ),
        (
            {"newest_only": True, "artifact_types": [WINDOWS], "series": ["3.12"]},
            "python-3.12.10-amd64.exe python-3.12.10.exe",
        ),
        # All versions that are named.
        (
            {"newest_only": True, "versions": ["3.12.9", "3.12.10"], "attributes": XZ},
            "Python-3.12.9.tar.xz Python-3.12.10.tar.xz",
        ),
        # A limit takes the newest.
        (
            {"attributes": XZ, "releaselevels": ["final"], "limit": 2},
            "Python-3.13.9.tar.xz Python-3.14.0.tar.xz",
        ),
    ],
)
def test_artifacts_that_meet_all_criteria_are_selected_in_order(
    criteria: dict[str, Any], names: str
) -> None:
    shuffled = random.sample(ARTIFACTS, len(ARTIFACTS))
    assert [one.name for one in Selection(**criteria).of(shuffled)] == names.split()


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ({"arch": "arm64"}, "python-3.9.2-macos11.pkg"),
        ({"arch": "x86_64"}, "macos11.pkg macosx10.9.pkg macosx10.6.dmg"),
        ({"arch": "ppc"}, "python-3.9.2-macosx10.5.pkg"),
        ({"arch": ["intel", "ppc"]}, "macosx10.5.pkg macosx10.6.dmg"),
        ({"oldest_macos": "10.9"}, "macos11.pkg macosx10.9.pkg"),
        ({"min_macos": "11"}, "macos11.pkg"),
    ],
)
def test_a_universal_package_is_for_each_of_its_architectures(
    attributes: dict[str, Any], names: str
) -> None:
    systems = "macos11.pkg macosx10.5.pkg macosx10.6.dmg macosx10.9.pkg"
    packages = release(" ".join(f"python-3.9.2-{one}" for one in systems.split()), "3.9.2")
    found = [one.name for one in Selection(attributes=attributes).of(packages)]
    assert found == sorted(f"python-3.9.2-{one.rpartition('-')[2]}" for one in names.split())


@pytest.mark.parametrize(
    ("name", "value", "has_it"),
    [
        *(("debug", value, True) for value in ("true", True)),
        *(("debug", value, False) for value in ("false", False)),
        # Superseded files are selected only on request.
        *(("superseded", value, value) for value in (True, False)),
    ],
)
def test_a_flag_that_an_artifact_does_not_have_is_false(
    name: str, value: object, has_it: bool
) -> None:
    flagged = artifact("3.13.9/x.exe", artifact_type=WINDOWS, **{name: True})
    plain = artifact("3.13.9/y.exe", artifact_type=WINDOWS)
    selected = Selection(attributes={name: value}).of([flagged, plain])
    assert selected == [flagged if has_it else plain]
    if name == "superseded":
        assert Selection().of([flagged, plain]) == [plain]


PAIRS = """\
series 3.13 with arch arm64, series 3.13 with arch amd64, series 3.12 with arch win32, \
series 3.12 with arch amd64, series 2.7 with arch win32"""


@pytest.mark.parametrize(
    ("series", "artifact_type", "attribute", "nearest"),
    [
        ("3.11", SOURCE, "format tarball_lzma", "series 3.14, series 3.13, series 3.12"),
        (
            *("2.7", SOURCE, "format tarball_lzma"),
            "series 3.14, series 3.13, series 3.12; or format tarball_deflate",
        ),
        # No single change helps.
        ("2.6", WINDOWS, "arch mips", PAIRS),
    ],
)
def test_the_error_of_an_empty_selection_names_the_nearest_choices(
    series: str, artifact_type: str, attribute: str, nearest: str
) -> None:
    attributes = dict([attribute.split()])
    with pytest.raises(ArtifactChoiceError) as raised:
        Selection([series], artifact_types=[artifact_type], attributes=attributes).of(ARTIFACTS)
    assert str(raised.value) == (
        f"no artifact matches series {series}, artifact_type {artifact_type}, {attribute}; "
        f"the nearest choices are: {nearest}"
    )


def test_the_error_counts_choices_beyond_eight_and_names_an_empty_catalog() -> None:
    many = [artifact(f"3.12.{n}/Python-3.12.{n}.tgz") for n in range(12)]
    with pytest.raises(ArtifactChoiceError, match=r"version 3\.12\.11, .* 3\.12\.4 and 4 more$"):
        Selection(versions=["3.12.99"]).of(many)
    with pytest.raises(ArtifactChoiceError, match="the catalog is empty"):
        Selection(series=["3.13"]).of([])


@pytest.mark.parametrize(
    "criteria",
    [
        *({"series": ["3"]}, {"series": ["3.13.9"]}),
        *({"versions": ["3"]}, {"versions": ["3.14.0x1"]}, {"versions": ["3.14.0\n"]}),
        *({"attributes": {"colour": "red"}}, {"attributes": {"debug": "perhaps"}}),
        *({"releaselevels": ["rc"]}, {"limit": 0}),
    ],
)
def test_an_invalid_criterion_is_refused_at_once(criteria: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        Selection(**criteria)


def test_artifacts_of_one_name_cannot_be_in_one_folder() -> None:
    check_names(ARTIFACTS)
    twins = [artifact("2.5.1/Python25.chm"), artifact("2.5.2/python25.chm")]
    with pytest.raises(ArtifactChoiceError, match=r"2\.5\.1/Python25\.chm, 2\.5\.2/python25\.chm"):
        check_names(twins)


MODERN = release(
    "Python-3.13.9.tgz Python-3.13.9.tar.xz python-3.13.9-amd64.exe python-3.13.9-arm64.exe "
    "python-3.13.9-embed-amd64.zip python-3.13.9.exe python-3.13.9-macos11.pkg"
)
EMBEDDED = release("python-3.13.9-embed-amd64.zip python-3.13.9-amd64.zip")
NO_LTO = release("python-3.13.9-macos11.pkg python-3.13.9-no-lto-macos11.pkg")
SUPERSEDED = release("python-3.10.0-macos11.pkg python-3.10.0-macos11.pkg_superceded", "3.10.0")


@pytest.mark.parametrize(
    ("artifacts", "kind", "attributes", "name"),
    [
        # The default: the .tar.xz, or the best packing of the sources.
        (MODERN, SOURCE, DEFAULT_FORMAT, "Python-3.13.9.tar.xz"),
        (release("Python-2.1.tgz", "2.1"), SOURCE, DEFAULT_FORMAT, "Python-2.1.tgz"),
        (release("Python-2.6.tgz Python-2.6.tbz", "2.6"), SOURCE, DEFAULT_FORMAT, "Python-2.6.tbz"),
        (
            release("Python-2.0-Debug.zip Python-2.0.tgz", "2.0"),
            SOURCE,
            DEFAULT_FORMAT,
            "Python-2.0.tgz",
        ),
        (MODERN, MACOS, DEFAULT_FORMAT, "python-3.13.9-macos11.pkg"),
        # Exactly these attributes.
        (MODERN, SOURCE, {"format": "tarball_deflate"}, "Python-3.13.9.tgz"),
        (EMBEDDED, WINDOWS, "format=archive_deflate,arch=amd64", EMBEDDED[1].name),
        # The only one that has them all.
        (MODERN, WINDOWS, {"arch": "arm64"}, "python-3.13.9-arm64.exe"),
        (MODERN, WINDOWS, "embed=true", "python-3.13.9-embed-amd64.zip"),
        (MODERN, WINDOWS, "arch=amd64,embed=false", "python-3.13.9-amd64.exe"),
        # Superseded files are chosen by that attribute alone.
        (SUPERSEDED, MACOS, {"min_macos": "11"}, SUPERSEDED[0].name),
        # What the name says is enough.
        (NO_LTO, MACOS, {"format": "installer_package", "min_macos": "11"}, NO_LTO[0].name),
        (MODERN, MACOS, "arch=arm64", "python-3.13.9-macos11.pkg"),
        (SUPERSEDED, MACOS, {"superseded": True}, SUPERSEDED[1].name),
    ],
)
def test_attributes_choose_one_artifact_of_a_release(
    artifacts: list[PythonOrgArtifact], kind: str, attributes: Any, name: str
) -> None:
    version = artifacts[0].release_version
    assert version is not None
    assert choose(artifacts, version, kind, attributes).name == name


NO_TYPE = """\
no artifact matches version 3.13.9, artifact_type android-release; the nearest choices are: \
artifact_type windows-release, artifact_type macos-release, artifact_type source-release"""
NO_ARCH = """\
no artifact matches version 3.13.9, artifact_type windows-release, format executable, arch ia64; \
the nearest choices are: arch win32, arch arm64, arch amd64"""
SEVERAL = """\
choose one by its attributes: python-3.13.9-amd64.exe (format=executable,arch=amd64); \
python-3.13.9-arm64.exe (format=executable,arch=arm64); \
python-3.13.9.exe (format=executable,arch=win32)"""


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("android-release", DEFAULT_FORMAT, NO_TYPE),
        (SOURCE, {"format": "tarball"}, "choices are: format tarball_deflate, format tarball_lzma"),
        (WINDOWS, "format=executable,arch=ia64", NO_ARCH),
        (WINDOWS, {"format": "executable"}, SEVERAL),
    ],
)
def test_none_or_several_artifacts_are_an_error_with_choices(
    kind: str, attributes: Any, message: str
) -> None:
    with pytest.raises(ArtifactChoiceError) as raised:
        choose(MODERN, FINAL_3_13_9, kind, attributes)
    assert message in str(raised.value)
    assert isinstance(raised.value, ValueError)
