"""The grammar of file names: RULES has a row for each kind of artifact and form of its name.

The rows are from the site's listings from 2.0 to 3.15 and the documented classification of
python-org-downloads 1.0.0. A name that no row matches is unrecognised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.macos import UNIVERSAL, mac_build
from pyorg_pipeline.model.versions import LEVELS, NormalizedPythonVersion, parse_release_directory

#: NAME_MAX of Linux; it limits the time of patterns that backtrack.
LONGEST_NAME: Final = 255

#: 3.10.0 has the correct installer under the plain name and the replaced one with this mark, in
#: the uploader's spelling; the dictionary's is accepted, too.
_SUPERSEDED_MARKS: Final = ("_superceded", "_superseded")

# Heads: how names begin, up to and including the version.

# Nine digits fit the tables' integers; the possessive `+` reads a number whole or not at all.
_NUMBER: Final = "[0-9]{1,9}+"
# A letter and a digit that are not a known level (`x1`) are an unknown one: no match.
_LEVEL: Final = rf"(?:(?P<level>a|b|rc|c)(?P<serial>{_NUMBER})|(?!(?:[a-z]|rc)[0-9]))(?![0-9])"
_DOTTED: Final = (
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})(?:\.(?P<micro>{_NUMBER})|(?!\.?[0-9])){_LEVEL}"
)
#: Digits without dots: only the directory shows whether `31011` is 3.10.11.
_DIGITS: Final = rf"(?P<digits>[0-9]{{2,9}}+){_LEVEL}"
#: The same in names of 8.3 characters, where each digit is a number if the directory has none.
_SHORT_DIGITS: Final = rf"(?P<short>[0-9]{{2,9}}+){_LEVEL}"

#: BeOpen, the company that employed the developers in 2000, put its name before that of 2.0.
_PYTHON: Final = rf"(?:beopen-)?python-?{_DOTTED}"
#: `pyth151.tgz`, `py152.tgz`
_SHORT: Final = rf"py(?:th(?:on)?)?{_SHORT_DIGITS}"
_MAC: Final = rf"macpython(?:-(?P<options>osx|os9|carbon|classic|jaguar|panther|tiger))?-?{_DOTTED}"
#: Red Hat's own Python was called `python`, that of python.org `python2` or `python2.3`. Packages
#: of other projects (`python-ldap-2.0-1.i386.rpm`) have similar names: hence the list.
_RPM: Final = (
    r"(?:beopen-)?python[0-9.]{0,9}"
    r"(?:-(?P<package>debug|debuginfo|demo|devel|docs?|idle|libs|test|tkinter|tools))?"
    rf"-{_DOTTED}"
)
_DOCUMENT_FORMS: Final = (
    r"(?P<options>html|text|texinfo|info|latex|isilo|(?:pdf|postscript)(?:-a4|-letter)?)"
)

# Rests: what stands between the version and the extension's dot.

_FREE_THREADED: Final = r"(?P<free_threaded>t)?"
_WINDOWS_ARCH: Final = r"(?:[-.](?P<arch>amd64|arm32|arm64|ia64|win32|x86))?"
# After `macos` or `macosx` comes a version, a date, both (`10.3-2010-03-24`), or nothing.
_MIN_MACOS: Final = r"(?P<min_macos>(?:[0-9]+(?:\.[0-9]+)*)?-?(?:[0-9]+-[0-9]+-[0-9]+)?)"
_MAC_REVISION: Final = r"(?:-(?P<revision>[0-9]+(?:-[0-9]+-[0-9]+)?))?"
_MAC_OPTIONS: Final = r"[-_]?(?P<options>active|full|patch|small|src)?"

# Formats: what an extension is called, by the kind of artifact.

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


class Rule(NamedTuple):
    """A row: names that consist of the head, the rest, and an extension of one of the formats.

    The patterns match lower case. A group with an attribute's name gives its value; attributes of
    type bool are true if their group is present.
    """

    artifact_type: str
    head: str
    rest: str
    #: By extension.
    formats: Mapping[str, str]
    #: Attributes that a name does not show.
    defaults: Mapping[str, str] = {}
    #: The catalog's words for other words in names.
    words: Mapping[str, str] = {}

    def attributes(self, extension: str, found: Mapping[str, str]) -> dict[str, str | bool]:
        """Return the attributes of a name with that extension and these groups of the pattern."""
        attributes: dict[str, str | bool] = {**self.defaults, "format": self.formats[extension]}
        for name, value in found.items():
            if name in ATTRIBUTES:
                attributes[name] = ATTRIBUTES[name] is bool or self.words.get(value, value)
        return attributes


#: The first row that matches a name counts.
RULES: Final = (
    # Python-3.15.0rc1.tar.xz, Python-2.0.1-Debug.zip, BeOpen-Python-2.0.tar.gz, python1.1.tar.gz
    Rule("source-release", _PYTHON, r"(?P<debug>-debug)?", _ARCHIVES),
    # Not seen yet. A .zip with a build number alone is for Windows.
    Rule(
        "source-release",
        _PYTHON,
        r"[-_.]?(?P<post_build>post[0-9]+)(?P<debug>-debug)?",
        _TARBALLS,
    ),
    # python-3.13.0rc1-no-lto-macos11.pkg, python-2.6.4_macosx10.3.dmg, python-3.1.dmg
    Rule(
        "macos-release",
        _PYTHON,
        rf"(?:[-_.]?(?P<post_build>post[0-9]+))?{_FREE_THREADED}"
        rf"(?:-(?P<options>no-(?!macos)[a-z]+))?(?:[-_]macosx?{_MIN_MACOS})?"
        r"(?:[-_](?P<revision>rev[0-9]+))?",
        _MAC_PACKAGES,
    ),
    # python-3.13.0t-amd64.zip, python-3.0a2.x86.msi, Python-2.3.2-1.exe. The build number may
    # follow any character; `t` before a number is not the free-threaded build.
    Rule(
        "windows-release",
        _PYTHON,
        rf"(?:(?:.(?=[0-9])|.?(?=post))(?P<post_build>(?:post)?[0-9]+))?{_FREE_THREADED}"
        rf"(?P<test>-test)?(?P<embed>-embed(?:dable)?)?{_WINDOWS_ARCH}"
        r"(?P<webinstall>-webinstall)?",
        _WINDOWS_PACKAGES,
        defaults={"arch": "win32"},
        words={"x86": "win32"},
    ),
    # python-2.7.18.amd64-pdb.zip
    Rule(
        "windows-support",
        _PYTHON,
        rf"{_FREE_THREADED}{_WINDOWS_ARCH}-(?P<pdb>pdb)",
        {"zip": "zip", "msi": "msi", "exe": "exe"},
    ),
    # windows-3.14.0.json, which the Python install manager reads
    Rule("windows-manifest", rf"windows-{_DOTTED}", "", {"json": "json"}),
    # python-3.14.0-aarch64-linux-android.tar.gz: the triplets of the NDK
    Rule(
        "android-release",
        _PYTHON,
        rf"{_FREE_THREADED}-(?P<arch>aarch64|arm64|arm|armv7a|i686|riscv64|x86|x86_64)"
        r"-linux-android(?:eabi)?",
        _ARCHIVES,
        words={"aarch64": "arm64"},
    ),
    # python-3.15.0b1-iOS-XCframework.tar.gz
    Rule("ios-release", _PYTHON, rf"{_FREE_THREADED}-ios(?:-xcframework)?", _ARCHIVES),
    # Not seen yet; the triplets of PEP 11.
    Rule(
        "linux-release",
        _PYTHON,
        rf"{_FREE_THREADED}-(?P<arch>aarch64|armv7|i686|ppc64le|riscv64|s390x|x86_64)"
        r"-(?:unknown-)?linux-(?P<options>gnu|musl)",
        _ARCHIVES,
        words={"aarch64": "arm64"},
    ),
    # BeOpen-Python-2.0-1.i386.rpm, python2.3-devel-2.3.2-1pydotorg.i386.rpm
    Rule(
        "linux-release",
        _RPM,
        r"-(?P<revision>[0-9][0-9a-z._]{0,40})"
        r"\.(?P<arch>aarch64|alpha|i386|i486|i586|i686|ia64|noarch|nosrc|ppc|ppc64|ppc64le|s390|s390x"
        r"|sparc|src|x86_64)",
        {"rpm": "rpm_package"},
        words={"aarch64": "arm64"},
    ),
    # MacPython221full.bin, MacPython221MacOS81patch.hqx
    Rule(
        "macos-release",
        rf"macpython-?{_SHORT_DIGITS}",
        rf"(?:[-_]?macos(?P<min_macos>[0-9.]*))?{_MAC_OPTIONS}",
        _MAC_ENCODINGS,
    ),
    # Python-2.2.1.sit
    Rule("macos-release", _PYTHON, _MAC_OPTIONS, _MAC_ENCODINGS),
    # MacPython-OSX-2.3-1.dmg
    Rule("macos-release", _MAC, _MAC_REVISION, {**_MAC_PACKAGES, **_MAC_ENCODINGS}),
    # Universal-MacPython-2.4.3-2006-04-07.dmg
    Rule(
        "macos-release",
        rf"(?P<options>universal)-macpython-?{_DOTTED}",
        _MAC_REVISION,
        _MAC_PACKAGES,
    ),
    # py152.tgz, pyth151.tgz, py152.exe
    Rule("source-release", _SHORT, "", _TARBALLS),
    Rule("windows-release", _SHORT, "", {"exe": "executable"}, defaults={"arch": "win32"}),
    # Python25.chm, python3100a1.chm
    Rule("documentation", rf"python{_DIGITS}", "", _DOCUMENTS),
    # python-3.9.0-docs.epub, python-3.9.0-docs-pdf-a4.tar.bz2, html-2.2.1.tgz
    Rule("documentation", _PYTHON, r"(?:-docs?)?", _DOCUMENTS),
    Rule("documentation", _PYTHON, rf"-docs?(?:-{_DOCUMENT_FORMS})?", _ARCHIVES),
    Rule("documentation", rf"{_DOCUMENT_FORMS}-{_DOTTED}", "", _ARCHIVES),
)


#: The values of the attribute `arch`.
ARCHITECTURES: Final = sorted(
    {
        *(arch for one in UNIVERSAL.items() for arch in (one[0], *one[1])),
        *(
            rule.words.get(arch, arch)
            for rule in RULES
            for group in re.findall(r"\(\?P<arch>([^)]+)\)", rule.rest)
            for arch in group.split("|")
        ),
    }
)


@cache
def _by_extension() -> dict[str, list[tuple[re.Pattern[str], Rule]]]:
    """The rules and their whole patterns; compiling them takes longer than most queries."""
    found: dict[str, list[tuple[re.Pattern[str], Rule]]] = {}
    for rule in RULES:
        pattern = re.compile(f"(?>{rule.head}){rule.rest}")
        for extension in rule.formats:
            found.setdefault(extension, []).append((pattern, rule))
    return found


class ParsedName(NamedTuple):
    """The result of parsing a file's name."""

    #: Five items. For unrecognised files the three of their directory, or None.
    release_version: NormalizedPythonVersion | None
    #: The type of the row that matches the name, or `unrecognised`.
    artifact_type: str
    #: Keys of ATTRIBUTES, only those that apply; empty for unrecognised files.
    attributes: dict[str, str | bool]


