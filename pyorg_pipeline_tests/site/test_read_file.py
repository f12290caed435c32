"""Small files: their content is complete and decoded, or an error."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SiteError,
    SiteStatusError,
    SiteUnreachableError,
)
from pyorg_pipeline.site.client import MAX_SIZE, SiteClient

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
    assert client.get(PATH).content == CONTENT
    site.answer(PATH, Answer(body=body, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SiteUnreachableError):
        client.get(PATH)


def test_another_encoding_than_gzip_is_an_error(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(body=b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(SiteError, match="Content-Encoding 'br'"):
        client.get(PATH)


def test_a_file_is_limited_in_size(site: Replica, client: SiteClient) -> None:
    for size in (MAX_SIZE, MAX_SIZE + 1):
        for encoding, body in (("", bytes(size)), ("gzip", gzip.compress(bytes(size)))):
            site.answer(PATH, Answer(body=body, headers={"Content-Encoding": encoding}))
            if size == MAX_SIZE:
                assert len(client.get(PATH).content) == size
            else:
                with pytest.raises(SiteError, match=f"larger than {MAX_SIZE} bytes"):
                    client.get(PATH)


def test_a_missing_file_is_an_error_at_once(site: Replica, client: SiteClient) -> None:
    with pytest.raises(SiteStatusError, match="no such file; refresh the catalog"):
        client.get("3.14.0/missing")
    assert len(site.requests) == 1


@pytest.mark.parametrize("path", ["../x", "3.14.0//x", "3.14.0/../../x"])
def test_a_file_outside_the_site_is_never_requested(
    site: Replica, client: SiteClient, path: str
) -> None:
    with pytest.raises(InvalidArgumentError):
        client.get(path)
    assert site.requests == []
