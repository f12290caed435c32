"""What names tell: real ones, and such as may come."""

from __future__ import annotations

import re

import pytest

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.grammar import RULES
from pyorg_pipeline.model.names import LONGEST_NAME, parse_name
from pyorg_pipeline.model.versions import parse_release_directory

Attributes = dict[str, str | bool]
Row = tuple[str, str, str, str, Attributes]

GZ: Attributes = {"format": "tarball_deflate"}
XZ: Attributes = {"format": "tarball_lzma"}
EXE: Attributes = {"format": "executable"}
MSI: Attributes = {"format": "installation_packages"}
ZIP: Attributes = {"format": "archive_deflate"}
PKG: Attributes = {"format": "installer_package"}
DMG: Attributes = {"format": "disk_image"}
RPM: Attributes = {"format": "rpm_package"}
CHM: Attributes = {"format": "html_help"}

# directory, name, version, type, attributes
REAL: list[Row] = [
    ("3.13.9", "Python-3.13.9.tar.xz", "3.13.9", "source-release", XZ),
    ("3.15.0", "Python-3.15.0rc1.tgz", "3.15.0rc1", "source-release", GZ),
    ("2.6", "Python-2.6c1.tgz", "2.6.0rc1", "source-release", GZ),
    ("2.6", "Python-2.6.tar.bz2", "2.6.0", "source-release", {"format": "tarball_bzip2"}),
    ("2.0.1", "Python-2.0.1-Debug.zip", "2.0.1", "source-release", {**ZIP, "debug": True}),
    ("src", "python1.0.1.tar.gz", "1.0.1", "source-release", GZ),
    ("src", "python1.1.tar.gz", "1.1.0", "source-release", GZ),
    ("src", "python-1.5.2c1.tar.gz", "1.5.2rc1", "source-release", GZ),
    ("src", "Python-1.6.tar.gz", "1.6.0", "source-release", GZ),
    ("src", "pyth151.tgz", "1.5.1", "source-release", GZ),
    ("src", "py152.tgz", "1.5.2", "source-release", GZ),
    ("2.0", "BeOpen-Python-2.0.tar.gz", "2.0.0", "source-release", GZ),
    ("2.0", "BeOpen-Python-2.0.exe", "2.0.0", "windows-release", {**EXE, "arch": "win32"}),
    ("2.2", "Python-2.2.exe", "2.2.0", "windows-release", {**EXE, "arch": "win32"}),
    (
        *("2.3.2", "Python-2.3.2-1.exe", "2.3.2", "windows-release"),
        {**EXE, "arch": "win32", "post_build": "1"},
    ),
    ("3.0", "python-3.0a2.x86.msi", "3.0.0a2", "windows-release", {**MSI, "arch": "win32"}),
    ("2.5", "python-2.5.ia64.msi", "2.5.0", "windows-release", {**MSI, "arch": "ia64"}),
    ("3.13.9", "python-3.13.9-arm64.exe", "3.13.9", "windows-release", {**EXE, "arch": "arm64"}),
    (
        *("3.8.0", "python-3.8.0a1-amd64-webinstall.exe", "3.8.0a1", "windows-release"),
        {**EXE, "arch": "amd64", "webinstall": True},
    ),
    (
        *("3.13.0", "python-3.13.0t-amd64.zip", "3.13.0", "windows-release"),
        {**ZIP, "arch": "amd64", "free_threaded": True},
    ),
    (
        *("3.13.0", "python-3.13.0b1t-win32.zip", "3.13.0b1", "windows-release"),
        {**ZIP, "arch": "win32", "free_threaded": True},
    ),
    (
        *("3.13.0", "python-3.13.0-test-amd64.zip", "3.13.0", "windows-release"),
        {**ZIP, "arch": "amd64", "test": True},
    ),
    (
        *("3.5.0", "python-3.5.0a4-embed-amd64.exe", "3.5.0a4", "windows-release"),
        {**EXE, "arch": "amd64", "embed": True},
    ),
    (
        *("3.14.0", "python-3.14.0-embeddable-arm64.zip", "3.14.0", "windows-release"),
        {**ZIP, "arch": "arm64", "embed": True},
    ),
    ("3.4.0", "python-3.4.0-pdb.zip", "3.4.0", "windows-support", {"format": "zip", "pdb": "pdb"}),
    (
        *("2.7", "python-2.7.amd64-pdb.zip", "2.7.0", "windows-support"),
        {"format": "zip", "pdb": "pdb", "arch": "amd64"},
    ),
    ("3.14.0", "windows-3.14.0.json", "3.14.0", "windows-manifest", {"format": "json"}),
    ("3.15.0", "windows-3.15.0b1.json", "3.15.0b1", "windows-manifest", {"format": "json"}),
    ("3.1", "python-3.1.dmg", "3.1.0", "macos-release", DMG),
    ("2.5", "python-2.5-macosx.dmg", "2.5.0", "macos-release", {**DMG, "min_macos": ""}),
    (
        *("2.6.4", "python-2.6.4_macosx10.3.dmg", "2.6.4", "macos-release"),
        {**DMG, "min_macos": "10.3"},
    ),
    (
        *("2.6.5", "python-2.6.5-macosx10.3-2010-03-24.dmg", "2.6.5", "macos-release"),
        {**DMG, "min_macos": "10.3-2010-03-24"},
    ),
    (
        *("3.10.0", "python-3.10.0post2-macos11.pkg", "3.10.0", "macos-release"),
        {**PKG, "min_macos": "11", "post_build": "post2"},
    ),
    (
        *("3.13.0", "python-3.13.0rc1-no-lto-macos11.pkg", "3.13.0rc1", "macos-release"),
        {**PKG, "min_macos": "11", "options": "no-lto"},
    ),
    (
        *("3.10.0", "python-3.10.0-macos11.pkg_superceded", "3.10.0", "macos-release"),
        {**PKG, "min_macos": "11", "superseded": True},
    ),
    (
        *("2.2.1", "MacPython221full.bin", "2.2.1", "macos-release"),
        {"format": "macbinary", "options": "full"},
    ),
    (
        *("2.2.1", "MacPython221src.sit", "2.2.1", "macos-release"),
        {"format": "stuffit", "options": "src"},
    ),
    (
        *("2.2.1", "MacPython221MacOS81patch.hqx", "2.2.1", "macos-release"),
        {"format": "binhex", "min_macos": "81", "options": "patch"},
    ),
    (
        *("3.14.0", "python-3.14.0-aarch64-linux-android.tar.gz", "3.14.0", "android-release"),
        {**GZ, "arch": "arm64"},
    ),
    (
        *("3.14.0", "python-3.14.0rc1-x86_64-linux-android.tar.gz", "3.14.0rc1"),
        *("android-release", {**GZ, "arch": "x86_64"}),
    ),
    ("3.15.0", "python-3.15.0b1-iOS-XCframework.tar.gz", "3.15.0b1", "ios-release", GZ),
    (
        *("2.0", "BeOpen-Python-2.0-1.i386.rpm", "2.0.0", "linux-release"),
        {**RPM, "arch": "i386", "revision": "1"},
    ),
    (
        *("2.2.3", "python-2.2.3-26.src.rpm", "2.2.3", "linux-release"),
        {**RPM, "arch": "src", "revision": "26"},
    ),
    (
        *("2.2.3", "python2-devel-2.2.3-1.i386.rpm", "2.2.3", "linux-release"),
        {**RPM, "arch": "i386", "revision": "1", "package": "devel"},
    ),
    (
        *("2.3.2", "python2.3-tkinter-2.3.2-2pydotorg.i386.rpm", "2.3.2", "linux-release"),
        {**RPM, "arch": "i386", "revision": "2pydotorg", "package": "tkinter"},
    ),
    ("2.5", "Python25.chm", "2.5.0", "documentation", CHM),
    ("2.5.3", "Python25.chm", "2.5.3", "documentation", CHM),
    ("2.7.11", "python2711rc1.chm", "2.7.11rc1", "documentation", CHM),
    ("3.10.0", "python3100a1.chm", "3.10.0a1", "documentation", CHM),
    ("3.10.1", "python3101.chm", "3.10.1", "documentation", CHM),
    ("3.10.11", "python31011.chm", "3.10.11", "documentation", CHM),
]

