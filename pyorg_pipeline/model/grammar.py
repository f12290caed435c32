"""The grammar of file names: RULES has a row for each kind of artifact and way to name it.

The rows come from names in the site's listings from 2.0 to 3.15 and from the documented
classification of python-org-downloads 1.0.0. A name that no row matches is unrecognised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pyorg_pipeline.model.versions import (
    LEVELS,
    NormalizedPythonVersion,
    parse_release_directory,
)

# ---------------------------------------------------------------------------------------------
# Heads: how names begin, up to and including the version
# ---------------------------------------------------------------------------------------------

#: Candidates were `c1` up to 2.6.2, and are `rc1` since.
_LEVELS: Final = {**LEVELS, "c": "candidate"}

# Nine digits fit the tables' integers; `+` behind the braces never gives a digit back, so that a
# number is read whole or not at all.
_NUMBER: Final = "[0-9]{1,9}+"
# A letter and a digit that are not a known level (`x1`) are an unknown one: no match.
_LEVEL: Final = rf"(?:(?P<level>a|b|rc|c)(?P<serial>{_NUMBER})|(?!(?:[a-z]|rc)[0-9]))(?![0-9])"
_DOTTED: Final = (
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})(?:\.(?P<micro>{_NUMBER})|(?!\.?[0-9])){_LEVEL}"
)


def _dotted_version(head: re.Match[str], _directory: str) -> NormalizedPythonVersion | None:
    """The version in `3.15.0rc1`."""
    major, minor, micro, level, serial = head.group("major", "minor", "micro", "level", "serial")
    return NormalizedPythonVersion(major, minor, micro or 0, _LEVELS[level or ""], serial or 0)


def _directory_version(head: re.Match[str], directory: str) -> NormalizedPythonVersion | None:
    """The version in `31011`, where only the directory tells 3.10.11 from 3.1.11 and 31.0.11.

    A series alone (`Python25.chm` in 2.5.3/) stands for the directory's version.
    """
    release = parse_release_directory(directory)
    digits, level, serial = head.group("digits", "level", "serial")
    if release is None or digits not in {
        f"{release.major}{release.minor}{release.micro}",
        f"{release.major}{release.minor}",
    }:
        return None
    return NormalizedPythonVersion(
        release.major, release.minor, release.micro, _LEVELS[level or ""], serial or 0
    )


def _digits_version(head: re.Match[str], directory: str) -> NormalizedPythonVersion | None:
    """The version in `152`: that of the directory if it matches, else one digit a number."""
    digits, level, serial = head.group("digits", "level", "serial")
    fitting = _directory_version(head, directory)
    if fitting is not None or len(digits) not in {2, 3}:
        return fitting
    micro = digits[2:] or 0
    return NormalizedPythonVersion(digits[0], digits[1], micro, _LEVELS[level or ""], serial or 0)


class Head(NamedTuple):
    """How a name begins. Groups that are keys of ATTRIBUTES count as such."""

    pattern: re.Pattern[str]
    #: From a match and the directory's name; None if they contradict each other.
    version: Callable[[re.Match[str], str], NormalizedPythonVersion | None]


#: BeOpen, the company that employed the developers in 2000, put its name before that of 2.0.
_PYTHON: Final = Head(re.compile(rf"(?:beopen-)?python-?{_DOTTED}"), _dotted_version)
_PYTHON_DIGITS: Final = Head(
    re.compile(rf"python(?P<digits>[0-9]{{2,9}}+){_LEVEL}"), _directory_version
)
#: Names of 8.3 characters: `pyth151.tgz`, `py152.tgz`.
_SHORT: Final = Head(
    re.compile(rf"py(?:th(?:on)?)?(?P<digits>[0-9]{{2,9}}+){_LEVEL}"), _digits_version
)
_MAC_DIGITS: Final = Head(
    re.compile(rf"macpython-?(?P<digits>[0-9]{{2,9}}+){_LEVEL}"), _digits_version
)
_MAC: Final = Head(
    re.compile(
        rf"macpython(?:-(?P<options>osx|os9|carbon|classic|jaguar|panther|tiger))?-?{_DOTTED}"
    ),
    _dotted_version,
)
_UNIVERSAL_MAC: Final = Head(
    re.compile(rf"(?P<options>universal)-macpython-?{_DOTTED}"), _dotted_version
)
_WINDOWS: Final = Head(re.compile(rf"windows-{_DOTTED}"), _dotted_version)
#: Red Hat's own Python was called `python`, that of python.org `python2` or `python2.3`. Packages
#: of other projects (`python-ldap-2.0-1.i386.rpm`) have similar names: hence the list.
_RPM: Final = Head(
    re.compile(
        r"(?:beopen-)?python[0-9.]{0,9}"
        r"(?:-(?P<package>debug|debuginfo|demo|devel|docs?|idle|libs|test|tkinter|tools))?"
        rf"-{_DOTTED}"
    ),
    _dotted_version,
)
_DOCUMENT: Final = Head(
    re.compile(
        r"(?P<options>html|text|texinfo|info|latex|isilo|(?:pdf|postscript)(?:-a4|-letter)?)"
        rf"-{_DOTTED}"
    ),
    _dotted_version,
)

# ---------------------------------------------------------------------------------------------
# Formats: what an extension is called, by the kind of artifact
# ---------------------------------------------------------------------------------------------

_TARBALLS: Final = {
    "tar": "tarball",
    "tar.bz2": "tarball_bzip2",
    "tbz": "tarball_bzip2",
    "tbz2": "tarball_bzip2",
    "tar.gz": "tarball_deflate",
    "tgz": "tarball_deflate",
    "tar.xz": "tarball_lzma",
    "txz": "tarball_lzma",
    "tar.z": "tarball_compress",
    "tar.zst": "tarball_zstd",
    "tzst": "tarball_zstd",
}
_ARCHIVES: Final = {**_TARBALLS, "zip": "archive_deflate"}
_WINDOWS_PACKAGES: Final = {
    "exe": "executable",
    "msi": "installation_packages",
    "zip": "archive_deflate",
    "appx": "app_package",
    "msix": "app_package",
}
_MAC_PACKAGES: Final = {"pkg": "installer_package", "dmg": "disk_image"}
#: Encodings of Mac files with a resource fork.
_MAC_ENCODINGS: Final = {"bin": "macbinary", "hqx": "binhex", "sit": "stuffit"}
_DOCUMENTS: Final = {"chm": "html_help", "epub": "epub", "pdf": "pdf"}

# ---------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """A row: names that begin with the head, go on with the rest, and have one of the formats.

    The patterns see lower case. A group called like an attribute gives its value; of attributes
    that are true or absent it is the presence that counts.
    """

    artifact_type: str
    head: Head
    #: Everything between the version and the extension's dot.
    rest: re.Pattern[str]
    #: By extension.
    formats: Mapping[str, str]
    #: Attributes that a name does not show.
    defaults: Mapping[str, str] = {}
    #: The catalog's words for words in names that differ.
    words: Mapping[str, str] = {}


# After `macos` or `macosx` comes a version, a date, both (`10.3-2010-03-24`), or nothing.
_MIN_MACOS: Final = r"(?P<min_macos>(?:[0-9]+(?:\.[0-9]+)*)?-?(?:[0-9]+-[0-9]+-[0-9]+)?)"

#: The first row that matches a name counts.
RULES: Final = (
    # Python-3.15.0rc1.tar.xz, Python-2.0.1-Debug.zip, BeOpen-Python-2.0.tar.gz, python1.1.tar.gz
    Rule(
        "source-release",
        _PYTHON,
        re.compile(r"(?P<debug>-debug)?"),
        _ARCHIVES,
    ),
    # Not seen yet. A .zip with a build number alone is for Windows.
    Rule(
        "source-release",
        _PYTHON,
        re.compile(r"[-_.]?(?P<post_build>post[0-9]+)(?P<debug>-debug)?"),
        _TARBALLS,
    ),
    # python-3.13.0rc1-no-lto-macos11.pkg, python-2.6.4_macosx10.3.dmg, python-3.1.dmg
    Rule(
        "macos-release",
        _PYTHON,
        re.compile(
            r"(?:[-_.]?(?P<post_build>post[0-9]+))?"
            r"(?P<free_threaded>t)?"
            r"(?:-(?P<options>no-(?!macos)[a-z]+))?"
            rf"(?:[-_]macosx?{_MIN_MACOS})?"
            r"(?:[-_](?P<revision>rev[0-9]+))?"
        ),
        _MAC_PACKAGES,
    ),
    # python-3.13.0t-amd64.zip, python-3.0a2.x86.msi, Python-2.3.2-1.exe. The build number may
    # follow any character; `t` before a number is not the free-threaded build.
    Rule(
        "windows-release",
        _PYTHON,
        re.compile(
            r"(?:(?:.(?=[0-9])|.?(?=post))(?P<post_build>(?:post)?[0-9]+))?"
            r"(?P<free_threaded>t)?"
            r"(?P<test>-test)?"
            r"(?P<embed>-embed(?:dable)?)?"
            r"(?:[-.](?P<arch>amd64|arm32|arm64|ia64|win32|x86))?"
            r"(?P<webinstall>-webinstall)?"
        ),
        _WINDOWS_PACKAGES,
        defaults={"arch": "win32"},
        words={"x86": "win32"},
    ),
    # python-2.7.18.amd64-pdb.zip
    Rule(
        "windows-support",
        _PYTHON,
        re.compile(
            r"(?P<free_threaded>t)?"
            r"(?:[-.](?P<arch>amd64|arm32|arm64|ia64|win32|x86))?"
            r"-(?P<pdb>pdb)"
        ),
        {"zip": "zip", "msi": "msi", "exe": "exe"},
    ),
    # windows-3.14.0.json, which the Python install manager reads
    Rule("windows-manifest", _WINDOWS, re.compile(""), {"json": "json"}),
    # python-3.14.0-aarch64-linux-android.tar.gz: the triplets of the NDK
    Rule(
        "android-release",
        _PYTHON,
        re.compile(
            r"(?P<free_threaded>t)?"
            r"-(?P<arch>aarch64|arm64|arm|armv7a|i686|riscv64|x86|x86_64)"
            r"-linux-android(?:eabi)?"
        ),
        _ARCHIVES,
        words={"aarch64": "arm64"},
    ),
    # python-3.15.0b1-iOS-XCframework.tar.gz
    Rule(
        "ios-release",
        _PYTHON,
        re.compile(r"(?P<free_threaded>t)?-ios(?:-xcframework)?"),
        _ARCHIVES,
    ),
    # Not seen yet; the triplets of PEP 11.
    Rule(
        "linux-release",
        _PYTHON,
        re.compile(
            r"(?P<free_threaded>t)?"
            r"-(?P<arch>aarch64|armv7|i686|ppc64le|riscv64|s390x|x86_64)"
            r"-(?:unknown-)?linux-(?P<options>gnu|musl)"
        ),
        _ARCHIVES,
        words={"aarch64": "arm64"},
    ),
    # BeOpen-Python-2.0-1.i386.rpm, python2.3-devel-2.3.2-1pydotorg.i386.rpm
    Rule(
        "linux-release",
        _RPM,
        re.compile(
            r"-(?P<revision>[0-9][0-9a-z._]{0,40})"
            r"\.(?P<arch>aarch64|alpha|i[3-6]86|ia64|noarch|nosrc|ppc|ppc64|ppc64le|s390|s390x"
            r"|sparc|src|x86_64)"
        ),
        {"rpm": "rpm_package"},
        words={"aarch64": "arm64"},
    ),
    # MacPython221full.bin, MacPython221MacOS81patch.hqx
    Rule(
        "macos-release",
        _MAC_DIGITS,
        re.compile(
            r"(?:[-_]?macos(?P<min_macos>[0-9.]*))?[-_]?(?P<options>active|full|patch|small|src)?"
        ),
        _MAC_ENCODINGS,
    ),
    # Python-2.2.1.sit
    Rule(
        "macos-release",
        _PYTHON,
        re.compile(r"[-_]?(?P<options>active|full|patch|small|src)?"),
        _MAC_ENCODINGS,
    ),
    # MacPython-OSX-2.3-1.dmg
    Rule(
        "macos-release",
        _MAC,
        re.compile(r"(?:-(?P<revision>[0-9]+(?:-[0-9]+-[0-9]+)?))?"),
        {**_MAC_PACKAGES, **_MAC_ENCODINGS},
    ),
    # Universal-MacPython-2.4.3-2006-04-07.dmg
    Rule(
        "macos-release",
        _UNIVERSAL_MAC,
        re.compile(r"(?:-(?P<revision>[0-9]+(?:-[0-9]+-[0-9]+)?))?"),
        _MAC_PACKAGES,
    ),
    # py152.tgz, pyth151.tgz
    Rule("source-release", _SHORT, re.compile(""), _TARBALLS),
    # py152.exe
    Rule(
        "windows-release",
        _SHORT,
        re.compile(""),
        {"exe": "executable"},
        defaults={"arch": "win32"},
    ),
    # Python25.chm, python3100a1.chm
    Rule("documentation", _PYTHON_DIGITS, re.compile(""), _DOCUMENTS),
    # python-3.9.0-docs.epub
    Rule("documentation", _PYTHON, re.compile(r"(?:-docs?)?"), _DOCUMENTS),
    # python-3.9.0-docs-pdf-a4.tar.bz2
    Rule(
        "documentation",
        _PYTHON,
        re.compile(
            r"-docs?"
            r"(?:-(?P<options>html|info|latex|text|texinfo|(?:pdf|postscript)(?:-a4|-letter)?))?"
        ),
        _ARCHIVES,
    ),
    # html-2.2.1.tgz
    Rule("documentation", _DOCUMENT, re.compile(""), _ARCHIVES),
)
