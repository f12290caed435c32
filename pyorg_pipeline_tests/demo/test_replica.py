"""The replica's tree, what it counts, and how it starts and stops."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

import pytest

from pyorg_pipeline.demo.replica.companions import artifact_of, made_up_companion
from pyorg_pipeline.demo.replica.record import RecordedEntry, read_record
from pyorg_pipeline.demo.replica.server import Answer, Replica, ServedRequest
from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.digests import companion_digest
from pyorg_pipeline_tests.demo.nginx_cases import Case, Exchange, exchange
from pyorg_pipeline_tests.support.processes import started

FIRST = datetime(2024, 10, 7, 5, 2, tzinfo=UTC)
LATER = datetime(2025, 2, 4, 17, 30, tzinfo=UTC)
ENTRIES = [
    RecordedEntry("README", 11, FIRST, "exact", True, True),
    RecordedEntry("3.13.0/", None, FIRST, "exact", False, True),
    RecordedEntry("3.13.0/Python-3.13.0.tgz", 200_000, FIRST, "url", True, False),
    RecordedEntry("3.13.0/win32/", None, FIRST, "exact", False, True),
    RecordedEntry("3.13.0/win32/core.msi", 500, FIRST, "exact", False, True),
]


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica(ENTRIES) as running:
        yield running


def ask(replica: Replica, path: str, method: str = "GET", **headers: str) -> Exchange:
    """Underscores in the headers' names stand for dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return exchange(replica.url, Case(method, "/ftp/python/" + quote(path), sent))


def rows(replica: Replica, path: str = "") -> dict[str, tuple[str, str]]:
    """Date and size of each row of a listing, by the row's text."""
    page = ask(replica, path).body
    lines = page.partition("../</a>\r\n")[2].partition("</pre>")[0].splitlines()
    shown = [line.partition(">")[2].replace("</a>", " ").split() for line in lines]
    return {name: (f"{day} {minute}", size) for name, day, minute, size in shown}


def body(replica: Replica, path: str, **headers: str) -> bytes:
    return ask(replica, path, **headers).body.encode("latin-1")


def header(answer: Exchange, name: str) -> str:
    return dict(answer.headers)[name]


SHOWN_FIRST, SHOWN_LATER = "07-Oct-2024 05:02", "04-Feb-2025 17:30"


def test_the_root_lists_its_directories_then_its_files(replica: Replica) -> None:
    assert rows(replica) == {"3.13.0/": (SHOWN_FIRST, "-"), "README": (SHOWN_FIRST, "11")}
    assert list(rows(replica)) == ["3.13.0/", "README"]


def test_entries_may_come_in_any_order_and_without_their_directories() -> None:
    with Replica(reversed(ENTRIES)) as replica:
        assert rows(replica, "3.13.0/") == {
            "win32/": (SHOWN_FIRST, "-"),
            "Python-3.13.0.tgz": (SHOWN_FIRST, "200000"),
        }
    with Replica([ENTRIES[-1]]) as replica:
        assert rows(replica) == {"3.13.0/": (SHOWN_FIRST, "-")}


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a"), ("a", "a/"), ("a/", "a")])
def test_a_path_cannot_be_recorded_as_a_file_and_a_directory(paths: tuple[str, str]) -> None:
    entries = [
        RecordedEntry(path, None if path.endswith("/") else 1, FIRST, "exact", True, True)
        for path in paths
    ]
    with pytest.raises(InvalidArgumentError):
        Replica(entries)


def test_the_url_leads_to_the_root_on_this_machine_alone(replica: Replica) -> None:
    parts = urlsplit(replica.url)
    assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/ftp/python/")


def test_a_file_has_its_recorded_size_and_says_that_it_is_made_up(replica: Replica) -> None:
    content = body(replica, "3.13.0/Python-3.13.0.tgz")
    assert len(content) == 200_000
    assert content.startswith(
        b"Made up by pyorg_pipeline's replica of the site: 3.13.0/Python-3.13.0.tgz, 200000 bytes\n"
    )


def test_a_file_has_the_same_bytes_in_every_replica(replica: Replica) -> None:
    with Replica(ENTRIES) as other:
        assert body(other, "3.13.0/Python-3.13.0.tgz") == body(replica, "3.13.0/Python-3.13.0.tgz")