UNSEEN: list[Row] = [
    (
        *("3.17.0", "Python-3.17.0a1.tar.zst", "3.17.0a1", "source-release"),
        {"format": "tarball_zstd"},
    ),
    ("4.0.0", "Python-4.0.0.tar.xz", "4.0.0", "source-release", XZ),
    ("2.1", "PYTHON-2.1.TGZ", "2.1.0", "source-release", GZ),
    (
        *("3.9.0", "Python-3.9.0post1.tgz", "3.9.0", "source-release"),
        {**GZ, "post_build": "post1"},
    ),
    ("3.9.0", "python-3.9.0.zip", "3.9.0", "source-release", ZIP),
    (
        *("3.9.0", "python-3.9.0post1.zip", "3.9.0", "windows-release"),
        {**ZIP, "arch": "win32", "post_build": "post1"},
    ),
    (
        *("3.16.0", "python-3.16.0-arm64.msix", "3.16.0", "windows-release"),
        {"format": "app_package", "arch": "arm64"},
    ),
    (
        *("3.7.0", "python-3.7.0-embed-arm32.zip", "3.7.0", "windows-release"),
        {**ZIP, "arch": "arm32", "embed": True},
    ),
    ("1.5.2", "py152.exe", "1.5.2", "windows-release", {**EXE, "arch": "win32"}),
    (
        *("3.16.0", "python-3.16.0t.amd64-pdb.zip", "3.16.0", "windows-support"),
        {"format": "zip", "pdb": "pdb", "arch": "amd64", "free_threaded": True},
    ),
    (
        *("3.16.0", "python-3.16.0t-macos11.pkg", "3.16.0", "macos-release"),
        {**PKG, "min_macos": "11", "free_threaded": True},
    ),
    (
        *("2.6", "python-2.6-macosx10.5_rev2.dmg", "2.6.0", "macos-release"),
        {**DMG, "min_macos": "10.5", "revision": "rev2"},
    ),
    (
        *("2.3", "MacPython-OSX-2.3-1.dmg", "2.3.0", "macos-release"),
        {**DMG, "options": "osx", "revision": "1"},
    ),
    (
        *("2.4.3", "Universal-MacPython-2.4.3-2006-04-07.dmg", "2.4.3", "macos-release"),
        {**DMG, "options": "universal", "revision": "2006-04-07"},
    ),
    ("2.2.1", "Python-2.2.1.sit", "2.2.1", "macos-release", {"format": "stuffit"}),
    (
        *("2.2.2", "MacPython222small.hqx", "2.2.2", "macos-release"),
        {"format": "binhex", "options": "small"},
    ),
    (
        *("3.10.0", "python-3.10.0-macos11.pkg_superseded", "3.10.0", "macos-release"),
        {**PKG, "min_macos": "11", "superseded": True},
    ),
    (
        *("3.16.0", "python-3.16.0-riscv64-linux-android.tar.gz", "3.16.0", "android-release"),
        {**GZ, "arch": "riscv64"},
    ),
    ("3.16.0", "python-3.16.0-iOS-XCframework.zip", "3.16.0", "ios-release", ZIP),
    (
        *("3.17.0", "python-3.17.0-x86_64-linux-gnu.tar.gz", "3.17.0", "linux-release"),
        {**GZ, "arch": "x86_64", "options": "gnu"},
    ),
    ("3.9.0", "python-3.9.0-docs-html.zip", "3.9.0", "documentation", {**ZIP, "options": "html"}),
    (
        *("3.9.0", "python-3.9.0-docs-pdf-a4.tar.bz2", "3.9.0", "documentation"),
        {"format": "tarball_bzip2", "options": "pdf-a4"},
    ),
    ("3.9.0", "python-3.9.0-docs.epub", "3.9.0", "documentation", {"format": "epub"}),
    ("2.2.1", "html-2.2.1.tgz", "2.2.1", "documentation", {**GZ, "options": "html"}),
    ("2.5.3", "python-2.5.3.chm", "2.5.3", "documentation", CHM),
    # A version that is not the directory's is what the name says.
    ("3.13.9", "Python-3.12.1.tgz", "3.12.1", "source-release", GZ),
    ("", "Python-3.12.1.tgz", "3.12.1", "source-release", GZ),
]


