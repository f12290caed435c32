"""The release directories whose files the catalog does not have, and what queries say of them.

The site may answer a directory with another page, or may fail: a release in it exists nevertheless.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_release_directory

LOGGER = logging.getLogger(__name__)


class Unlisted:
    """Those of a published table, by version."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._reasons: dict[NormalizedPythonVersion, str] = {}
        # Tables of earlier versions do not have it.
        for name, failure in metadata.get("unlisted", {}).items():
            # src/ holds many versions.
            if version := parse_release_directory(name):
                why = f"the last refresh could not read {failure['error']}"
                if failure["hidden"]:
                    why = (
                        f"the site answers {name}/ with another page instead of a listing; look "
                        f"for them in a browser at {metadata['site_url']}{name}/"
                    )
                self._reasons[version] = why
        self._warned: set[str] = set()

    @property
    def versions(self) -> list[NormalizedPythonVersion]:
        """The three-item versions of the directories."""
        return list(self._reasons)

    def describe(self, series: tuple[int, ...] | None, after: tuple[Any, ...] = ()) -> str:
        """What is not listed of a series, or of all, in versions after this one; else empty.

        `series` may also be a whole version.
        """
        found = [
            version
            for version in self._reasons
            if version > after and (series is None or version[: len(series)] == series)
        ]
        if len(found) > 1:
            names = shortened(version.text for version in reversed(found))
            return f"the files of {names} are not listed; `pyorg info` shows why"
        return "".join(f"the files of {one} are not listed: {self._reasons[one]}" for one in found)

    def warn(
        self, series: tuple[int, int] | None, newest: NormalizedPythonVersion | None = None
    ) -> None:
        """Warn, once, of directories that may have a newer release than the newest known."""
        if text := self.describe(series, newest or ()):
            if newest is not None:
                text = f"{newest} may not be the newest release: {text}"
            if text not in self._warned:
                self._warned.add(text)
                LOGGER.warning("%s", text)