def test_a_part_of_a_file_is_the_same_stretch_of_the_whole(replica: Replica) -> None:
    whole = body(replica, "3.13.0/Python-3.13.0.tgz")
    for first, last in [(0, 0), (1, 65_535), (65_530, 65_541), (131_072, 199_999), (60, 199_998)]:
        part = body(replica, "3.13.0/Python-3.13.0.tgz", Range=f"bytes={first}-{last}")
        assert part == whole[first : last + 1]


def test_no_two_stretches_of_a_file_are_alike(replica: Replica) -> None:
    whole = body(replica, "3.13.0/Python-3.13.0.tgz")
    assert whole[65_536:131_072] != whole[131_072:196_608]


def test_a_file_of_many_gigabytes_is_served_in_parts(replica: Replica) -> None:
    replica.add("big.iso", size=5_000_000_000_000, last_modified=FIRST)
    assert header(ask(replica, "big.iso", "HEAD"), "Content-Length") == "5000000000000"
    assert rows(replica)["big.iso"] == (SHOWN_FIRST, "5000000000000")
    answer = ask(replica, "big.iso", Range="bytes=-10")
    assert header(answer, "Content-Range") == "bytes 4999999999990-4999999999999/5000000000000"
    assert len(answer.body) == 10


def test_a_file_shorter_than_its_own_title_keeps_its_size(replica: Replica) -> None:
    assert body(replica, "README") == b"Made up by "


@pytest.mark.parametrize("suffix", [".sigstore", ".spdx.json"])
def test_a_file_about_an_artifact_tells_the_digest_of_its_bytes(
    replica: Replica, suffix: str
) -> None:
    artifact = "3.13.0/Python-3.13.0.tgz"
    companion = f"{artifact}{suffix}"
    replica.add(companion, size=5000, last_modified=FIRST)
    assert rows(replica, "3.13.0/")[f"Python-3.13.0.tgz{suffix}"] == (SHOWN_FIRST, "5000")

    def told() -> str:
        content = body(replica, companion)
        assert len(content) == 5000
        assert body(replica, companion, Range="bytes=4-99") == content[4:100]
        return companion_digest(suffix, content, companion, "Python-3.13.0.tgz")

    first = told()
    assert first == sha256(body(replica, artifact)).hexdigest()
    replica.replace(artifact)
    assert told() == sha256(body(replica, artifact)).hexdigest() != first
    replica.replace(artifact, content=b"given")
    assert told() == sha256(b"given").hexdigest()
    replica.replace(companion, content=b"given, too")
    assert body(replica, companion) == b"given, too"
    replica.replace(companion, size=100)
    assert body(replica, companion).startswith(b"Made up by ")
    replica.replace(companion, size=5000)
    replica.remove(artifact)
    assert body(replica, companion).startswith(b"Made up by ")


def test_every_file_on_record_that_tells_a_digest_has_room_for_it() -> None:
    sizes = {entry.path: entry.size for entry in read_record() if entry.size is not None}
    found = [path for path in sizes if artifact_of(path.rpartition("/")[2])]
    assert len(found) == 1505
    for path in found:
        name = path.rpartition("/")[2]
        assert made_up_companion(name, bytes(32), sizes[path]) is not None, path


def test_a_file_may_be_given_its_bytes(replica: Replica) -> None:
    replica.add("3.13.0/SHA256SUMS", content=b"0123456789", last_modified=LATER)
    assert body(replica, "3.13.0/SHA256SUMS") == b"0123456789"
    assert body(replica, "3.13.0/SHA256SUMS", Range="bytes=2-4") == b"234"
    assert rows(replica, "3.13.0/")["SHA256SUMS"] == (SHOWN_LATER, "10")


def test_an_added_file_moves_the_date_of_its_directory_and_of_no_other(replica: Replica) -> None:
    replica.add("3.13.0/win32/dev.msi", size=7, last_modified=LATER)
    assert rows(replica, "3.13.0/win32/")["dev.msi"] == (SHOWN_LATER, "7")
    assert rows(replica, "3.13.0/")["win32/"] == (SHOWN_LATER, "-")
    assert rows(replica)["3.13.0/"] == (SHOWN_FIRST, "-")


def test_an_added_file_brings_the_directories_above_it(replica: Replica) -> None:
    replica.add("3.13.0/arm64/debug/core.msi", last_modified=LATER)
    assert rows(replica, "3.13.0/arm64/debug/") == {"core.msi": (SHOWN_LATER, "1000")}
    assert rows(replica, "3.13.0/arm64/") == {"debug/": (SHOWN_LATER, "-")}
    assert rows(replica)["3.13.0/"] == (SHOWN_LATER, "-")


