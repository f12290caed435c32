"""Lock files: URL, size and SHA-256 of artifacts in the formats of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.selection import check_names


def sha256sum_lines(artifacts: Sequence[PythonOrgArtifact]) -> list[str]:
    """Lines for `sha256sum -c` in the folder of the files, which ignores those with size and URL.

    Raises:
        ArtifactChoiceError: several artifacts have the same file name.
    """
    check_names(artifacts)
    return [
        line
        for one in artifacts
        for line in (f"# {one.size or '?'} bytes, {one.url}", f"{one.sha256}  {one.name}")
    ]


def dockerfile_lines(artifacts: Sequence[PythonOrgArtifact]) -> list[str]:
    """Lines of a Dockerfile that download the files to its WORKDIR.

    BuildKit compares the checksums. The site is an ARG, so that a mirror can be given.
    """
    sites = {one.url.removesuffix(quote(one.path)) for one in artifacts}
    lines = [f"ARG PYTHON_ORG={site}" for site in sites]
    for one in artifacts:
        source = "${PYTHON_ORG}" + quote(one.path)
        lines += [
            f"# {one.size or '?'} bytes",
            f"ADD --checksum=sha256:{one.sha256} {source} ./",
        ]
    return lines
