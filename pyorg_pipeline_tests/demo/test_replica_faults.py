"""The replica fails on demand: canned answers, cuts, silence."""

from __future__ import annotations

import dataclasses
import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request, ServedRequest
from pyorg_pipeline_tests.demo.nginx_cases import Case, Exchange, exchange

CONTENT = b"0123456789" * 10


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica([]) as running:
        running.add("3.13.0/file", content=CONTENT)
        yield running


def ask(replica: Replica, path: str, method: str = "GET", **headers: str) -> Exchange:
    return exchange(replica.url, Case(method, f"/ftp/python/{path}", headers))


def raw(replica: Replica, path: str) -> bytes:
    """All bytes that come back until the server closes the connection."""
    return received(replica, f"GET /ftp/python/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def received(replica: Replica, sent: bytes) -> bytes:
    """All bytes that come back for these bytes until the server closes the connection."""
    address = urlsplit(replica.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_status_alone_comes_with_nginx_s_page(replica: Replica) -> None:
    replica.answer("3.13.0/", Answer(status=503))
    answer = ask(replica, "3.13.0/")
    assert answer.status == 503
    assert answer.body == (
        "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
        "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    assert dict(answer.headers)["Content-Type"] == "text/html"


def test_a_body_alone_is_an_answer_that_looks_good(replica: Replica) -> None:
    replica.answer("nix", Answer(body=b"<html>Just a moment</html>"))
    answer = ask(replica, "nix")
    assert (answer.status, answer.body) == (200, "<html>Just a moment</html>")
    replica.answer("nix", Answer(body=b""))
    assert (ask(replica, "nix").status, ask(replica, "nix").body) == (200, "")


def test_headers_alone_lie_over_the_usual_answer_whatever_their_case(replica: Replica) -> None:
    usual = ask(replica, "3.13.0/file")
    replica.answer("3.13.0/file", Answer(headers={"Age": "604800", "ETAG": '"x"'}))
    answer = ask(replica, "3.13.0/file")
    assert (answer.status, answer.body) == (200, usual.body)
    expected = {**dict(usual.headers), "Age": "604800", "ETAG": '"x"'}
    del expected["ETag"]
    assert dict(answer.headers) == expected


def test_all_of_an_answer_is_sent_as_given(replica: Replica) -> None:
    headers = {"Retry-After": "120", "Content-Type": "application/json"}
    replica.answer("", Answer(status=429, headers=headers, body=b"{}"))
    answer = ask(replica, "")
    assert (answer.status, answer.body) == (429, "{}")
    assert answer.headers == [
        ("Connection", "keep-alive"),
        ("Content-Length", "2"),
        ("Content-Type", "application/json"),
        ("Retry-After", "120"),
        ("Server", "nginx"),
    ]


def test_an_answer_given_for_some_times_is_followed_by_the_usual_one(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(status=500), times=2)
    assert [ask(replica, "3.13.0/file").status for _ in range(4)] == [500, 500, 200, 200]


def test_an_answer_without_times_is_given_until_the_answers_are_cleared(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(status=500))
    assert [ask(replica, "3.13.0/file").status for _ in range(4)] == [500] * 4
    replica.clear_answers()
    assert ask(replica, "3.13.0/file").status == 200


def test_a_later_answer_takes_the_place_of_an_earlier_one(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(status=500))
    replica.answer("3.13.0/file", Answer(status=403), times=1)
    assert [ask(replica, "3.13.0/file").status for _ in range(2)] == [403, 200]


def test_an_answer_is_for_its_own_path_alone(replica: Replica) -> None:
    replica.answer("3.13.0/", Answer(status=403))
    assert ask(replica, "3.13.0/").status == 403
    assert ask(replica, "3.13.0").status == 301
    assert ask(replica, "3.13.0/file").status == 200
    assert ask(replica, "").status == 200


def test_a_function_sees_the_request_and_what_the_site_would_answer(replica: Replica) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        assert request.ordinary.body is not None
        return Answer(body=bytes(request.ordinary.body).replace(b"</html>", b""))

    replica.answer("3.13.0/", answer, times=1)
    cut = ask(replica, "3.13.0/", **{"User-Agent": "us"}).body
    whole = ask(replica, "3.13.0/").body
    assert cut == whole.replace("</html>", "")
    (request,) = seen
    assert (request.method, request.path) == ("GET", "3.13.0/")
    assert request.headers["user-agent"] == "us"
    assert request.ordinary.status == 200


def test_a_function_may_change_the_usual_answer_of_a_file(replica: Replica) -> None:
    replica.answer("3.13.0/file", lambda request: dataclasses.replace(request.ordinary, status=200))
    assert ask(replica, "3.13.0/file", Range="bytes=90-").body == "0123456789"
    replica.answer(
        "3.13.0/file", lambda request: Answer(body=bytes(request.ordinary.body or b"")[::-1])
    )
    assert ask(replica, "3.13.0/file").body.encode() == CONTENT[::-1]


def test_a_cut_file_declares_its_whole_length_and_ends_early(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(cut_after=42))
    head, _, body = raw(replica, "3.13.0/file").partition(b"\r\n\r\n")
    assert b"Content-Length: 100" in head
    assert b"Connection: close" in head
    assert body == CONTENT[:42]


def test_a_file_cut_before_its_first_byte_has_headers_alone(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(cut_after=0))
    head, _, body = raw(replica, "3.13.0/file").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


def test_a_cut_of_a_part_counts_from_the_part_s_own_start(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(cut_after=3))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(replica, "3.13.0/file", Range="bytes=55-")
    assert (caught.value.partial, caught.value.expected) == (b"567", 42)


def test_a_made_up_file_is_listing_in_the_midst_of_its_pieces(replica: Replica) -> None:
    replica.add("big", size=1_000_000)
    whole = ask(replica, "big").body.encode("latin-1")
    replica.answer("big", Answer(cut_after=700_001))
    assert raw(replica, "big").partition(b"\r\n\r\n")[2] == whole[:700_001]


def test_a_cut_listing_has_no_end_to_its_chunk(replica: Replica) -> None:
    whole = ask(replica, "3.13.0/").body.encode()
    replica.answer("3.13.0/", Answer(cut_after=100))
    body = raw(replica, "3.13.0/").partition(b"\r\n\r\n")[2]
    assert body == b"%x\r\n" % len(whole) + whole[:100]


def test_a_cut_behind_the_end_cuts_nothing(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(cut_after=100))
    answer = ask(replica, "3.13.0/file")
    assert answer.body.encode() == CONTENT
    assert ("Connection", "keep-alive") in answer.headers


def test_a_connection_closed_without_an_answer_is_counted_without_a_status(
    replica: Replica,
) -> None:
    replica.answer("3.13.0/file", Answer(hang_up=True), times=1)
    assert raw(replica, "3.13.0/file") == b""
    assert ask(replica, "3.13.0/file").status == 200
    assert replica.requests == [
        ServedRequest("GET", "3.13.0/file", 0),
        ServedRequest("GET", "3.13.0/file", 200),
    ]


def test_a_head_request_gets_the_headers_of_a_canned_answer_alone(replica: Replica) -> None:
    replica.answer("3.13.0/file", Answer(status=503, body=b"later"))
    answer = ask(replica, "3.13.0/file", "HEAD")
    assert (answer.status, answer.body) == (503, "")
    assert ("Content-Length", "5") in answer.headers


def test_an_answer_that_is_held_back_comes_when_it_is_released(replica: Replica) -> None:
    """The listing is one of the moment of the request, however long it is held back."""
    arrived, release = threading.Event(), threading.Event()

    def answer(_: Request) -> Answer:
        arrived.set()
        return Answer(hold=release)

    before = ask(replica, "3.13.0/").body
    replica.answer("3.13.0/", answer, times=1)
    bodies: list[str] = []
    client = threading.Thread(target=lambda: bodies.append(ask(replica, "3.13.0/").body))
    client.start()
    assert arrived.wait(timeout=60)
    replica.add("3.13.0/new")
    assert bodies == []
    release.set()
    client.join()
    assert bodies == [before]
    assert ask(replica, "3.13.0/").body != before


def test_a_canned_answer_may_come_in_one_chunk(replica: Replica) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    replica.answer("nix", Answer(headers=headers, body=b"hello"))
    request = b"GET /ftp/python/nix HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _, body = received(replica, request).partition(b"\r\n\r\n")
    assert b"Content-Length" not in head
    assert body == b"5\r\nhello\r\n0\r\n\r\n"
    replica.answer("nix", Answer(headers=headers, body=b""))
    assert received(replica, request).partition(b"\r\n\r\n")[2] == b"0\r\n\r\n"


def test_a_client_of_http_1_0_gets_a_listing_that_ends_with_the_connection(
    replica: Replica,
) -> None:
    request = b"GET /ftp/python/3.13.0/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    head, _, body = received(replica, request).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert b"Content-Length" not in head
    assert b"Connection: close" in head
    assert body.decode() == ask(replica, "3.13.0/").body


def test_a_request_with_a_body_ends_its_connection(replica: Replica) -> None:
    request = b"POST /ftp/python/3.13.0/file HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    assert received(replica, request).startswith(b"HTTP/1.1 405 Not Allowed\r\n")
    assert replica.requests == [ServedRequest("POST", "3.13.0/file", 405)]


def test_a_status_that_nobody_knows_is_sent_all_the_same(replica: Replica) -> None:
    replica.answer("", Answer(status=599))
    assert "<h1>599 Unknown</h1>" in ask(replica, "").body


BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n"


@pytest.mark.parametrize(
    ("sent", "status_line"),
    [
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", BAD_REQUEST),
        (b"GET\r\nHost: x\r\n\r\n", BAD_REQUEST),
        (b"GET / HTTP/x\r\nHost: x\r\n\r\n", BAD_REQUEST),
        (b"GET ftp HTTP/1.1\r\nHost: x\r\n\r\n", BAD_REQUEST),
        # Not a byte more than it reads: closed with unread bytes, a connection is reset.
        (b"GET /" + b"a" * 65_532, b"HTTP/1.1 414 Request-URI Too Large\r\n"),
    ],
    ids=["a space", "no target", "no version", "no path", "too long"],
)
def test_a_request_that_cannot_be_understood_gets_a_page_and_the_door(
    replica: Replica, sent: bytes, status_line: bytes
) -> None:
    answer = received(replica, sent)
    assert answer.startswith(status_line)
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")


def test_a_mistake_in_a_function_is_shown_and_ends_the_connection(
    replica: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: Request) -> Answer:
        raise LookupError(f"no answer to {request.path}")

    replica.answer("nix", answer)
    assert raw(replica, "nix") == b""
    assert "LookupError: no answer to nix" in capsys.readouterr().err


def test_a_client_that_goes_away_is_passed_over_in_silence(
    replica: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    replica.add("big", size=5_000_000_000_000)
    address = urlsplit(replica.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(b"GET /ftp/python/big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1) == b"H"
    replica.stop()
    assert capsys.readouterr().err == ""
