"""The replica's tree and answers, and how it starts and stops."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica, Request, ServedRequest
from pyorg_pipeline.demo.replica.tree import Node, ReplicaTree, companion_content, read_record
from pyorg_pipeline.model.digests import companion_digest
from pyorg_pipeline_tests.demo.asking import Answered, ask
from pyorg_pipeline_tests.support.processes import started

FIRST = datetime(2024, 10, 7, 5, 2, tzinfo=UTC)
LATER = datetime(2025, 2, 4, 17, 30, tzinfo=UTC)
SHOWN_FIRST, SHOWN_LATER = "07-Oct-2024 05:02", "04-Feb-2025 17:30"
SOURCE = "3.13.0/Python-3.13.0.tgz"
ENTRIES = [
    Node("README", 11, FIRST),
    Node("3.13.0/", None, FIRST),
    Node(SOURCE, 200_000, FIRST),
    Node("3.13.0/win32/", None, FIRST),
    Node("3.13.0/win32/core.msi", 500, FIRST),
]
#: More than the buffers of a connection hold.
BIG = 100_000_000
#: Listings as a real nginx rendered them.
NGINX_PAGES = Path(__file__).parents[1] / "site" / "data"


@pytest.fixture
def replica() -> Iterator[Replica]:
    with Replica(ENTRIES) as running:
        yield running


def get(replica: Replica, path: str = "", **headers: str) -> Answered:
    return ask(replica.url, path, **headers)


def rows(replica: Replica, path: str = "") -> dict[str, tuple[str, str]]:
    """Date and size of each row of a listing, by the row's text."""
    page = get(replica, path).body.decode()
    lines = page.partition("../</a>\r\n")[2].partition("</pre>")[0].splitlines()
    shown = [line.partition(">")[2].replace("</a>", " ").split() for line in lines]
    return {name: (f"{day} {minute}", size) for name, day, minute, size in shown}


@pytest.mark.parametrize("path", ["", "3.7.3/", "src/", "devtest/"])
def test_listings_of_the_record_are_byte_for_byte_those_of_nginx(path: str) -> None:
    with Replica() as replica:
        page = NGINX_PAGES / f"{path.rstrip('/') or 'root'}.html"
        assert get(replica, path).body == page.read_bytes()


def test_a_file_is_seeded_bytes_of_the_recorded_size(replica: Replica) -> None:
    content = get(replica, SOURCE).body
    assert len(content) == 200_000
    assert content.startswith(
        b"Made up by pyorg_pipeline's replica of the site: " + SOURCE.encode()
    )
    assert get(replica, "README").body == b"Made up by "
    with Replica(ENTRIES) as other:
        assert get(other, SOURCE).body == content
    before = get(replica, SOURCE).headers["ETag"]
    replica.replace(SOURCE, last_modified=FIRST)
    after = get(replica, SOURCE)
    assert after.headers["ETag"] == before
    assert len(after.body) == 200_000
    assert after.body != content


def test_a_range_is_that_part_of_the_same_file_and_else_the_whole(replica: Replica) -> None:
    whole = get(replica, SOURCE)
    for wanted, part in (
        ("bytes=0-0", whole.body[:1]),
        ("bytes=65530-65541", whole.body[65_530:65_542]),
        ("bytes=199990-300000", whole.body[199_990:]),
    ):
        answer = get(replica, SOURCE, Range=wanted)
        assert (answer.status, answer.body) == (206, part)
    for same in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        answer = get(replica, SOURCE, Range="bytes=9-", If_Range=same)
        assert answer.headers["Content-Range"] == "bytes 9-199999/200000"
    for other in ('"other"', f"W/{whole.headers['ETag']}", "Mon, 07 Oct 2024 05:01:59 GMT"):
        answer = get(replica, SOURCE, Range="bytes=9-", If_Range=other)
        assert (answer.status, answer.body) == (200, whole.body)


