"""The client against servers on 127.0.0.1: requests, limits, retries, redirects, cancelling."""

from __future__ import annotations

import base64
import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SettingsError,
    SiteError,
    SiteStatusError,
    SiteUnreachableError,
)
from pyorg_pipeline.site.client import MAX_SIZE, SiteClient, generated_at
from pyorg_pipeline.site.retry import parse_retry_after
from pyorg_pipeline_tests.support.raw_server import Raw, RawRequest, RawServer, whole

Connect = Callable[..., SiteClient]

OK = b"HTTP/1.1 200 OK\r\n"
# Without a time: workers of pytest-xdist have to collect equal tests.
PACKED = gzip.compress(b"content", mtime=0)


def paths(replica: Replica) -> list[str]:
    return [request.path for request in replica.requests]


# Requests


def test_a_page_costs_one_request(replica: Replica, connect: Connect) -> None:
    client = connect(replica.url.rstrip("/"))
    assert client.base_url == replica.url
    page, root = client.get("3.13.9/"), client.get()
    assert (page.url, root.url) == (f"{replica.url}3.13.9/", replica.url)
    assert b"<title>Index of /ftp/python/3.13.9/</title>" in page.content
    assert root.content.count(b"<a href=") > 200
    assert paths(replica) == ["3.13.9/", ""]
    assert client.requests_sent == 2


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("", ""),
        ("3.13.9/", "3.13.9/"),
        ("a b&c/", "a%20b%26c/"),
        ("a/b", "a/b"),
        ("a%2Fb", "a%252Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("caf\u00e9", "caf%C3%A9"),
        ("a:b", "a%3Ab"),
        ("a\\b", "a%5Cb"),
    ],
)
def test_names_are_percent_encoded(connect: Connect, path: str, quoted: str) -> None:
    assert connect("http://host/ftp/python").url_of(path) == f"http://host/ftp/python/{quoted}"


