"""Artifacts as a catalog has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyorg_pipeline.model.artifacts import PythonOrgArtifact


def artifact(path: str, **changes: Any) -> PythonOrgArtifact:
    """An artifact as its path describes it, without companions, size and date."""
    directory, _, name = path.rpartition("/")
    # An invalid path as it is: from_name removes slashes at the directory's ends.
    return replace(PythonOrgArtifact.from_name(name, directory), **{"path": path, **changes})
