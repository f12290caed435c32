"""A site that fails: each fault by a real server, with a real file."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request
from pyorg_pipeline.errors import (
    SiteError,
    SiteStatusError,
    SiteUnreachableError,
    VerificationError,
)
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.raw_server import Raw, RawRequest, RawServer
from pyorg_pipeline_tests.support.transfers import (
    BYTES,
    DATE,
    NAME,
    OLD,
    PATH,
    contents,
    fetch,
    names,
)

OTHER = random.Random(2).randbytes(300_001)
LONGER = random.Random(3).randbytes(310_000)
PAGE = b"\n<!DOCTYPE html>\n<title>We will be back soon</title>"
LATER = datetime(2025, 10, 15, tzinfo=UTC)
CUT = 100_000

Connect = Callable[..., SiteClient]


@pytest.fixture
def old_copy(tmp_path: Path) -> Path:
    """A folder with an older copy, which every failure keeps."""
    folder = tmp_path / "with an older copy"
    folder.mkdir()
    (folder / NAME).write_bytes(OLD)
    return folder


class Ranges(list[tuple[str | None, str | None]]):
    """An answer of the site's own that notes the Range and If-Range of each request."""

    def __init__(self, *first: Answer) -> None:
        super().__init__()
        self._first = list(first)

    def __call__(self, request: Request) -> Answer:
        self.append((request.headers.get("Range"), request.headers.get("If-Range")))
        return self._first.pop(0) if self._first else Answer()


def cut(replica: Replica, *answers: Answer) -> Ranges:
    """Have the first answer cut, and the next be these; then as usual."""
    ranges = Ranges(Answer(cut_after=CUT), *answers)
    replica.answer(PATH, ranges)
    return ranges


def framed(
    how: str, body: bytes, headers: str = "", *, sent: int | None = None, status: str = "200 OK"
) -> Raw:
    """A response whose length is declared, that comes in chunks, or that ends with a close.

    `sent`: bytes after which the connection is closed.
    """
    content = body[:sent]
    if how == "declared":
        headers += f"Content-Length: {len(body)}\r\n"
    elif how == "chunked":
        headers += "Transfer-Encoding: chunked\r\n"
        end = b"\r\n0\r\n\r\n" if sent is None else b""
        content = b"%x\r\n%s%s" % (len(body), content, end)
    return Raw([f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + content])


class Interrupted(RawServer):
    """Ends its first responses after so many bytes, by a close, a reset or silence."""

    def __init__(self, *counts: int, fault: str, how: str = "declared") -> None:
        super().__init__(self._respond)
        self._counts, self._fault, self._how = list(counts), fault, how

    def _respond(self, request: RawRequest) -> Raw:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        status, headers = "200 OK", 'ETag: "a"\r\n'
        if start:
            status = "206 Partial Content"
            headers += f"Content-Range: bytes {start}-300000/300001\r\n"
        if not self._counts:
            return framed(self._how, BYTES[start:], headers, status=status)
        raw = framed(self._how, BYTES[start:], headers, status=status, sent=self._counts.pop(0))

        def pieces() -> Iterator[bytes]:
            yield from raw.pieces
            if self._fault == "silence":
                self.stopping.wait()

        return Raw(pieces(), reset=self._fault == "reset")


# No connection, cuts and timeouts


def test_a_lasting_failure_is_reported_and_leaves_the_older_copy(
    connect: Connect, old_copy: Path
) -> None:
    with RawServer(lambda _: Raw([])) as server:
        url = server.url
    with pytest.raises(SiteUnreachableError, match="no connection") as caught:
        fetch(connect(url), PATH, old_copy, overwrite=True)
    assert caught.value.transient
    assert caught.value.url == f"{url}{PATH}"
    assert names(old_copy) == [NAME]
    with (
        Interrupted(CUT, fault="silence") as server,
        pytest.raises(SiteUnreachableError, match=r"no data for 0\.1 s"),
    ):
        fetch(connect(server.url, read_timeout=0.1, retries=0), PATH, old_copy, overwrite=True)
    assert (old_copy / NAME).read_bytes() == OLD


@pytest.mark.parametrize(
    ("fault", "how"),
    [("reset", "declared"), ("silence", "declared"), ("close", "chunked"), ("close", "closed")],
)
def test_a_failing_connection_is_resumed(
    connect: Connect, tmp_path: Path, fault: str, how: str
) -> None:
    with Interrupted(100_000, 150_000, fault=fault, how=how) as server:
        done = fetch(connect(server.url, read_timeout=0.6), PATH, tmp_path, size=len(BYTES))
        first, *others = [request.headers for request in server.requests]
    assert Path(done.destination).read_bytes() == BYTES
    assert done.sha256 == sha256(BYTES).hexdigest()
    # The bytes as they are, which a Range counts.
    assert first["accept-encoding"] == "identity"
    assert "range" not in first
    # How many bytes a reset leaves to be read is the system's choice.
    assert all(headers["range"].startswith("bytes=") for headers in others)
    assert [headers["if-range"] for headers in others] == ['"a"', '"a"']


