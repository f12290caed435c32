"""A replica of python.org's release tree that answers as the real site does, over real HTTP.

The replica serves a recorded tree on 127.0.0.1, changes it while it serves, counts what it was
asked, and fails on demand. It stands in for the site in tests, demonstrations and benchmarks. How
nginx renders a listing is in `autoindex`, the changing tree in `replica_tree`, what is answered in
`replica_answers`, and how it goes over the wire in `replica_wire`.

    python -m pyorg_pipeline.demo.replica --port 8000

serves until Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from email.message import Message
from types import TracebackType
from typing import NamedTuple, Self

from pyorg_pipeline.demo.replica.answers import (
    ROOT,
    Answer,
    Request,
    below_root,
    ordinary_answer,
)
from pyorg_pipeline.demo.replica.record import RecordedEntry, read_record
from pyorg_pipeline.demo.replica.tree import ReplicaTree
from pyorg_pipeline.demo.replica.wire import WireServer

__all__ = ["Answer", "Replica", "Request", "ServedRequest", "main"]


class ServedRequest(NamedTuple):
    """A request that the replica was asked."""

    method: str
    #: Below the site's root, decoded (`3.13.0/`, empty for the root); with a slash in front if it
    #: does not lead below the root.
    path: str
    #: The answer's status; 0 where the connection was closed without an answer.
    status: int


class Replica:
    """A server of a recorded tree below `/ftp/python/` on 127.0.0.1; a context manager.

    Args:
        entries: what the tree holds at first; the packaged record if None.
        port: the port to listen on; 0 for any that is free. A replica that is started again
            listens on the port that it had.
        latency: seconds that pass before each answer.
        index_pages: whether a directory that holds an `index.html` answers with that page instead
            of its listing. The real site may do so (2.2.3/ is on record), hence the choice; the
            page is made up, unless the file was given a content, and is no listing.

    Paths are those below the root: `3.13.0/` for a directory, `3.13.0/Python-3.13.0.tgz` for a
    file, an empty one for the root. Changes may be made while it serves, from any thread; what
    cannot be done raises InvalidArgumentError. A page shows the tree as it was at one moment. A
    directory's date moves as on a real file system: when an entry is added to it, removed from it
    or renamed in it, and not when something changes further down.
    """

    def __init__(
        self,
        entries: Iterable[RecordedEntry] | None = None,
        *,
        port: int = 0,
        latency: float = 0.0,
        index_pages: bool = False,
    ) -> None:
        self._tree = ReplicaTree(read_record() if entries is None else entries)
        self._port = port
        self._latency = latency
        self._index_pages = index_pages
        self._server: WireServer | None = None
        self._lock = threading.Lock()
        self._requests: list[ServedRequest] = []
        self._answers: dict[str, _Canned] = {}

    def start(self) -> None:
        """Listen and serve, in threads of its own."""
        if self._server is not None:
            raise RuntimeError(f"the replica serves already: {self.url}")
        self._server = WireServer(self._port, self._respond, self._latency)
        self._port = self._server.server_port

    def stop(self) -> None:
        """Stop serving: every socket is closed and every thread has ended when this returns.

        A connection that a client keeps open, an answer under way and one that is held back are
        cut off. What is stopped already stays so.
        """
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The root's URL, with a slash at its end; once it was started it stays the same."""
        if not self._port:
            raise RuntimeError("the replica has no URL before it is started")
        return f"http://127.0.0.1:{self._port}{ROOT}"

    def add(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
    ) -> None:
        """Add a file, or a directory (`path` ends in a slash), and the directories above it.

        Its date, and the date of each directory that gets a new entry, is `last_modified`, or now.
        A file with neither `size` nor `content` gets 1,000 bytes that are made up.
        """
        self._tree.add(path, size=size, content=content, last_modified=last_modified)

    def replace(
        self,
        path: str,
        *,
        size: int | None = None,
        content: bytes | None = None,
        last_modified: datetime | None = None,
        renamed: bool = True,
    ) -> None:
        """Give a file other bytes, as many as before if neither `size` nor `content` is given.

        `renamed`: as if another file had been renamed over it, which moves its directory's date to
        `last_modified` (or now), too. Otherwise as written in place: the directory's date stays.
        """
        self._tree.replace(
            path, size=size, content=content, last_modified=last_modified, renamed=renamed
        )

    def remove(self, path: str, *, last_modified: datetime | None = None) -> None:
        """Remove a file, or a directory with everything in it.

        The date of the directory that held it moves to `last_modified`, or now.
        """
        self._tree.remove(path, last_modified=last_modified)

    def touch(self, path: str, last_modified: datetime) -> None:
        """Set the date of a file or directory. The root's own date is shown nowhere."""
        self._tree.touch(path, last_modified)

    @property
    def requests(self) -> list[ServedRequest]:
        """What was asked so far, in the order of arrival; a copy.

        A request is in it before a byte of its answer is sent, also if the answer is held back.
        """
        with self._lock:
            return list(self._requests)

    def clear_requests(self) -> None:
        """Forget what was asked so far."""
        with self._lock:
            self._requests.clear()

    def answer(
        self,
        path: str,
        answer: Answer | Callable[[Request], Answer],
        *,
        times: int | None = None,
    ) -> None:
        """Give this answer to the next `times` requests for `path`, or to all; then as usual again.

        A function is called for each such request, in the thread that serves it. What an Answer
        leaves out is as usual (see Answer). A later call for the same path takes the place of the
        earlier one. The path is matched as it was asked for: `3.13.0` is not `3.13.0/`.
        """
        with self._lock:
            self._answers[path] = _Canned(answer, times)

    def clear_answers(self) -> None:
        """Answer as usual again."""
        with self._lock:
            self._answers.clear()

    def _respond(self, method: str, target: str, headers: Message) -> Answer:
        path = below_root(target)
        answer = ordinary_answer(self._tree, method, target, headers, index_pages=self._index_pages)
        canned = self._canned(path)
        if canned is not None:
            given = (
                canned
                if isinstance(canned, Answer)
                else canned(Request(method, path, headers, answer))
            )
            answer = given.laid_over(answer)
        status = 0 if answer.hang_up or answer.status is None else answer.status
        with self._lock:
            self._requests.append(ServedRequest(method, path, status))
        return answer

    def _canned(self, path: str) -> Answer | Callable[[Request], Answer] | None:
        """The answer that was set for this request, which uses up one of its times."""
        with self._lock:
            answer, times = self._answers.pop(path, _Canned(None, None))
            if answer is not None and (times is None or times > 1):
                self._answers[path] = _Canned(answer, None if times is None else times - 1)
            return answer


class _Canned(NamedTuple):
    answer: Answer | Callable[[Request], Answer] | None
    times: int | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the packaged record in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m pyorg_pipeline.demo.replica",
        description="Serve a replica of python.org's release tree on this machine until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=8000, help="where to listen; 0: any free port")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument(
        "--index-pages",
        action="store_true",
        help="answer with a directory's index.html where it has one",
    )
    given = parser.parse_args(arguments)
    replica = Replica(port=given.port, latency=given.latency, index_pages=given.index_pages)
    with replica, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{replica.url}\n")
        sys.stdout.flush()
        threading.Event().wait()
