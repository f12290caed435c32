"""Artifacts as a catalog has them."""

from __future__ import annotations

from typing import Any

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.names import classify_name


def artifact(path: str, **changes: Any) -> PythonOrgArtifact:
    """An artifact as its path describes it, without companions, size and date."""
    directory, _, name = path.rpartition("/")
    version, artifact_type, attributes = classify_name(name, directory)
    values: dict[str, Any] = {
        "name": name,
        "path": path,
        "version": version.text if version and len(version) == 5 else None,
        "artifact_type": artifact_type,
        **attributes,
        "url": f"https://www.python.org/ftp/python/{path}",
    }
    return PythonOrgArtifact(**(values | changes))
