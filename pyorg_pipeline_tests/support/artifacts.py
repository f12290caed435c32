"""Artifacts as a catalog has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyorg_pipeline.model.artifacts import PythonOrgArtifact


def artifact(path: str, **changes: Any) -> PythonOrgArtifact:
    """An artifact as its path describes it, without companions, size and date."""
    directory, _, name = path.rpartition("/")
    return replace(PythonOrgArtifact.from_name(name, directory), **changes)
