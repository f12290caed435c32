"""The replica's bytes are nginx's: held against what a real nginx answered (data/README.md)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline_tests.demo.nginx_cases import (
    DATA,
    KEPT_PAGES,
    ODD_DIRECTORY,
    ODD_PAGE,
    Case,
    Exchange,
    cases,
    exchange,
    in_short,
    odd_replica,
    read_kept_answers,
)

KEPT_ANSWERS = read_kept_answers()


@pytest.fixture(scope="module")
def recorded_site() -> Iterator[Replica]:
    with Replica() as replica:
        yield replica


@pytest.fixture(scope="module")
def odd_site() -> Iterator[Replica]:
    with odd_replica() as replica:
        yield replica


@pytest.mark.parametrize(("path", "name"), KEPT_PAGES.items())
def test_a_recorded_directory_is_listed_byte_for_byte_as_nginx_lists_it(
    recorded_site: Replica, path: str, name: str
) -> None:
    answer = exchange(recorded_site.url, Case("GET", f"/ftp/python/{path}", {}))
    assert answer.body.encode("latin-1") == (DATA / name).read_bytes()


def test_awkward_names_are_listed_byte_for_byte_as_nginx_lists_them(odd_site: Replica) -> None:
    answer = exchange(odd_site.url, Case("GET", f"/ftp/python/{ODD_DIRECTORY}", {}))
    assert answer.body.encode("latin-1") == (DATA / ODD_PAGE).read_bytes()


def test_every_request_of_the_cases_has_an_answer_of_nginx() -> None:
    assert [case for case, _ in KEPT_ANSWERS] == cases()


@pytest.mark.parametrize(("case", "theirs"), KEPT_ANSWERS)
def test_status_headers_and_body_are_those_of_nginx(
    odd_site: Replica, case: Case, theirs: Exchange
) -> None:
    assert in_short(exchange(odd_site.url, case)) == theirs
