"""Companions, whole in memory or not at all."""

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


def test_a_file_comes_whole_with_one_request(site: Replica, client: SiteClient) -> None:
    assert client.read_file(PATH) == CONTENT
    assert [request.path for request in site.requests] == [PATH]


def test_an_empty_file_is_a_file(site: Replica, client: SiteClient) -> None:
    site.add("3.14.0/empty", content=b"")
    assert client.read_file("3.14.0/empty") == b""


def test_a_compressed_answer_is_decoded(site: Replica, client: SiteClient) -> None:
    packed = gzip.compress(CONTENT)
    site.answer(PATH, Answer(body=packed, headers={"Content-Encoding": "gzip"}))
    assert client.read_file(PATH) == CONTENT


def test_a_cut_answer_is_asked_for_again(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(cut_after=100), times=2)
    assert client.read_file(PATH) == CONTENT
    assert len(site.requests) == 3


def test_an_answer_cut_each_time_is_an_error(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(cut_after=100))
    with pytest.raises(SiteUnreachableError, match="cut off"):
        client.read_file(PATH)
    assert len(site.requests) == 3


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(CONTENT)[:-4], b"\x1f\x8b"])
def test_what_cannot_be_decoded_is_asked_for_again_and_then_an_error(
    site: Replica, client: SiteClient, body: bytes
) -> None:
    site.answer(PATH, Answer(body=body, headers={"Content-Encoding": "gzip"}), times=1)
    assert client.read_file(PATH) == CONTENT
    site.answer(PATH, Answer(body=body, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SiteUnreachableError):
        client.read_file(PATH)


def test_an_encoding_that_was_not_asked_for_is_an_error(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(body=b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(SiteError, match="Content-Encoding 'br'"):
        client.read_file(PATH)


def test_a_file_larger_than_the_limit_is_given_up(site: Replica, client: SiteClient) -> None:
    site.add("3.14.0/noise", content=random.Random(1).randbytes(1_000_000))
    with pytest.raises(SiteError, match="larger than 100000 bytes"):
        client.read_file("3.14.0/noise", 100_000)
    bomb = gzip.compress(bytes(10_000_000))
    site.answer(PATH, Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SiteError, match="larger than 100000 bytes"):
        client.read_file(PATH, 100_000)
    site.clear_answers()
    assert client.read_file(PATH, len(CONTENT)) == CONTENT


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_status_that_does_not_pass_is_told_at_once(
    site: Replica, client: SiteClient, status: int
) -> None:
    site.answer(PATH, Answer(status))
    with pytest.raises(SiteStatusError) as caught:
        client.read_file(PATH)
    assert caught.value.status == status
    assert len(site.requests) == 1


def test_a_passing_status_is_tried_again(site: Replica, client: SiteClient) -> None:
    site.answer(PATH, Answer(503), times=2)
    assert client.read_file(PATH) == CONTENT


@pytest.mark.parametrize("path", ["", "3.14.0/", "../x", "3.14.0//x", "3.14.0/../../x"])
def test_what_is_no_file_below_the_site_is_not_asked_for(
    site: Replica, client: SiteClient, path: str
) -> None:
    with pytest.raises(InvalidArgumentError):
        client.read_file(path)
    assert site.requests == []