def test_attempts_are_counted_from_the_last_new_byte(
    replica: Replica, connect: Connect, tmp_path: Path
) -> None:
    replica.answer(PATH, Answer(cut_after=20_000), times=15)
    done = fetch(connect(replica.url, retries=1), PATH, tmp_path)
    assert len(replica.requests) == 16
    assert Path(done.destination).read_bytes() == BYTES


@pytest.mark.parametrize(
    ("answer", "resumed_from"),
    [
        (Answer(cut_after=0), CUT),
        # Without ranges: the same bytes again are no progress.
        (Answer(200, {"ETag": '"a"', "Content-Type": ""}, BYTES, cut_after=CUT), 0),
    ],
)
def test_cuts_without_progress_fail_and_the_bytes_are_kept(
    replica: Replica, connect: Connect, old_copy: Path, answer: Answer, resumed_from: int
) -> None:
    cut(replica, *[answer] * 10)
    with pytest.raises(SiteUnreachableError, match="closed too early"):
        fetch(connect(replica.url, retries=3), PATH, old_copy, overwrite=True)
    assert len(replica.requests) == 1 + 3
    assert (old_copy / NAME).read_bytes() == OLD
    replica.clear_answers()
    done = fetch(connect(replica.url), PATH, old_copy, overwrite=True)
    assert done.resumed_from == resumed_from
    assert contents(old_copy) == {NAME: BYTES}


def test_a_file_may_take_longer_than_any_timeout(connect: Connect, tmp_path: Path) -> None:
    """Only a pause is limited: forty short ones are longer than one read timeout."""

    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
        for number in range(40):
            server.stopping.wait(0.03)
            yield bytes([number])

    with RawServer(lambda _: Raw(pieces())) as server:
        done = fetch(connect(server.url, read_timeout=1), PATH, tmp_path)
        assert len(server.requests) == 1
    assert done.seconds > 1
    assert Path(done.destination).read_bytes() == bytes(range(40))


# Statuses


@pytest.mark.parametrize(
    ("status", "words", "attempts"),
    [
        (403, "forbidden", 1),
        (404, "no such file; refresh", 1),
        (416, "status 416 instead of 200", 1),
        (429, "too many requests", 3),
        (503, "overloaded", 3),
    ],
)
def test_an_error_status_leaves_the_older_copy(
    replica: Replica, connect: Connect, old_copy: Path, status: int, words: str, attempts: int
) -> None:
    replica.answer(PATH, Answer(status))
    with pytest.raises(SiteStatusError, match=words) as caught:
        fetch(connect(replica.url), PATH, old_copy, overwrite=True)
    assert (caught.value.status, caught.value.transient) == (status, attempts > 1)
    assert len(replica.requests) == attempts
    assert contents(old_copy) == {NAME: OLD}


def test_a_redirect_on_the_same_site_is_followed_with_the_range(
    replica: Replica, connect: Connect, tmp_path: Path
) -> None:
    moved = {"Location": f"/ftp/python/mirror/{NAME}"}
    replica.add(f"mirror/{NAME}", content=BYTES, last_modified=DATE)
    replica.answer(PATH, Answer(302, moved))
    ranges = Ranges(Answer(cut_after=CUT))
    replica.answer(f"mirror/{NAME}", ranges)
    fetch(connect(replica.url), PATH, tmp_path)
    assert (tmp_path / NAME).read_bytes() == BYTES
    assert [range_ for range_, _ in ranges] == [None, f"bytes={CUT}-"]


# Lengths and types


@pytest.mark.parametrize("size", [len(BYTES), None])
@pytest.mark.parametrize("how", ["chunked", "closed"])
def test_a_file_without_a_length_arrives(
    connect: Connect, tmp_path: Path, size: int | None, how: str
) -> None:
    with RawServer(lambda _: framed(how, BYTES)) as server:
        fetch(connect(server.url), PATH, tmp_path, size=size)
    assert (tmp_path / NAME).read_bytes() == BYTES


HTML = "Content-Type: text/html; charset=utf-8\r\n"