@pytest.mark.parametrize("directory", ["..", "../x", "a/../b", ".", "/", "/etc", "a//b", "a//"])
def test_a_directory_outside_the_site_is_never_requested(
    replica: Replica, connect: Connect, directory: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a path below"):
        connect(replica.url).get(directory)
    assert replica.requests == []


def test_a_request_has_a_user_agent_and_accepts_gzip(connect: Connect) -> None:
    with RawServer(lambda _: whole(b"x")) as server:
        connect(server.url).get()
        headers = server.requests[0].headers
    version = metadata.version("pyorg-pipeline")
    assert headers["user-agent"].startswith(f"pyorg_pipeline/{version} python-requests/")
    assert headers["accept-encoding"] == "gzip"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert "authorization" not in headers
    assert "cookie" not in headers


def test_one_connection_serves_many_requests(connect: Connect) -> None:
    def respond(_: RawRequest) -> Raw:
        if len(server.requests) == 1:
            return whole(b"busy", status="503 Busy")
        if len(server.requests) == 3:
            return whole(b"", status="302 Found", headers="Location: other/\r\n")
        return whole(b"x" * 100_000, headers="Set-Cookie: a=b\r\n")

    with RawServer(respond) as server:
        client = connect(server.url)
        for _ in range(5):
            client.get("a/")
        assert len(server.requests) == client.requests_sent == 7
        assert {request.connection for request in server.requests} == {1}
        assert not any("cookie" in request.headers for request in server.requests)


def test_concurrency_limits_the_connections(connect: Connect) -> None:
    # Requests wait for two others, so that the limit is reached, too.
    barrier = threading.Barrier(3, timeout=60)

    def respond(_: RawRequest) -> Raw:
        barrier.wait()
        return whole(b"x")

    with RawServer(respond) as server:
        client = connect(server.url, concurrency=3)
        with client.thread_pool() as threads:
            list(threads.map(client.get, map(str, range(1, 61))))
        assert len(server.requests) == client.requests_sent == 60
        assert {request.connection for request in server.requests} == {1, 2, 3}


# Retries and limits


@pytest.mark.parametrize(
    ("status", "word", "transient"),
    [
        (429, "too many requests", True),
        (500, "overloaded", True),
        (501, "overloaded", True),
        (520, "overloaded", True),
        (403, "forbidden", False),
        (404, "not found", False),
        (410, "not found", False),
        (401, "credentials required", False),
        (418, "status 418 instead of 200", False),
        (204, "status 204 instead of 200", False),
        (206, "status 206 instead of 200", False),
        (304, "status 304 instead of 200", False),
    ],
)
def test_transient_statuses_are_retried_and_others_are_not(
    replica: Replica, connect: Connect, status: int, word: str, transient: bool
) -> None:
    replica.answer("3.13.9/", Answer(status))
    client = connect(replica.url, retries=3)
    with pytest.raises(SiteStatusError, match=word) as caught:
        client.get("3.13.9/")
    assert (caught.value.status, caught.value.transient) == (status, transient)
    assert caught.value.url == f"{replica.url}3.13.9/"
    assert len(replica.requests) == client.requests_sent == (4 if transient else 1)
    replica.answer("3.13.9/", Answer(status), times=2)
    if transient:
        assert b"Index of" in client.get("3.13.9/").content
    assert client.get("3.13.8/").content


@pytest.mark.parametrize(
    "wanted", ["3600", "9999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "-1", "1e9", ""]
)
def test_no_pause_is_longer_than_max_pause(replica: Replica, connect: Connect, wanted: str) -> None:
    replica.answer("3.13.9/", Answer(429, {"Retry-After": wanted}), times=2)
    client = connect(replica.url, max_pause=0.01)
    assert client.get("3.13.9/").content
    assert len(replica.requests) == 3


def test_after_429_the_whole_client_pauses(replica: Replica, connect: Connect) -> None:
    replica.answer("3.13.9/", Answer(429, {"Retry-After": "1"}), times=1)
    client = connect(replica.url, retries=0)
    started = time.monotonic()
    with pytest.raises(SiteStatusError, match="429"):
        client.get("3.13.9/")
    assert len(replica.requests) == 1
    client.get("3.13.8/")
    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize(
    ("headers", "times", "seconds"),
    # The first retry is immediate, unless the server asks for a pause.
    [({"Retry-After": "1"}, 1, 1.0), ({}, 3, 0.05 * (2 + 4))],
)
def test_pauses_become_longer_and_honour_retry_after(
    replica: Replica, connect: Connect, headers: dict[str, str], times: int, seconds: float
) -> None:
    replica.answer("3.13.9/", Answer(503, headers), times=times)
    started = time.monotonic()
    connect(replica.url, backoff=0.05, retries=3).get("3.13.9/")
    assert time.monotonic() - started >= seconds


def test_all_kinds_of_failures_share_one_budget(replica: Replica, connect: Connect) -> None:
    failures = itertools.cycle([Answer(503), Answer(cut_after=9), Answer(hang_up=True)])
    replica.answer("3.13.9/", lambda _: next(failures))
    with pytest.raises(SiteError):
        connect(replica.url, retries=4).get("3.13.9/")
    assert len(replica.requests) == 5


@pytest.mark.parametrize("head", [b"", OK + b"Content-Length: 9\r\n\r\nabc"])
def test_a_read_timeout_is_retried_and_then_an_error(connect: Connect, head: bytes) -> None:
    def respond(_: RawRequest) -> Raw:
        def pieces() -> Iterator[bytes]:
            yield head
            server.stopping.wait()

        return Raw(pieces())

    with RawServer(respond) as server:
        with pytest.raises(SiteUnreachableError, match=r"no data for 0\.05 s"):
            connect(server.url, read_timeout=0.05, retries=1).get()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("size", "pause", "error", "reason"),
    [
        (1, 0.01, SiteUnreachableError, r"not complete after 2\.4 s"),
        (0x100000, 0, SiteError, f"larger than {MAX_SIZE} bytes"),
        (1, 0.01, SiteUnreachableError, "cancelled"),
    ],
    ids=["time", "size", "cancelled"],
)
def test_an_endless_page_is_limited(
    connect: Connect, size: int, pause: float, error: type[SiteError], reason: str
) -> None:
    def respond(_: RawRequest) -> Raw:
        def pieces() -> Iterator[bytes]:
            yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
            if reason == "cancelled":
                client.cancel()
            while not server.stopping.wait(pause):
                yield b"%x\r\n%s\r\n" % (size, b"." * size)

        return Raw(pieces())

    with RawServer(respond) as server:
        client = connect(server.url, read_timeout=0.2)
        with pytest.raises(error, match=reason):
            client.get()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"\x16\x03\x01\x02\x00 no HTTP at all",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        OK + b"X: x\r\n" * 200 + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\nabc",
        *(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + body
            for body in (b"", b"3\r\nabc\r\n", b"3\r\nabc\r\n5\r\nde")
        ),
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc",
        *(
            OK + b"Content-Encoding: gzip\r\n\r\n" + body
            for body in (b"abc", PACKED[:-4], b"\x1f\x8b")
        ),
        OK + b"Content-Length: 9\r\n\r\n",
        OK + b"Content-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 9\r\n\r\n",
    ],
)
def test_a_cut_or_invalid_answer_is_retried_and_then_an_error(connect: Connect, raw: bytes) -> None:
    answers = [Raw([raw]), Raw([raw]), Raw([raw]), whole(b"content")]
    with RawServer(lambda _: answers.pop(0)) as server:
        client = connect(server.url, retries=1)
        with pytest.raises(SiteError) as caught:
            client.get()
        assert caught.value.url.startswith(server.url.removesuffix("ftp/python/"))
        assert client.requests_sent == 2
        assert client.get().content == b"content"