@pytest.mark.parametrize("suffix", [".sigstore", ".spdx.json"])
def test_a_bundle_or_sbom_has_the_digest_of_its_artifact(replica: Replica, suffix: str) -> None:
    companion = f"{SOURCE}{suffix}"
    replica.add(companion, size=5000, last_modified=FIRST)

    def digest() -> str | None:
        content = get(replica, companion).body
        assert len(content) == 5000
        assert get(replica, companion, Range="bytes=4-99").body == content[4:100]
        return companion_digest(suffix, content, SOURCE)

    first = digest()
    assert first == sha256(get(replica, SOURCE).body).hexdigest()
    replica.replace(SOURCE)
    assert digest() == sha256(get(replica, SOURCE).body).hexdigest() != first
    replica.replace(SOURCE, content=b"given")
    assert digest() == sha256(b"given").hexdigest()
    replica.replace(companion, content=b"given, too")
    assert get(replica, companion).body == b"given, too"
    replica.replace(companion, size=100)  # too small for a bundle
    assert get(replica, companion).body.startswith(b"Made up by ")


def test_a_manifest_has_the_digests_of_the_zips_and_its_bundle_has_its_own(
    replica: Replica,
) -> None:
    manifest, package = "3.13.0/windows-3.13.0.json", "3.13.0/python-3.13.0t-arm64.zip"
    for path, size in ((manifest, 5000), (f"{manifest}.sigstore", 3000), (package, 70_000)):
        replica.add(path, size=size, last_modified=FIRST)
    content = get(replica, manifest).body
    digest = companion_digest("windows-3.13.0.json", content, package)
    assert digest == sha256(get(replica, package).body).hexdigest()
    bundle = get(replica, f"{manifest}.sigstore").body
    assert companion_digest(".sigstore", bundle, manifest) == sha256(content).hexdigest()
    embedded = "3.13.0/python-3.13.0-embed-arm64.zip"
    assert companion_digest("windows-3.13.0.json", content, embedded) is None


def test_every_recorded_manifest_has_room_for_the_digests_of_its_zips() -> None:
    # Smaller files are read faster.
    nodes = [replace(one, size=one.size and min(one.size, 40_000)) for one in read_record()]
    tree = ReplicaTree(nodes)
    manifests = [one.path for one in nodes if re.search(r"/windows-[^/]*\.json$", one.path)]
    found = [tree.file(path) for path in manifests]
    named = [len(json.loads(one.read())["versions"]) for one in found if one is not None]
    assert named == [12] * 45


def test_every_recorded_bundle_and_sbom_has_room_for_a_digest() -> None:
    companions = [one for one in read_record() if one.path.endswith((".sigstore", ".spdx.json"))]
    assert len(companions) == 1505
    for one in companions:
        path = one.path.removesuffix(".sigstore").removesuffix(".spdx.json")
        artifact = Node(path, 1, one.last_modified)
        assert companion_content(one.path, artifact, one.size or 0) is not None, one.path


Change = Callable[[Replica], None]
MSI = "3.13.0/win32/core.msi"


@pytest.mark.parametrize(
    "change",
    [
        lambda replica: replica.add("3.13.0/win32/dev.msi", last_modified=LATER),
        lambda replica: replica.add("3.13.0/win32/debug/", last_modified=LATER),
        lambda replica: replica.replace(MSI, last_modified=LATER),
        lambda replica: replica.remove(MSI, last_modified=LATER),
        lambda replica: replica.touch("3.13.0/win32/", LATER),
    ],
    ids=["add", "add a directory", "rename over", "remove", "touch"],
)
def test_a_change_moves_the_date_of_its_directory_and_of_no_other(
    replica: Replica, change: Change
) -> None:
    change(replica)
    assert rows(replica, "3.13.0/")["win32/"] == (SHOWN_LATER, "-")
    assert rows(replica)["3.13.0/"] == (SHOWN_FIRST, "-")


def test_directories_are_added_with_a_file_and_removed_with_their_files(
    replica: Replica,
) -> None:
    replica.add("3.13.0/arm64/debug/core.msi", last_modified=LATER)
    replica.add("3.14.0/win32/", last_modified=LATER)
    assert rows(replica, "3.13.0/arm64/debug/") == {"core.msi": (SHOWN_LATER, "1000")}
    assert rows(replica, "3.13.0/arm64/") == {"debug/": (SHOWN_LATER, "-")}
    assert rows(replica)["3.13.0/"] == (SHOWN_LATER, "-")
    assert rows(replica, "3.14.0/") == {"win32/": (SHOWN_LATER, "-")}
    assert rows(replica, "3.14.0/win32/") == {}
    replica.remove("3.13.0/")
    assert rows(replica).keys() == {"README", "3.14.0/"}
    for path in ("3.13.0", "3.13.0/", SOURCE, "3.13.0/win32/", MSI):
        assert get(replica, path).status == 404


