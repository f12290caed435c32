"""Crawls of a replica: one request a directory, an error a directory, and closing early."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    ListingError,
    SiteStatusError,
    SiteUnreachableError,
)
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import Crawled, Listing, crawl, read_listing


@pytest.fixture
def client(replica: Replica) -> Iterator[SiteClient]:
    with SiteClient(replica.url, backoff=0, retries=1, read_timeout=0.5) as client:
        yield client


def release_directories(client: SiteClient) -> list[str]:
    return [entry.name for entry in read_listing(client).entries if entry.is_directory]


def count(listing: Listing) -> int:
    return len(listing.entries)


def crawling_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pyorg-site")]


def test_a_listing_has_its_directory_entries_and_age(replica: Replica, client: SiteClient) -> None:
    replica.answer("3.13.9/", Answer(headers={"Age": "3600"}))
    before = datetime.now(UTC)
    listing = read_listing(client, "3.13.9")
    assert listing.directory == "3.13.9"
    assert listing.url == f"{replica.url}3.13.9/"
    assert before <= listing.received_at <= datetime.now(UTC)
    assert listing.generated_at == listing.received_at - timedelta(hours=1)
    sizes = {entry.name: entry.size for entry in listing.entries}
    assert sizes["Python-3.13.9.tar.xz"] == 22681368
    assert sizes["amd64"] is None


def test_a_crawl_costs_one_request_a_directory(replica: Replica, client: SiteClient) -> None:
    directories = release_directories(client)
    replica.clear_requests()
    results = {crawled.directory: crawled for crawled in crawl(client, directories, count)}
    assert len(directories) > 200
    assert sorted(results) == sorted(directories)
    assert sorted(request.path for request in replica.requests) == sorted(
        f"{directory}/" for directory in directories
    )
    assert all(crawled.error is None for crawled in results.values())
    assert results["3.13.9"].value == len(read_listing(client, "3.13.9").entries)


def test_an_error_is_the_result_of_its_directory_alone(
    replica: Replica, client: SiteClient
) -> None:
    replica.answer("3.13.1/", Answer(403))
    replica.answer("3.13.2/", Answer(503))
    replica.answer("3.13.3/", Answer(cut_after=100))
    replica.answer("3.13.4/", Answer(body=b"<html>Hello</html>"))

    def handle(listing: Listing) -> str:
        if listing.directory == "3.13.5":
            raise OSError(28, "No space left on device")
        return listing.directory

    wanted = [f"3.13.{micro}" for micro in range(1, 8)]
    results = {crawled.directory: crawled for crawled in crawl(client, wanted, handle)}
    errors = {name: type(crawled.error) for name, crawled in results.items() if crawled.error}
    assert errors == {
        "3.13.1": SiteStatusError,
        "3.13.2": SiteStatusError,
        "3.13.3": SiteUnreachableError,
        "3.13.4": ListingError,
        "3.13.5": OSError,
    }
    assert all(results[name].value is None for name in errors)
    assert results["3.13.6"] == Crawled("3.13.6", "3.13.6", None)
    assert results["3.13.7"] == Crawled("3.13.7", "3.13.7", None)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_another_exception_ends_the_crawl(
    replica: Replica, client: SiteClient, error: type[BaseException]
) -> None:
    directories = release_directories(client)
    replica.clear_requests()

    def handle(_: Listing) -> None:
        raise error

    with pytest.raises(error):
        list(crawl(client, directories, handle))
    assert len(replica.requests) < len(directories)
    assert crawling_threads() == []


def test_results_are_yielded_as_they_arrive(replica: Replica, client: SiteClient) -> None:
    hold = threading.Event()
    replica.answer("3.13.9/", Answer(hold=hold))
    results = crawl(client, ["3.13.9", "3.13.8", "3.13.9"], count)
    assert replica.requests == []
    assert next(results).directory == "3.13.8"
    hold.set()
    assert [crawled.directory for crawled in results] == ["3.13.9"]
    assert len(replica.requests) == 2


def test_closing_a_crawl_sends_no_further_request(replica: Replica, client: SiteClient) -> None:
    directories = release_directories(client)
    replica.clear_requests()
    hold = threading.Event()
    for directory in directories[1:4]:
        replica.answer(f"{directory}/", Answer(hold=hold))
    handled: list[str] = []
    with closing(crawl(client, directories, lambda it: handled.append(it.directory))) as results:
        next(results)
    finished = handled.copy()
    hold.set()
    for thread in crawling_threads():
        thread.join()
    assert handled == finished
    assert len(replica.requests) < len(directories)
    assert len(handled) < len(directories)
    # What was in flight is not retried.
    requested = [request.path for request in replica.requests]
    assert len(requested) == len(set(requested))
