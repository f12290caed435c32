"""What macOS packages run on, where their names do not say it: facts by build and release."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final, NamedTuple

from pyorg_pipeline.model.versions import NormalizedPythonVersion, full_version


class MacBuild(NamedTuple):
    """What a package runs on; None where it is not known."""

    #: As sysconfig.get_platform() calls it: one architecture, or a name for several (UNIVERSAL).
    arch: str | None
    #: The oldest macOS, such as `10.13`.
    oldest_macos: str | None


#: The architectures of universal binaries (cpython, Mac/README.rst).
UNIVERSAL: Final = {
    "fat": ("i386", "ppc"),
    "fat3": ("i386", "ppc", "x86_64"),
    "intel": ("i386", "x86_64"),
    "universal2": ("arm64", "x86_64"),
}

#: By the system in the name, which was the oldest one up to 10.9 (cpython, Mac/BuildScript/README).
_ARCHITECTURES: Final = {"10.3": "fat", "10.5": "fat", "10.6": "intel", "10.9": "x86_64"}

#: The oldest system of universal2 builds, from a release on; their names only say `macos11`. None
#: from the first series on of which it is not known yet.
#: - 3.8.10: cibuildwheel, pull request 664
#: - from 3.12.6: python/release-tools, add_to_pydotorg.py
#: - 3.13.0b2: its announcement; 3.13.0b1 was the last for 10.9
#: - 3.14.0b1 to rc1: python/cpython, pull request 131751 and issue 137749
_OLDEST_OF_UNIVERSAL2: Final = {
    "3.8.0a1": "11",
    "3.9.0a1": "10.9",
    "3.12.6": "10.13",
    "3.13.0a1": "10.9",
    "3.13.0b2": "10.13",
    "3.14.0b1": "11",
    "3.14.0rc2": "10.15",
    "3.16.0a1": None,
}
_SINCE: Final = [full_version(text) for text in _OLDEST_OF_UNIVERSAL2]
_OLDEST: Final = list(_OLDEST_OF_UNIVERSAL2.values())

#: In some names before 3.2.
_DATE: Final = re.compile(r"-?[0-9]+-[0-9]+-[0-9]+\Z")


# The packages of a release are for few systems.
@lru_cache(maxsize=256)
def mac_build(version: NormalizedPythonVersion, min_macos: str | None) -> MacBuild:
    """What a package of a version runs on, given the system in its name."""
    # Universal binaries came with 2.4.3, for the first Macs with Intel processors.
    if version < (2, 4, 3):
        return MacBuild("ppc", None)
    system = _DATE.sub("", min_macos or "")
    if not system:
        # build-installer.py built these for 10.3; from 3.2 on, all names have a system.
        return MacBuild("fat", "10.3") if version < (3, 2) else MacBuild(None, None)
    if system.startswith("10."):
        # 2.7.0's was its 64-bit build, which still had PowerPC's code.
        is_fat3 = (*version[:3], system) == (2, 7, 0, "10.5")
        return MacBuild("fat3" if is_fat3 else _ARCHITECTURES.get(system), system)
    if int(system.partition(".")[0]) >= 11 and (place := bisect_right(_SINCE, version)):
        return MacBuild("universal2", _OLDEST[place - 1])
    return MacBuild(None, None)
