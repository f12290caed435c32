"""The replica fails on demand: canned answers, cuts, silence."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request, ServedRequest
from pyorg_pipeline_tests.demo.asking import Answered, ask

CONTENT = b"0123456789" * 10
FILE = "3.13.0/file"


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica([]) as running:
        running.add(FILE, content=CONTENT)
        yield running


def get(replica: Replica, path: str, **headers: str) -> Answered:
    return ask(replica.url, path, **headers)


def connect(replica: Replica, path: str) -> socket.socket:
    """A connection on which the file was asked for."""
    address = urlsplit(replica.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)))
    connection.sendall(f"GET /ftp/python/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def raw(replica: Replica, path: str) -> bytes:
    """All bytes that come back until the server closes the connection."""
    with connect(replica, path) as connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (Answer(headers={"ETAG": '"x"'}), 200, CONTENT),
        (Answer(status=403), 403, b"<h1>403 Forbidden</h1>"),
        (Answer(status=599), 599, b"<h1>599 Unknown</h1>"),
        (Answer(body=b"<html>Just a moment</html>"), 200, b"<html>Just a moment</html>"),
        (Answer(body=b""), 200, b""),
        (Answer(429, {"Retry-After": "120"}, b"{}"), 429, b"{}"),
    ],
)
def test_what_an_answer_leaves_out_is_filled_in(
    replica: Replica, answer: Answer, status: int, body: bytes
) -> None:
    replica.answer(FILE, answer)
    got = get(replica, FILE)
    assert got.status == status
    assert body in got.body
    assert got.headers.items() >= dict(answer.headers).items()
    assert "ETag" not in got.headers


def test_an_answer_is_given_some_times_or_until_answers_are_cleared(replica: Replica) -> None:
    replica.answer(FILE, Answer(status=500), times=2)
    assert [get(replica, FILE).status for _ in range(4)] == [500, 500, 200, 200]
    replica.answer(FILE, Answer(status=500))
    assert [get(replica, FILE).status for _ in range(3)] == [500] * 3
    replica.clear_answers()
    assert get(replica, FILE).status == 200


def test_a_function_gets_the_request_and_the_sites_answer(replica: Replica) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return Answer(body=bytes(request.ordinary.body or b"").replace(b"</html>", b""))

    replica.answer("3.13.0/", answer, times=1)
    cut = get(replica, "3.13.0/", User_Agent="us").body
    assert cut == get(replica, "3.13.0/").body.replace(b"</html>", b"")
    [request] = seen
    assert request.path == "3.13.0/"
    assert request.headers["user-agent"] == "us"
    assert request.ordinary.status == 200
    replica.answer(FILE, lambda request: dataclasses.replace(request.ordinary, status=200))
    assert get(replica, FILE, Range="bytes=90-").body == b"0123456789"


def test_a_cut_file_declares_its_whole_length_and_ends_early(replica: Replica) -> None:
    replica.answer(FILE, Answer(cut_after=42), times=1)
    head, _, body = raw(replica, FILE).partition(b"\r\n\r\n")
    assert b"Content-Length: 100" in head
    assert b"Connection: close" in head
    assert body == CONTENT[:42]
    replica.answer(FILE, Answer(cut_after=3))
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(replica, FILE, Range="bytes=55-")
    assert (caught.value.partial, caught.value.expected) == (b"567", 42)


def test_a_cut_listing_has_no_end_to_its_chunk(replica: Replica) -> None:
    whole = get(replica, "3.13.0/").body
    replica.answer("3.13.0/", Answer(cut_after=100))
    body = raw(replica, "3.13.0/").partition(b"\r\n\r\n")[2]
    assert body == b"%x\r\n" % len(whole) + whole[:100]


def test_a_connection_closed_without_an_answer_is_recorded_without_a_status(
    replica: Replica,
) -> None:
    replica.answer(FILE, Answer(hang_up=True), times=1)
    assert raw(replica, FILE) == b""
    assert get(replica, FILE).status == 200
    assert replica.requests == [ServedRequest(FILE, 0), ServedRequest(FILE, 200)]


def test_a_held_answer_is_that_of_the_moment_of_its_request(replica: Replica) -> None:
    arrived, release = threading.Event(), threading.Event()

    def answer(_: Request) -> Answer:
        arrived.set()
        return Answer(hold=release)

    before = get(replica, "3.13.0/").body
    replica.answer("3.13.0/", answer, times=1)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(get, replica, "3.13.0/")
        assert arrived.wait(timeout=60)
        replica.add("3.13.0/new")
        assert not held.done()
        release.set()
        assert held.result().body == before != get(replica, "3.13.0/").body


def test_an_answer_may_be_held_in_the_middle_of_its_body(replica: Replica) -> None:
    release = threading.Event()
    replica.answer(FILE, Answer(hold=release, hold_after=42))
    with connect(replica, FILE) as connection:
        received = b""
        while not received.endswith(CONTENT[:42]):
            received += connection.recv(65_536)
        release.set()
        while not received.endswith(CONTENT):
            received += connection.recv(65_536)


def test_a_mistake_in_a_function_is_printed_and_a_client_that_disconnects_is_not(
    replica: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: Request) -> Answer:
        raise LookupError(f"no answer to {request.path}")

    replica.answer("nix", answer)
    assert raw(replica, "nix") == b""
    assert "LookupError: no answer to nix" in capsys.readouterr().err
    replica.add("big", size=100_000_000)
    with connect(replica, "big") as connection:
        assert connection.recv(1) == b"H"
    replica.stop()
    assert capsys.readouterr().err == ""