def test_https_to_a_server_without_tls_is_an_error(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        client = connect(f"https://127.0.0.1:{listener.getsockname()[1]}/", retries=0)
        answer = threads.submit(client.get)
        connection, _ = listener.accept()
        with connection:
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(SiteUnreachableError, match="no TLS connection"):
                answer.result()


PATH = "3.13.9/small.json"


def test_another_encoding_than_gzip_is_an_error(replica: Replica, connect: Connect) -> None:
    replica.answer(PATH, Answer(body=b"x", headers={"Content-Encoding": "br"}))
    with pytest.raises(SiteError, match="Content-Encoding 'br'"):
        connect(replica.url).get(PATH)


def test_a_file_is_limited_in_size(replica: Replica, connect: Connect) -> None:
    for size in (MAX_SIZE, MAX_SIZE + 1):
        for encoding, body in (("", bytes(size)), ("gzip", gzip.compress(bytes(size)))):
            replica.answer(PATH, Answer(body=body, headers={"Content-Encoding": encoding}))
            if size == MAX_SIZE:
                assert len(connect(replica.url).get(PATH).content) == size
            else:
                with pytest.raises(SiteError, match=f"larger than {MAX_SIZE} bytes"):
                    connect(replica.url).get(PATH)


# Redirects


def test_a_redirect_to_the_same_host_is_followed(replica: Replica, connect: Connect) -> None:
    replica.answer("3.13.9/", Answer(301, {"Location": "/ftp/python/3.13.8"}))
    client = connect(replica.url)
    page = client.get("3.13.9/")
    # The replica itself redirects to the slash.
    assert paths(replica) == ["3.13.9/", "3.13.8", "3.13.8/"]
    assert page.url == f"{replica.url}3.13.8/"
    assert client.requests_sent == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "user:secret@127.0.0.1"])
@pytest.mark.parametrize("scheme", ["http:", "https:", ""])
def test_a_redirect_to_another_origin_sends_it_no_request(
    replica: Replica, connect: Connect, host: str, scheme: str
) -> None:
    with RawServer(lambda _: whole(b"stolen")) as other:
        location = f"{scheme}//{host}:{other.port}/ftp/python/"
        replica.answer("3.13.9/", Answer(302, {"Location": location}))
        client = connect(replica.url.replace("//", "//me:mine@"))
        with pytest.raises(SiteError, match="redirects to another site") as caught:
            client.get("3.13.9/")
        assert other.requests == []
    assert len(replica.requests) == client.requests_sent == 1
    assert str(other.port) in caught.value.reason
    assert "secret" not in str(caught.value)
    assert "mine" not in str(caught.value)


def test_the_number_of_redirects_is_limited(replica: Replica, connect: Connect) -> None:
    replica.answer("a/", Answer(302, {"Location": "/ftp/python/b/"}))
    replica.answer("b/", Answer(302, {"Location": "/ftp/python/a/"}))
    with pytest.raises(SiteError, match="redirects more than 5 times"):
        connect(replica.url).get("a/")
    assert paths(replica) == ["a/", "b/"] * 3


def test_the_endless_body_of_a_redirect_is_not_read(connect: Connect) -> None:
    def respond(request: RawRequest) -> Raw:
        if request.target.endswith("/end/"):
            return whole(b"x")
        start = b"HTTP/1.1 302 Found\r\nLocation: end/\r\nTransfer-Encoding: chunked\r\n\r\n"
        return Raw(itertools.chain([start], itertools.repeat(b"3\r\nabc\r\n")))

    with RawServer(respond) as server:
        assert connect(server.url, retries=0).get("a/").content == b"x"