@pytest.mark.parametrize(
    ("how", "size", "content", "actual"),
    [
        ("declared", len(BYTES), BYTES[:-7], "299,994 bytes"),
        ("declared", len(BYTES), LONGER, "310,000 bytes"),
        ("chunked", len(BYTES), BYTES[:-7], "299,994 bytes"),
        ("closed", len(BYTES), LONGER, "more than 300,001 bytes"),
        ("declared", len(BYTES), PAGE, f"{len(PAGE)} bytes"),
        *((how, len(BYTES), PAGE, "text/html; charset=utf-8") for how in ("chunked", "closed")),
        *(
            (how, None, PAGE, "text/html; charset=utf-8")
            for how in ("declared", "chunked", "closed")
        ),
    ],
)
def test_another_size_or_a_page_is_refused_at_once(
    connect: Connect, old_copy: Path, how: str, size: int | None, content: bytes, actual: str
) -> None:
    answer = framed(how, content, HTML if content == PAGE else "")
    with RawServer(lambda _: answer) as server:
        with pytest.raises(VerificationError) as caught:
            fetch(connect(server.url), PATH, old_copy, size=size, overwrite=True)
        assert len(server.requests) == 1
    error = caught.value
    assert error.actual == actual
    assert content != PAGE or "text/html" in str(error)
    if "bytes" in actual:
        assert (error.what, error.expected) == ("size", "300,001 bytes")
        assert error.expected_source == "the listing in the catalog"
    assert contents(old_copy) == {NAME: OLD}


DIGEST = {"sha256": sha256(BYTES).hexdigest()}


@pytest.mark.parametrize(
    ("path", "how", "known"),
    [
        (PATH, "declared", {"size": len(BYTES)}),
        (PATH, "declared", DIGEST),
        (PATH, "chunked", DIGEST | {"size": len(BYTES)}),
        (PATH, "closed", DIGEST),
        ("index.html", "closed", {}),
    ],
)
def test_a_digest_a_size_or_the_name_counts_more_than_the_type(
    connect: Connect, tmp_path: Path, path: str, how: str, known: dict[str, Any]
) -> None:
    with RawServer(lambda _: framed(how, BYTES, HTML)) as server:
        done = fetch(connect(server.url), path, tmp_path, **known)
    assert Path(done.destination).read_bytes() == BYTES


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        # The whole tree answered 403 on 2024-11-26, and was back an hour later.
        (Answer(403), SiteStatusError),
        (Answer(body=PAGE, headers={"Content-Type": "text/html"}), VerificationError),
    ],
)
def test_an_error_after_some_bytes_keeps_them(
    replica: Replica, client: SiteClient, tmp_path: Path, answer: Answer, error: type[Exception]
) -> None:
    ranges = cut(replica, answer)
    with pytest.raises(error):
        fetch(client, PATH, tmp_path, size=len(BYTES))
    assert fetch(client, PATH, tmp_path, size=len(BYTES)).resumed_from == CUT
    assert (tmp_path / NAME).read_bytes() == BYTES
    assert [range_ for range_, _ in ranges] == [None, f"bytes={CUT}-", f"bytes={CUT}-"]


# Which version is resumed


@pytest.mark.parametrize(
    "content", [OTHER, LONGER, OTHER[: CUT // 2]], ids=["same length", "longer", "shorter"]
)
@pytest.mark.parametrize("when", ["within a call", "between two calls"])
def test_a_file_that_changes_between_attempts_starts_over(
    replica: Replica, connect: Connect, tmp_path: Path, content: bytes, when: str
) -> None:
    def change() -> None:
        replica.replace(PATH, content=content, last_modified=LATER)

    def progress(done: int, _: int | None) -> None:
        if done == CUT and when == "within a call":
            change()

    client = connect(replica.url, retries=2 if when == "within a call" else 0)
    replica.answer(PATH, Answer(cut_after=CUT), times=1)
    if when == "between two calls":
        with pytest.raises(SiteUnreachableError):
            fetch(client, PATH, tmp_path)
        change()
    done = fetch(client, PATH, tmp_path, progress=progress)
    assert contents(tmp_path) == {NAME: content}
    assert done.sha256 == sha256(content).hexdigest()
    assert done.resumed_from == 0


def test_a_resumed_file_that_does_not_verify_is_fetched_once_more(
    replica: Replica, connect: Connect, tmp_path: Path
) -> None:
    """nginx's ETag is made of date and length; the parts fit, and the whole is neither version."""
    ranges = cut(replica)
    calls: list[int] = []

    def progress(done: int, _: int | None) -> None:
        calls.append(done)
        if calls.count(CUT) == 1 and done == CUT:
            replica.replace(PATH, content=OTHER, last_modified=DATE)

    digest = sha256(OTHER).hexdigest()
    fetch(connect(replica.url), PATH, tmp_path, sha256=digest, progress=progress)
    assert (tmp_path / NAME).read_bytes() == OTHER
    assert [range_ for range_, _ in ranges] == [None, f"bytes={CUT}-", None]


def test_a_file_that_never_verifies_is_fetched_again_only_once(
    replica: Replica, connect: Connect, tmp_path: Path
) -> None:
    cut(replica, Answer(), Answer(cut_after=CUT))
    with pytest.raises(VerificationError):
        fetch(connect(replica.url), PATH, tmp_path, sha256="0" * 64)
    assert len(replica.requests) == 4
    assert names(tmp_path) == []


#: As the replica and nginx make it.
TAG = f'"{int(DATE.timestamp()):x}-{len(BYTES):x}"'
REST = {"Content-Range": f"bytes {CUT}-300000/300001", "ETag": '"another"'}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"ETag": '"another"', "Content-Type": ""}, BYTES),
        Answer(206, REST, OTHER[CUT:]),
        Answer(206, {"Content-Type": "multipart/byteranges; boundary=x"}, OTHER[CUT:]),
        Answer(416, {"Content-Range": "bytes */300001"}),
    ],
    ids=["no ranges", "another tag", "several parts", "not satisfiable"],
)
def test_a_response_that_does_not_continue_the_bytes_starts_over(
    replica: Replica, connect: Connect, tmp_path: Path, answer: Answer
) -> None:
    """Servers and caches that do not know Range or If-Range, or count otherwise."""
    reported: list[int] = []
    ranges = cut(replica, answer)
    client = connect(replica.url, retries=1)
    done = fetch(client, PATH, tmp_path, progress=lambda count, _: reported.append(count))
    assert Path(done.destination).read_bytes() == BYTES
    assert done.sha256 == sha256(BYTES).hexdigest()
    # Without a pause, and without an attempt that counts.
    again = [(None, None)] if answer.status != 200 else []
    assert ranges == [(None, None), (f"bytes={CUT}-", TAG), *again]
    assert reported.count(0) == 2