def parse_name(name: str, directory: str = "") -> ParsedName:
    """Parse a file's own name; any text is accepted.

    The release directory, such as `3.13.9` or `src`, resolves ambiguous digits and gives the
    version of unrecognised files.
    """
    # Beyond ASCII, lower() may change a text's length, and digits are not those of versions.
    if len(name) <= LONGEST_NAME and name.isascii():
        plain, mark = split_superseded(name.lower())
        parsed = _recognise(plain, directory)
        if parsed is not None:
            if mark:
                parsed.attributes["superseded"] = True
            return parsed
    return ParsedName(parse_release_directory(directory), UNRECOGNISED, {})


def classify_name(name: str, directory: str) -> ParsedName:
    """As `parse_name`, with the attributes that are known although the name does not say them."""
    parsed = parse_name(name, directory)
    version, artifact_type, attributes = parsed
    if version is None or artifact_type == UNRECOGNISED:
        return parsed
    if artifact_type == "macos-release":
        arch, oldest = mac_build(version, str(attributes.get("min_macos", "")))
        attributes |= {"arch": arch} if arch else {}
        attributes |= {"oldest_macos": oldest} if oldest else {}
    elif artifact_type == "windows-support":
        attributes.setdefault("arch", "win32")
    # Pre-releases are in the directory of the final; src/ is for many versions.
    home = parse_release_directory(directory)
    if home is not None and home != version[:3]:
        attributes["misplaced"] = True
    return parsed


