"""The replica answers as a real nginx does, where one is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from benchmarks.nginx_site import NGINX, build_tree, nginx_site
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline_tests.demo.asking import Answered, ask

SOURCE = "3.13.9/Python-3.13.9.tgz"
DIRECTORIES = ("", "2.2.3/", "3.13.9/", "src/", "odd/")
ODD_NAMES = [*("a b", "a&b", "a<b>", "a%2Fb", "a#b?c", "a+b"), "x" * 49, "x" * 50, "x" * 51]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nginx that serves some directories of the record and one of odd names."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    tree = build_tree(
        tmp_path_factory.mktemp("nginx"),
        left_out=lambda path: (
            not path.endswith("/") and "/" in path and not path.startswith(DIRECTORIES[1:])
        ),
    )
    odd = tree / "ftp" / "python" / "odd"
    odd.mkdir()
    for name in ODD_NAMES:
        (odd / name).touch()
        (odd / f"d{name}").mkdir()
    for made in [*odd.iterdir(), odd]:
        os.utime(made, times=(0, 0))
    with nginx_site(tree) as url:
        yield url


@pytest.fixture(scope="module")
def replica() -> Iterator[str]:
    epoch = datetime.fromtimestamp(0, UTC)
    with Replica() as site:
        for name in ODD_NAMES:
            site.add(f"odd/{name}", size=0, last_modified=epoch)
            site.add(f"odd/d{name}/", last_modified=epoch)
        yield site.url


def comparable(answer: Answered, url: str) -> Answered:
    """Without what differs from server to server; of an error's page its title alone."""
    headers = {
        name: value.replace(url, "")
        for name, value in answer.headers.items()
        if name not in {"Date", "Server", "Connection"}
    }
    if answer.status >= 300:
        del headers["Content-Length"]
    return Answered(answer.status, headers, b"")


@pytest.mark.parametrize("path", DIRECTORIES)
def test_listings_are_byte_for_byte_those_of_nginx(nginx: str, replica: str, path: str) -> None:
    theirs, ours = ask(nginx, path), ask(replica, path)
    assert ours.body == theirs.body
    assert comparable(ours, replica) == comparable(theirs, nginx)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (SOURCE, {}),
        ("2.2.3/index.html", {}),
        ("3.13.9", {}),
        ("nix", {}),
        ("nix/", {}),
        (f"{SOURCE}/", {}),
        (SOURCE, {"Range": "bytes=10-19"}),
        (SOURCE, {"Range": "bytes=1000000-"}),
        (SOURCE, {"Range": "bytes=100000000-"}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": '"other"'}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": "{ETag}"}),
        (SOURCE, {"Range": "bytes=10-", "If_Range": "{Last-Modified}"}),
    ],
)
def test_files_and_redirects_are_answered_as_nginx_answers_them(
    nginx: str, replica: str, path: str, headers: dict[str, str]
) -> None:
    known = ask(nginx, SOURCE).headers
    sent = {name: value.format(**known) for name, value in headers.items()}
    theirs, ours = ask(nginx, path, **sent), ask(replica, path, **sent)
    assert comparable(ours, replica) == comparable(theirs, nginx)
    assert len(ours.body) == len(theirs.body) or ours.status >= 300