@pytest.mark.parametrize("tag", ['W/"a"', ""])
def test_a_file_without_a_strong_validator_is_never_resumed(
    replica: Replica, connect: Connect, tmp_path: Path, tag: str
) -> None:
    headers = {"ETag": tag, "Last-Modified": ""}
    ranges = Ranges(*[Answer(headers=headers, cut_after=count) for count in (CUT, CUT + 1, CUT)])
    replica.answer(PATH, ranges)
    with pytest.raises(SiteUnreachableError):
        fetch(connect(replica.url, retries=1), PATH, tmp_path)
    # What cannot be resumed is removed.
    assert names(tmp_path) == []
    fetch(connect(replica.url), PATH, tmp_path)
    assert (tmp_path / NAME).read_bytes() == BYTES
    assert ranges == [(None, None)] * 4


# The next call


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        # A power cut may have turned bytes into zeros.
        ("part.json", lambda record: re.sub(b'"boot": "[^"]*"', b'"boot": "another"', record)),
        ("part.json", lambda record: record.replace(b"127.0.0.1", b"localhost")),
        ("part", lambda content: content + bytes(len(BYTES))),
        ("part", lambda _: b""),
        *(
            ("part.json", lambda _, text=text: text)
            for text in (b"", b"null", b"[]", b"{", b"\xff", b"{}", b'{"boot": "another"}')
        ),
    ],
)
def test_a_partial_file_of_something_else_is_not_resumed(
    replica: Replica,
    connect: Connect,
    tmp_path: Path,
    suffix: str,
    change: Callable[[bytes], bytes],
) -> None:
    client = connect(replica.url, retries=0)
    ranges = cut(replica)
    with pytest.raises(SiteError):
        fetch(client, PATH, tmp_path)
    assert sorted(names(tmp_path)) == [f".{NAME}.part", f".{NAME}.part.json"]
    hidden = tmp_path / f".{NAME}.{suffix}"
    content = hidden.read_bytes()
    hidden.write_bytes(change(content))
    assert hidden.read_bytes() != content
    done = fetch(client, PATH, tmp_path)
    assert (ranges, done.resumed_from) == ([(None, None)] * 2, 0)
    assert contents(tmp_path) == {NAME: BYTES}


def test_of_a_partial_file_with_all_bytes_the_last_is_requested_again(
    replica: Replica, connect: Connect, tmp_path: Path
) -> None:
    """As a kill between the last byte and the rename leaves it."""
    client = connect(replica.url, retries=0)
    ranges = cut(replica)
    with pytest.raises(SiteError):
        fetch(client, PATH, tmp_path)
    (tmp_path / f".{NAME}.part").write_bytes(BYTES)
    done = fetch(client, PATH, tmp_path)
    assert (ranges[1:], done.resumed_from) == ([("bytes=300000-", TAG)], 300_000)
    assert contents(tmp_path) == {NAME: BYTES}