def test_an_added_directory_is_empty_and_moves_the_date_of_the_one_above(replica: Replica) -> None:
    replica.add("3.13.0/arm64/", last_modified=LATER)
    assert rows(replica, "3.13.0/arm64/") == {}
    assert rows(replica)["3.13.0/"] == (SHOWN_LATER, "-")


def test_a_change_without_a_date_is_dated_now(replica: Replica) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    replica.add("new.txt")
    answer = ask(replica, "new.txt")
    assert before <= parsedate_to_datetime(header(answer, "Last-Modified")) <= datetime.now(UTC)


def test_dates_of_any_zone_are_shown_in_utc(replica: Replica) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    replica.add(
        "new.txt", size=1, last_modified=datetime(2025, 1, 1, 2, 0, 59, 999_999, tzinfo=east)
    )
    assert rows(replica)["new.txt"] == ("31-Dec-2024 20:30", "1")
    answer = ask(replica, "new.txt")
    assert header(answer, "Last-Modified") == "Tue, 31 Dec 2024 20:30:59 GMT"
    assert header(answer, "ETag") == '"67745483-1"'


def test_a_file_renamed_over_another_moves_the_directory_s_date(replica: Replica) -> None:
    replica.replace("3.13.0/Python-3.13.0.tgz", size=5, last_modified=LATER)
    assert rows(replica, "3.13.0/")["Python-3.13.0.tgz"] == (SHOWN_LATER, "5")
    assert rows(replica)["3.13.0/"] == (SHOWN_LATER, "-")


def test_a_file_written_in_place_leaves_the_directory_s_date(replica: Replica) -> None:
    replica.replace(
        "3.13.0/Python-3.13.0.tgz", content=b"other", last_modified=LATER, renamed=False
    )
    assert body(replica, "3.13.0/Python-3.13.0.tgz") == b"other"
    assert rows(replica, "3.13.0/")["Python-3.13.0.tgz"] == (SHOWN_LATER, "5")
    assert rows(replica)["3.13.0/"] == (SHOWN_FIRST, "-")


def test_a_replaced_file_has_other_bytes_even_with_the_same_size_and_date(replica: Replica) -> None:
    before = ask(replica, "3.13.0/Python-3.13.0.tgz")
    replica.replace("3.13.0/Python-3.13.0.tgz", last_modified=FIRST)
    after = ask(replica, "3.13.0/Python-3.13.0.tgz")
    assert header(after, "ETag") == header(before, "ETag")
    assert len(after.body) == len(before.body)
    assert after.body != before.body


def test_a_removed_file_is_gone_and_moves_its_directory_s_date(replica: Replica) -> None:
    replica.remove("3.13.0/win32/core.msi", last_modified=LATER)
    assert ask(replica, "3.13.0/win32/core.msi").status == 404
    assert rows(replica, "3.13.0/win32/") == {}
    assert rows(replica, "3.13.0/")["win32/"] == (SHOWN_LATER, "-")
    assert rows(replica)["3.13.0/"] == (SHOWN_FIRST, "-")


def test_a_removed_directory_takes_everything_in_it_along(replica: Replica) -> None:
    replica.remove("3.13.0/", last_modified=LATER)
    assert rows(replica) == {"README": (SHOWN_FIRST, "11")}
    for path in ("3.13.0", "3.13.0/", "3.13.0/Python-3.13.0.tgz", "3.13.0/win32/core.msi"):
        assert ask(replica, path).status == 404


def test_a_touched_entry_gets_another_date_and_nothing_else_moves(replica: Replica) -> None:
    replica.touch("3.13.0/win32/", LATER)
    replica.touch("3.13.0/Python-3.13.0.tgz", LATER)
    assert rows(replica, "3.13.0/") == {
        "win32/": (SHOWN_LATER, "-"),
        "Python-3.13.0.tgz": (SHOWN_LATER, "200000"),
    }
    assert rows(replica)["3.13.0/"] == (SHOWN_FIRST, "-")


