"""Artifacts and downloads of single files, for tests against a real server."""

from __future__ import annotations

import io
import random
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyorg_pipeline.downloads.download import download
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support import artifacts

NAME = "python-3.13.9-amd64.exe"
PATH = f"3.13.9/{NAME}"
OLD = b"an older good copy"
BYTES = random.Random(1).randbytes(300_001)
DATE = datetime(2025, 10, 14, tzinfo=UTC)


def artifact(path: str = PATH, size: int | None = None, **changes: Any) -> PythonOrgArtifact:
    """An artifact with a digest, if one is given, from a signature bundle."""
    source = "sigstore" if "sha256" in changes else None
    return artifacts.artifact(path, **{"size": size, "digest_source": source, "url": "", **changes})


def fetch(
    client: SiteClient,
    path: str,
    folder: Path | str | None,
    *,
    size: int | None = None,
    sha256: str | None = None,
    **options: Any,
) -> Download:
    """Download a file of which the catalog has this size and digest, if any."""
    known = {} if sha256 is None else {"sha256": sha256}
    return download(client, artifact(path, size, **known), folder, **options)


def tarball(content: bytes, mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("Python/README")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def names(folder: Path) -> list[str]:
    """The names in a folder, hidden or not."""
    return [path.name for path in folder.iterdir()]


def contents(folder: Path) -> dict[str, bytes]:
    """The content of each file in a folder, hidden or not."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