def test_dates_are_utc_to_the_second(replica: Replica) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    replica.add("new.txt", last_modified=datetime(2025, 1, 1, 2, 0, 59, 999_999, tzinfo=east))
    assert rows(replica)["new.txt"] == ("31-Dec-2024 20:30", "1000")
    headers = get(replica, "new.txt").headers
    assert headers["Last-Modified"] == "Tue, 31 Dec 2024 20:30:59 GMT"
    assert headers["ETag"] == '"67745483-3e8"'
    replica.touch("new.txt", FIRST)
    assert rows(replica)["new.txt"] == (SHOWN_FIRST, "1000")


def test_requests_are_recorded_in_order_with_their_status(replica: Replica) -> None:
    for path in ("", "3.13.0", "nix", "3.13.0/win32/"):
        get(replica, path)
    get(replica, "README", Range="bytes=0-1")
    server = f"http://{urlsplit(replica.url).netloc}"
    ask(server, "/robots.txt")
    # As python-org-downloads asks for it.
    assert ask(server, "/ftp/python").headers["Location"] == replica.url
    assert replica.requests == [
        ServedRequest("", 200),
        ServedRequest("3.13.0", 301),
        ServedRequest("nix", 404),
        ServedRequest("3.13.0/win32/", 200),
        ServedRequest("README", 206),
        ServedRequest("/robots.txt", 404),
        ServedRequest("/ftp/python", 301),
    ]
    replica.clear_requests()
    assert replica.requests == []


def test_stopping_cuts_answers_in_flight_and_held_ones_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Replica(ENTRIES) as replica:
        replica.add("big.iso", size=BIG)
        replica.answer("README", Answer(hold=threading.Event()))
        netloc = urlsplit(replica.url).netloc
        big, held = (http.client.HTTPConnection(netloc, timeout=60) for _ in range(2))
        big.request("GET", "/ftp/python/big.iso")
        response = big.getresponse()
        held.request("GET", "/ftp/python/README")
    assert set(threading.enumerate()) <= before
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        held.getresponse()
    big.close()
    held.close()


def test_a_restarted_replica_keeps_its_url() -> None:
    with Replica(ENTRIES) as replica:
        url = replica.url
        assert url.startswith("http://127.0.0.1:")
        replica.add("new.txt", size=3)
    with pytest.raises(ConnectionRefusedError):
        ask(url, "new.txt")
    with replica:
        assert replica.url == url
        assert get(replica, "new.txt").status == 200


def test_the_command_prints_the_url_and_serves_until_ctrl_c() -> None:
    command = [sys.executable, "-W", "error", "-m", "pyorg_pipeline.demo.replica", "--port", "0"]
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert b"Index of /ftp/python/2.2.3/" in ask(url, "2.2.3/").body
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert (rest, process.returncode) == ("", 0)


# Answers that a test sets


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (Answer(headers={"ETAG": '"x"'}), 200, b"Made up by "),
        (Answer(status=403), 403, b"<h1>403 Forbidden</h1>"),
        (Answer(status=599), 599, b"<h1>599 Unknown</h1>"),
        (Answer(body=b""), 200, b""),
        (Answer(429, {"Retry-After": "120"}, b"{}"), 429, b"{}"),
    ],
)
def test_the_fields_that_an_answer_leaves_out_are_completed(
    replica: Replica, answer: Answer, status: int, body: bytes
) -> None:
    replica.answer("README", answer, times=2)
    for _ in range(2):
        got = get(replica, "README")
        assert got.status == status
        assert body in got.body
        assert got.headers.items() >= dict(answer.headers).items()
        assert "ETag" not in got.headers
    assert "ETag" in get(replica, "README").headers


def test_a_function_gets_the_request_and_its_errors_are_printed(
    replica: Replica, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(request: Request) -> Answer:
        if request.headers["user-agent"] != "us":
            raise LookupError(f"no answer to {request.path}")
        return Answer(body=bytes(request.ordinary.body or b"").replace(b"</html>", b""))

    replica.answer("3.13.0/", answer)
    cut = get(replica, "3.13.0/", User_Agent="us").body
    with pytest.raises(http.client.RemoteDisconnected):
        get(replica, "3.13.0/")
    assert "LookupError: no answer to 3.13.0/" in capsys.readouterr().err
    replica.clear_answers()
    assert cut == get(replica, "3.13.0/").body.replace(b"</html>", b"")
