"""Posting events to a webhook: the request, retries, and errors without secrets."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator

import pytest

from pyorg_pipeline.site.webhook import WebhookError, post_event
from pyorg_pipeline_tests.support.raw_server import Raw, RawServer
from pyorg_pipeline_tests.support.receiver import Receiver

EVENT = {"schema": "pyorg_pipeline/event/1", "event": "run_failed", "text": "Größe"}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_event_is_one_post_of_json(status: int) -> None:
    with Receiver([status]) as receiver:
        post_event(receiver.url.replace("http://", "http://user:pass@"), EVENT)
    [delivery] = receiver.requests
    assert delivery.target == "/services/secret"
    assert receiver.events == [EVENT]
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"].startswith("pyorg_pipeline/")
    assert delivery.headers["authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(
    ("status", "attempts", "reason"),
    [
        *((status, 3, "; it gets the event again later") for status in (429, 500, 503, 520)),
        *((status, 1, " instead of 2xx; check ") for status in (400, 401, 403, 404, 410)),
    ],
)
def test_transient_statuses_are_retried_and_others_are_not(
    status: int, attempts: int, reason: str
) -> None:
    with Receiver([status] * 9) as receiver, pytest.raises(WebhookError) as raised:
        post_event(receiver.url, EVENT, backoff=0)
    assert len(receiver.requests) == attempts
    assert str(raised.value).startswith(
        f"the webhook at http://127.0.0.1:{receiver.port} did not accept an event: "
        f"status {status}{reason}"
    )
    if attempts > 1:
        with Receiver([status] * (attempts - 1)) as receiver:
            post_event(receiver.url, EVENT, backoff=0)
        assert receiver.events == [EVENT] * attempts


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with (
        Receiver() as elsewhere,
        Receiver([status], location=elsewhere.url) as receiver,
        pytest.raises(WebhookError, match=rf"redirected \({status}\)"),
    ):
        post_event(receiver.url, EVENT)
    assert elsewhere.requests == []


def test_a_refused_connection_is_an_error_without_path_credentials_and_query() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://user:hush@127.0.0.1:{port}/hush?key=hush"
    with pytest.raises(WebhookError) as raised:
        post_event(url, EVENT, backoff=0)
    assert str(raised.value) == (
        f"the webhook at http://127.0.0.1:{port} did not accept an event: "
        "no connection; check the URL and the network (Connection refused)"
    )
    assert "hush" not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__context__ is None


def test_the_body_of_the_answer_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def endless() -> Iterator[bytes]:
        yield head + b"1\r\nx\r\n"
        server.stopping.wait(10)

    with RawServer(lambda _: Raw(endless())) as server:
        post_event(server.url, EVENT)
        assert not server.stopping.is_set()
    assert len(server.requests) == 1
