"""Real bundles and digests, which are not part of the project.

They are in `../shared/data`, or in the folder that PYORG_TEST_SHARED names. Tests that need them
are skipped without them.
"""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def shared_data() -> Path:
    """The folder; skips the test if it does not exist."""
    folder = Path(os.environ.get("PYORG_TEST_SHARED") or ROOT.parent / "shared") / "data"
    if not (folder / "sigstore").is_dir():
        pytest.skip(f"no real bundles: {folder}/sigstore is not there (PYORG_TEST_SHARED)")
    return folder


def real_bundles() -> dict[str, bytes]:
    """The bundles by the paths of their artifacts."""
    folder = shared_data() / "sigstore"
    digests = real_digests()
    paths = {path.rpartition("/")[2]: path for path in digests}
    return {
        paths[file.name.removesuffix(".sigstore")]: file.read_bytes()
        for file in sorted(folder.iterdir())
    }


def real_digests() -> dict[str, str]:
    """The SHA-256 of real artifacts by their paths."""
    with gzip.open(shared_data() / "sha256.tsv.gz", "rt") as file:
        return {row["path"]: row["sha256"] for row in csv.DictReader(file, delimiter="\t")}


def real_signers() -> dict[tuple[int, int], tuple[str, str]]:
    """Identity and issuer by series."""
    with (shared_data() / "signing_identities.tsv").open() as file:
        return {
            (int(major), int(minor)): (row["identity"], row["oidc_issuer"])
            for row in csv.DictReader(file, delimiter="\t")
            for major, minor in [row["minor"].split(".")]
        }
