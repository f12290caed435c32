"""Small files: their content is complete and decoded, or an error."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SiteError,
    SiteStatusError,
    SiteUnreachableError,
)
from pyorg_pipeline.site.client import SiteClient

PATH = "3.14.0/Python-3.14.0.tgz.sigstore"
CONTENT = b'{"mediaType": "made up"}' * 1000


@pytest.fixture
def site() -> Iterator[Replica]:
    with Replica([]) as replica:
        replica.add(PATH, content=CONTENT)
        yield replica


@pytest.fixture
def client(site: Replica) -> Iterator[SiteClient]:
    with SiteClient(site.url, backoff=0, retries=2) as client:
        yield client


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(CONTENT)[:-4], b"\x1f\x8b"])
def test_damaged_gzip_is_retried_and_then_an_error(
    site: Replica, client: SiteClient, body: bytes
) -> None:
    site.answer(PATH, Answer(body=body, headers={"Content-Encoding": "gzip"}), times=1)
    assert client.read_file(PATH) == CONTENT
    site.answer(PATH, Answer(body=body, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SiteUnreachableError):
        client.read_file(PATH)


def test_another_encoding_than_gzip_is_an_error(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(body=b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(SiteError, match="Content-Encoding 'br'"):
        client.read_file(PATH)


def test_a_file_is_limited_in_size(site: Replica, client: SiteClient) -> None:
    site.add("3.14.0/noise", content=random.Random(1).randbytes(1_000_000))
    with pytest.raises(SiteError, match="larger than 100000 bytes"):
        client.read_file("3.14.0/noise", 100_000)
    bomb = gzip.compress(bytes(10_000_000))
    site.answer(PATH, Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SiteError, match="larger than 100000 bytes"):
        client.read_file(PATH, 100_000)
    site.clear_answers()
    assert client.read_file(PATH, len(CONTENT)) == CONTENT


def test_a_missing_file_is_an_error_at_once(site: Replica, client: SiteClient) -> None:
    with pytest.raises(SiteStatusError, match="no such file; refresh the catalog"):
        client.read_file("3.14.0/missing")
    assert len(site.requests) == 1


@pytest.mark.parametrize("path", ["", "3.14.0/", "../x", "3.14.0//x", "3.14.0/../../x"])
def test_a_file_outside_the_site_is_never_requested(
    site: Replica, client: SiteClient, path: str
) -> None:
    with pytest.raises(InvalidArgumentError):
        client.read_file(path)
    assert site.requests == []
