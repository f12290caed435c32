"""Fixtures of the tests of the site: an isolated environment, and a small record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.demo.replica.tree import Node, read_record


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unset the proxies, certificates and credentials of the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture(scope="session")
def a_small_record() -> list[Node]:
    """All release directories, but only the files of 3.13 and src; a replica of it starts fast."""
    return [
        entry
        for entry in read_record()
        if entry.path.count("/") < 1
        or entry.path.index("/") == len(entry.path) - 1
        or entry.path.startswith(("3.13.", "src/"))
    ]


@pytest.fixture
def replica(a_small_record: list[Node]) -> Iterator[Replica]:
    """A replica of the small record."""
    with Replica(a_small_record) as replica:
        yield replica
