"""Which artifact of a release is meant."""

from __future__ import annotations

from typing import Any

import pytest

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.arguments import DEFAULT_FORMAT, parse_attributes
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.names import parse_name
from pyorg_pipeline.model.selection import choose


def release(*names: str, directory: str = "3.13.9") -> list[PythonOrgArtifact]:
    found = []
    for name in names:
        version, kind, attributes = parse_name(name, directory)
        path = f"{directory}/{name}"
        found.append(
            PythonOrgArtifact(name, path, version, kind, dict(attributes), [], 1, None, path)
        )
    return found


MODERN = release(
    "Python-3.13.9.tgz",
    "Python-3.13.9.tar.xz",
    "python-3.13.9-amd64.exe",
    "python-3.13.9-arm64.exe",
    "python-3.13.9-embed-amd64.zip",
    "python-3.13.9.exe",
    "python-3.13.9-macos11.pkg",
)


def chosen(artifacts: list[PythonOrgArtifact], kind: str, attributes: Any) -> str:
    return choose(artifacts, kind, attributes, "3.13.9").name


def test_left_to_default_it_is_the_tar_xz() -> None:
    assert chosen(MODERN, "source-release", DEFAULT_FORMAT) == "Python-3.13.9.tar.xz"


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (("Python-2.6.tgz", "Python-2.6.tar.bz2"), "Python-2.6.tar.bz2"),
        (("Python-2.1.tgz",), "Python-2.1.tgz"),
        (("Python-2.0.1-Debug.zip", "Python-2.0.1.tgz"), "Python-2.0.1.tgz"),
    ],
)
def test_left_to_default_it_is_the_best_packing_that_there_is(
    names: tuple[str, ...], best: str
) -> None:
    assert chosen(release(*names), "source-release", DEFAULT_FORMAT) == best


def test_an_explicit_format_is_obeyed_or_refused() -> None:
    asked = {"format": "tarball_lzma"}
    with pytest.raises(ArtifactChoiceError, match=r"the nearest: Python-2\.6\.tgz"):
        choose(release("Python-2.6.tgz"), "source-release", asked, "2.6.0")
    assert chosen(MODERN, "source-release", {"format": "tarball_deflate"}) == "Python-3.13.9.tgz"


def test_an_artifact_with_exactly_these_attributes_wins() -> None:
    asked = {"format": "archive_deflate", "arch": "amd64", "embed": True}
    assert chosen(MODERN, "windows-release", asked) == "python-3.13.9-embed-amd64.zip"
    several = release("python-3.13.9-embed-amd64.zip", "python-3.13.9-amd64.zip")
    asked = {"format": "archive_deflate", "arch": "amd64"}
    assert chosen(several, "windows-release", asked) == "python-3.13.9-amd64.zip"


def test_else_the_only_one_that_has_them_all() -> None:
    assert chosen(MODERN, "windows-release", {"arch": "arm64"}) == "python-3.13.9-arm64.exe"
    assert chosen(MODERN, "windows-release", "embed=true") == "python-3.13.9-embed-amd64.zip"
    assert chosen(MODERN, "macos-release", DEFAULT_FORMAT) == "python-3.13.9-macos11.pkg"


def test_a_flag_that_is_false_means_artifacts_without_it() -> None:
    asked = "arch=amd64,embed=false"
    assert chosen(MODERN, "windows-release", asked) == "python-3.13.9-amd64.exe"


def test_several_are_an_error_that_lists_them() -> None:
    with pytest.raises(ArtifactChoiceError) as raised:
        choose(MODERN, "windows-release", {"format": "executable"}, "3.13.9")
    for name in ("python-3.13.9-amd64.exe", "python-3.13.9-arm64.exe", "python-3.13.9.exe"):
        assert name in str(raised.value)
    assert "embed" not in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_none_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ArtifactChoiceError) as raised:
        choose(MODERN, "windows-release", {"format": "executable", "arch": "ia64"}, "3.13.9")
    assert "3.13.9 has no windows-release with format=executable,arch=ia64" in str(raised.value)
    assert "the nearest: python-3.13.9-amd64.exe" in str(raised.value)


def test_a_type_that_the_release_lacks_is_an_error_that_names_those_it_has() -> None:
    with pytest.raises(ArtifactChoiceError, match="has no android-release; it has macos-release"):
        choose(MODERN, "android-release", DEFAULT_FORMAT, "3.13.9")


def test_superseded_files_are_chosen_only_if_they_are_asked_for() -> None:
    both = release(
        "python-3.10.0-macos11.pkg", "python-3.10.0-macos11.pkg_superceded", directory="3.10.0"
    )
    assert chosen(both, "macos-release", {"min_macos": "11"}) == "python-3.10.0-macos11.pkg"
    asked = {"superseded": True}
    assert chosen(both, "macos-release", asked) == "python-3.10.0-macos11.pkg_superceded"


def test_text_and_dict_mean_the_same() -> None:
    text = "format=archive_deflate, arch=amd64,embed=yes"
    asked = {"format": "archive_deflate", "arch": "amd64", "embed": True}
    assert parse_attributes(text) == parse_attributes(asked) == asked
    assert parse_attributes("") == {}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("tarball_lzma", "is not of the form"),
        ("color=red", "unknown attribute 'color'; the attributes are format, arch"),
        ("embed=maybe", "embed 'maybe' is neither true nor false"),
        (7, "is neither a dict of attributes nor their text"),
    ],
)
def test_attributes_that_cannot_be_read_are_an_error(given: object, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        parse_attributes(given)