@pytest.mark.parametrize(
    ("directory", "name", "version", "artifact_type", "attributes"), [*REAL, *UNSEEN]
)
def test_a_name_is_parsed_into_version_type_and_attributes(
    directory: str, name: str, version: str, artifact_type: str, attributes: Attributes
) -> None:
    parsed = parse_name(name, directory)

    assert parsed.release_version is not None
    assert (parsed.release_version.text, parsed.artifact_type) == (version, artifact_type)
    assert len(parsed.release_version) == 5
    assert parsed.attributes == attributes


@pytest.mark.parametrize(
    "name",
    [
        # files of other projects, and of other kinds
        *("Tkinter-2.0-8.0.tar.gz", "Tkinter-2.0-8.0-3.i386.rpm", "expat-1.1-1.i386.rpm"),
        *("python-ldap-2.0-1.i386.rpm", "X-extension.tar.gz", "lib1.5.tar.gz", "subset1.2.tar.gz"),
        *("IPython-3.9.0.tgz", "python-manager-25.0.msi", "python-manager-25.0.msix"),
        *("UNWISE.EXE", "README", "README.ftp", "index.html", "_tkinter.c", "pymanager.exe"),
        # what may mean anything
        *("python-3.14.0-macos11-intel.pkg", "python-3.14.0-amd64-symbols.zip", "python-3.tgz"),
        *("python-3.9.0-x64.exe", "python-3.9.0-1.pkg", "python-3.9.0-lto-macos11.pkg"),
        *("Python-3.9.0.0.tgz", "Python-3.9.0x1.tgz", "Python-3.9.0t1.exe", "Python-3.9.0-rc1.tgz"),
        *("Python-3.9.0a.tgz", "Python-3.9.0rc.exe", "Python-3.9.0.tgz ", " Python-3.9.0.tgz"),
        # companions
        *("Python-3.9.0.tgz.asc", "Python-3.9.0.tgz.sigstore", "python-3.9.0.exe.spdx.json"),
        "python-3.10.0-macos11.pkg.asc_superceded",
        # digits that do not fit the directory
        *("python310.chm", "python3139.chm", "python381.chm", "py2711.tgz"),
        # careless patterns take these
        *("Python-3.9.0.tgz\n", "Python-3.9.0.tgz\x00", "Python-\u0663.9.0.tgz", "pytho\ufb01-3.9"),
        *("\u212apython-3.9.0.tgz", "python-3.9.0.\u017fit", "Python-3.9.0.tgz/", "", ".", ".tgz"),
    ],
)
def test_a_name_that_no_rule_knows_for_certain_stays_unrecognised(name: str) -> None:
    parsed = parse_name(name, "3.8.2")

    assert parsed == ((3, 8, 2), UNRECOGNISED, {})