@pytest.mark.parametrize("path", ["", "/", "/a", "a//b", "../a", "a/../b", "./a", "a/.", "a\0b"])
def test_a_path_that_does_not_lead_below_the_root_is_refused(replica: Replica, path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is no path below the site's root"):
        replica.add(path)


def test_a_change_that_cannot_be_is_refused_and_changes_nothing(replica: Replica) -> None:
    before = ask(replica, "").body, ask(replica, "3.13.0/").body
    changes: list[Callable[[], None]] = [
        lambda: replica.add("README"),
        lambda: replica.add("3.13.0/"),
        lambda: replica.add("3.13.0"),
        lambda: replica.add("README/inside"),
        lambda: replica.add("new/", size=1),
        lambda: replica.add("new/", content=b""),
        lambda: replica.add("new", size=2, content=b"1"),
        lambda: replica.add("new", size=-1),
        lambda: replica.add("new", last_modified=FIRST.replace(tzinfo=None)),
        lambda: replica.replace("nix"),
        lambda: replica.replace("nix/nix"),
        lambda: replica.replace("3.13.0/"),
        lambda: replica.replace("3.13.0"),
        lambda: replica.remove("nix"),
        lambda: replica.remove("3.13.0"),
        lambda: replica.remove("README/"),
        lambda: replica.touch("nix/", LATER),
        lambda: replica.touch("README/", LATER),
    ]
    for change in changes:
        with pytest.raises(InvalidArgumentError):
            change()
    assert (ask(replica, "").body, ask(replica, "3.13.0/").body) == before


def test_a_page_shows_one_state_of_a_tree_that_changes() -> None:
    """The two files change together, so no page may show one changed and one not."""
    with Replica([]) as replica:
        replica.add("d/a", size=1, last_modified=FIRST)
        one = ask(replica, "d/").body
        replica.replace("d/a", size=2, last_modified=LATER)
        other = ask(replica, "d/").body
        done = threading.Event()

        def change() -> None:
            while not done.is_set():
                replica.replace("d/a", size=1, last_modified=FIRST)
                replica.replace("d/a", size=2, last_modified=LATER)

        changer = threading.Thread(target=change)
        changer.start()
        try:
            assert {ask(replica, "d/").body for _ in range(20)} <= {one, other}
        finally:
            done.set()
            changer.join()


def test_index_pages_are_files_like_others_unless_asked_for(replica: Replica) -> None:
    replica.add("2.2.3/index.html", size=77_084, last_modified=FIRST)
    assert rows(replica, "2.2.3/") == {"index.html": (SHOWN_FIRST, "77084")}


def test_a_directory_with_an_index_page_may_answer_with_it() -> None:
    with Replica(ENTRIES, index_pages=True) as replica:
        replica.add("2.2.3/index.html", size=77_084, last_modified=FIRST)
        answer = ask(replica, "2.2.3/")
        assert answer == ask(replica, "2.2.3/index.html")
        assert answer.status == 200
        assert len(answer.body) == 77_084
        assert header(answer, "Content-Type") == "text/html"
        assert header(answer, "Last-Modified") == "Mon, 07 Oct 2024 05:02:00 GMT"
        assert answer.body.startswith("<html>\n<head><title>Made up by pyorg_pipeline's replica")
        assert "Index of" not in answer.body
        assert "<a " not in answer.body
        assert answer.body.isascii()
        assert list(rows(replica)) == ["2.2.3/", "3.13.0/", "README"]


def test_the_root_may_have_an_index_page_with_bytes_of_its_own() -> None:
    with Replica(ENTRIES, index_pages=True) as replica:
        replica.add("index.html", content=b"<html>Welcome</html>")
        assert ask(replica, "").body == "<html>Welcome</html>"


def test_requests_are_counted_in_order_with_their_status(replica: Replica) -> None:
    assert replica.requests == []
    for method, path in [("GET", ""), ("HEAD", "3.13.0"), ("GET", "nix"), ("POST", "README")]:
        ask(replica, path, method)
    ask(replica, "README", Range="bytes=0-1")
    exchange(replica.url, Case("GET", "/ftp/python/3.13.0//%77in32/?query", {}))
    exchange(replica.url, Case("GET", "/robots.txt", {}))
    exchange(replica.url, Case("GET", "/ftp/python/%zz", {}))
    counted = replica.requests
    assert counted == [
        ServedRequest("GET", "", 200),
        ServedRequest("HEAD", "3.13.0", 301),
        ServedRequest("GET", "nix", 404),
        ServedRequest("POST", "README", 405),
        ServedRequest("GET", "README", 206),
        ServedRequest("GET", "3.13.0/win32/", 200),
        ServedRequest("GET", "/robots.txt", 404),
        ServedRequest("GET", "/ftp/python/%zz", 400),
    ]
    replica.clear_requests()
    assert replica.requests == []
    assert len(counted) == 8


def test_an_answer_takes_at_least_the_latency() -> None:
    with Replica(ENTRIES, latency=0.05) as replica:
        before = time.monotonic()
        assert ask(replica, "README").status == 200
        assert time.monotonic() - before >= 0.05


def connected(replica: Replica) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(replica.url).netloc, timeout=60)