def split_superseded(name: str) -> tuple[str, str]:
    """Split off the mark of superseded files; the mark is empty in other names."""
    if not name.endswith(_SUPERSEDED_MARKS):
        return name, ""
    plain, _, word = name.rpartition("_")
    return plain, f"_{word}"


def _recognise(text: str, directory: str) -> ParsedName | None:
    stem, _, extension = text.rpartition(".")
    if stem.endswith(".tar"):
        stem, extension = stem[:-4], f"tar.{extension}"
    for pattern, rule in _by_extension().get(extension, ()):
        if match := pattern.fullmatch(stem):
            found = {name: value for name, value in match.groupdict().items() if value is not None}
            if version := _version(found, directory):
                return ParsedName(version, rule.artifact_type, rule.attributes(extension, found))
    return None


#: The files of a directory have few versions.
_made_version: Final = lru_cache(maxsize=256)(NormalizedPythonVersion)


def _version(found: Mapping[str, str], directory: str) -> NormalizedPythonVersion | None:
    """Return the version that a pattern found; None if it does not fit the directory."""
    level, serial = LEVELS[found.get("level", "")], found.get("serial", 0)
    if "major" in found:
        numbers = found["major"], found["minor"], found.get("micro", 0)
        return _made_version(*numbers, level, serial)
    digits = found.get("digits") or found["short"]
    release = parse_release_directory(directory)
    if release and digits in _standing_for(release, is_short="short" in found):
        return _made_version(release.major, release.minor, release.micro, level, serial)
    if "short" in found and len(digits) <= 3:
        return _made_version(digits[0], digits[1], digits[2:] or 0, level, serial)
    return None


def _standing_for(release: NormalizedPythonVersion, *, is_short: bool) -> set[str]:
    """The digits in names that mean the version of their directory."""
    series = "{}{}".format(*release)
    micros = range(release.micro, release.micro + 1)
    if not is_short:
        # Some help files have the digits of the release before or after theirs.
        micros = range(max(release.micro - 1, 0), release.micro + 2)
    # A series alone (`Python25.chm` in 2.5.3/) stands for the directory's version.
    return {series, *(f"{series}{micro}" for micro in micros)}