# Credentials and the environment


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_credentials_of_url_or_netrc_are_sent_and_in_no_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(lambda _: whole(b"", status="403 Forbidden")) as server:
        for url in (server.url, server.url.replace("//", "//m%C3%A9:p%40ss@")):
            client = connect(url)
            assert client.base_url == server.url
            with pytest.raises(SiteStatusError) as caught:
                client.get()
            assert caught.value.url == server.url
            assert not any(secret in str(caught.value) for secret in ("mine", "p@ss", "p%40ss"))
        sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [basic("me", "mine"), basic("m\u00e9", "p@ss")]


def test_the_proxy_is_read_once_and_its_credentials_are_in_no_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(lambda _: whole(b"x", keep_open=False)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://p:secret@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "inside.invalid")
        client = connect("http://site.invalid/ftp/python/")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert client.get("3.13.9/").url == "http://site.invalid/ftp/python/3.13.9/"
        request = proxy.requests[0]
    assert request.target == "http://site.invalid/ftp/python/3.13.9/"
    assert request.headers["proxy-authorization"] == basic("p", "secret")
    assert "authorization" not in request.headers
    with pytest.raises(SiteUnreachableError, match="no connection to the proxy") as caught:
        client.get()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_certificate_bundle_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "no.pem"))
    with pytest.raises(SettingsError, match="does not exist") as caught:
        SiteClient("https://host/")
    assert caught.value.name == name


# The age of an answer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, timedelta()),
        ({"Date": "Wed, 31 Dec 2025 23:59:00 GMT"}, timedelta(minutes=1)),
        ({"Date": "Thu, 01 Jan 2026 01:00:00 GMT", "Age": "604800"}, timedelta(days=7)),
        ({"Date": "Wed, 31 Dec 2025 23:59:00 GMT", "Age": "30"}, timedelta(minutes=1)),
        ({"Age": "99999999999, 5"}, timedelta(seconds=2**31)),
        ({"Date": "yesterday", "Age": "-5"}, timedelta()),
        ({"Date": "", "Age": ""}, timedelta()),
        ({"Date": "Tue, 99 Foo 2025 99:99:99 GMT", "Age": "1.5"}, timedelta()),
        ({"Date": "Fri, 31 Dec 9999 23:59:59 -2359", "Age": "-" + "9" * 30}, timedelta()),
        ({"Date": "Tue, 14 Oct 99999999999 00:00:00 GMT", "Age": "\u00b2"}, timedelta()),
    ],
)
def test_the_older_of_date_and_age_counts(headers: dict[str, str], age: timedelta) -> None:
    assert generated_at(headers, NOW) == NOW - age


@given(st.text(), st.text())
def test_no_header_is_an_exception(date: str, age: str) -> None:
    now = datetime.now(UTC)
    assert generated_at({"Date": date, "Age": age}, now) <= now
    assert parse_retry_after(date) >= 0


# Cancelling


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hold=threading.Event()),
        Answer(429, {"Retry-After": "3600"}),
        Answer(503, {"Retry-After": "3600"}),
    ],
    ids=["no answer", "429", "503"],
)
def test_cancelling_ends_requests_and_pauses(
    replica: Replica, connect: Connect, answer: Answer
) -> None:
    replica.answer("3.13.9/", answer)
    client = connect(replica.url, read_timeout=0.5, retries=1000, max_pause=3600)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(client.get, "3.13.9/")
        while not replica.requests:
            assert not future.done()
        client.close()
        with pytest.raises(SiteError):
            future.result()
    with pytest.raises(SiteUnreachableError, match="cancelled"):
        client.get("a/")
    assert len(replica.requests) == client.requests_sent == 1


def test_an_interrupted_pool_does_not_wait_for_a_silent_site(
    replica: Replica, connect: Connect
) -> None:
    silent = threading.Event()
    replica.answer("3.13.9/", Answer(hold=silent))
    client = connect(replica.url, read_timeout=3600)
    requests = []

    def interrupted() -> None:
        with client.thread_pool() as executor:
            requests.append(executor.submit(client.get, "3.13.9/"))
            while not replica.requests:
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not requests[0].done()
    silent.set()
    with pytest.raises(SiteUnreachableError, match="cancelled"):
        requests[0].result()