@pytest.mark.parametrize("number", ["1" * 10, "0" * 40 + "1", "9" * 5000])
@pytest.mark.parametrize(
    "form",
    [
        *("Python-{}.9.0.tgz", "Python-3.{}.0.tgz", "Python-3.9.{}.tgz", "Python-3.9.0a{}.tgz"),
        *("python-3.9.{}.exe", "python-3.{}.exe", "python-3.9.0rc{}.exe", "python{}.chm"),
        *("py{}.tgz", "MacPython{}full.bin", "windows-3.9.{}.json"),
    ],
)
def test_a_number_too_long_for_the_tables_is_not_a_version(form: str, number: str) -> None:
    parsed = parse_name(form.format(number), "3.8.2")

    assert parsed == ((3, 8, 2), UNRECOGNISED, {})


def test_an_unrecognised_file_outside_of_a_release_directory_has_no_version() -> None:
    assert parse_name("README", "src") == (None, UNRECOGNISED, {})
    assert parse_name("README") == (None, UNRECOGNISED, {})


def test_digits_that_fit_no_directory_are_a_version_only_where_names_were_cut_to_eight() -> None:
    assert parse_name("py152.tgz", "src").release_version == (1, 5, 2, "final", 0)
    assert parse_name("python152.chm", "src").artifact_type == UNRECOGNISED


def test_the_directory_decides_what_digits_mean() -> None:
    assert parse_name("python3111.chm", "3.11.1").release_version == (3, 11, 1, "final", 0)
    assert parse_name("python3111.chm", "3.1.11").release_version == (3, 1, 11, "final", 0)
    assert parse_name("MacPython2310.sit", "2.3.10").release_version == (2, 3, 10, "final", 0)


def test_the_longest_name_that_a_file_system_holds_is_read_and_a_longer_one_is_not() -> None:
    longest = "python-3.9.0-macos{}.pkg".format("1" * (LONGEST_NAME - 22))
    assert len(longest) == LONGEST_NAME

    assert parse_name(longest).artifact_type == "macos-release"
    assert parse_name(longest.replace("macos", "macosx")).artifact_type == UNRECOGNISED


def test_every_answer_has_attributes_of_its_own() -> None:
    first = parse_name("python-3.9.0.exe")
    first.attributes["arch"] = "changed"

    assert parse_name("python-3.9.0.exe").attributes == {"format": "executable", "arch": "win32"}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        *(("3.13.9", (3, 13, 9)), ("2.7", (2, 7, 0)), ("3.10.20", (3, 10, 20))),
        *((name, None) for name in ("src", "doc", "3", "3.x", "3.13.9rc1", "3.13.9.1", "v3.13.9")),
        *((name, None) for name in ("", "3.13.9/", "3.13\n", " 3.13", "3.\u0661", "-3.1", "3..1")),
        *((name, None) for name in ("3." + "9" * 10, "9" * 5000 + ".1")),
    ],
)
def test_release_directories_are_named_by_two_or_three_numbers(
    name: str, version: tuple[int, int, int] | None
) -> None:
    assert parse_release_directory(name) == version


def test_the_patterns_of_the_table_name_nothing_but_version_parts_and_attributes() -> None:
    version_parts = {"major", "minor", "micro", "level", "serial", "digits"}
    for rule in RULES:
        assert rule.head.pattern.groupindex.keys() <= version_parts | ATTRIBUTES.keys()
        assert rule.rest.groupindex.keys() <= ATTRIBUTES.keys()
        assert rule.defaults.keys() <= ATTRIBUTES.keys()


def test_the_patterns_of_the_table_are_in_the_lower_case_that_they_see() -> None:
    for rule in RULES:
        for pattern in (rule.head.pattern, rule.rest):
            words = re.sub(r"\(\?P<\w+>|\\.", "", pattern.pattern)
            assert words == words.lower()
        assert [extension for extension in rule.formats if extension != extension.lower()] == []