def test_a_connection_is_kept_for_many_requests(replica: Replica) -> None:
    connection = connected(replica)
    connection.connect()
    kept = connection.sock
    for path in ("", "3.13.0/", "3.13.0", "nix", "README", "README"):
        connection.request("GET", f"/ftp/python/{path}")
        connection.getresponse().read()
        assert connection.sock is kept
    connection.close()


def bytes_until_the_end(response: http.client.HTTPResponse) -> int:
    """How much still arrives before the server closes or resets the connection."""
    received = 0
    with suppress(ConnectionError):
        while piece := response.read(1 << 20):
            received += len(piece)
    return received


def test_stopping_closes_kept_connections_and_ends_every_thread() -> None:
    before = set(threading.enumerate())
    replica = Replica(ENTRIES)
    replica.start()
    idle, asked = connected(replica), connected(replica)
    idle.connect()
    asked.request("GET", "/ftp/python/README")
    asked.getresponse().read()
    replica.stop()
    assert set(threading.enumerate()) <= before
    assert (idle.sock.recv(1), asked.sock.recv(1)) == (b"", b"")
    idle.close()
    asked.close()


def test_stopping_cuts_off_an_answer_under_way_and_one_that_is_held_back() -> None:
    with Replica(ENTRIES) as replica:
        replica.add("big.iso", size=5_000_000_000_000)
        replica.answer("README", Answer(hold=threading.Event()))
        big, held = connected(replica), connected(replica)
        big.request("GET", "/ftp/python/big.iso")
        response = big.getresponse()
        held.request("GET", "/ftp/python/README")
    assert bytes_until_the_end(response) < 5_000_000_000_000
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        held.getresponse()
    big.close()
    held.close()


def test_stopping_ends_a_wait_for_the_latency() -> None:
    with Replica(ENTRIES, latency=3600) as replica:
        connection = connected(replica)
        connection.request("GET", "/ftp/python/")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_a_stopped_replica_refuses_connections_and_comes_back_under_the_same_url() -> None:
    replica = Replica(ENTRIES)
    replica.start()
    url = replica.url
    replica.add("new.txt", size=3)
    replica.stop()
    replica.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(replica, "new.txt")
    with replica:
        assert replica.url == url
        assert ask(replica, "new.txt").status == 200


def test_a_replica_is_started_once_and_has_no_url_before() -> None:
    replica = Replica(ENTRIES)
    with pytest.raises(RuntimeError, match="no URL before it is started"):
        _ = replica.url
    with replica, pytest.raises(RuntimeError, match=f"serves already: {replica.url}"):
        replica.start()


def test_two_replicas_have_ports_and_trees_of_their_own() -> None:
    with Replica(ENTRIES) as one, Replica(ENTRIES) as other:
        one.remove("README")
        assert ask(one, "README").status == 404
        assert ask(other, "README").status == 200


def test_many_clients_are_served_at_once(replica: Replica) -> None:
    """All eight are answered only once the last of them has asked."""
    barrier = threading.Barrier(8)

    def answer(_: object) -> Answer:
        barrier.wait(timeout=60)
        return Answer(body=b"together")

    replica.answer("README", answer)
    bodies: list[str] = []
    clients = [
        threading.Thread(target=lambda: bodies.append(ask(replica, "README").body))
        for _ in range(8)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert bodies == ["together"] * 8


def test_the_command_says_the_url_and_serves_until_it_is_interrupted() -> None:
    module = "pyorg_pipeline.demo.replica"
    command = [sys.executable, "-W", "error", "-m", module, "--port", "0", "--index-pages"]
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        pages = [
            exchange(url, Case("GET", f"/ftp/python/{path}", {})).body
            for path in ("2.2.3/", "2.2.3/rpms/")
        ]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert ["Index of" in page for page in pages] == [False, True]
    assert (rest, process.returncode) == ("", 0)
