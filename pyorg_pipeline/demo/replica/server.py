"""A replica of python.org's release tree, served over HTTP on 127.0.0.1.

It changes while it serves, records the requests that it gets, and fails on demand.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from pyorg_pipeline.demo.replica.answers import ROOT, Answer, Request, ordinary_answer
from pyorg_pipeline.demo.replica.tree import Node, ReplicaTree, read_record

__all__ = ["Answer", "Replica", "Request", "ServedRequest"]

#: How often the accepting thread and held answers check whether the server stops.
_POLL_SECONDS: Final = 0.02


class ServedRequest(NamedTuple):
    """A request that the replica got."""

    #: Below the site's root, decoded; empty for the root. Other paths start with a slash.
    path: str
    #: The answer's status; 0 if the connection was closed without an answer.
    status: int


class Replica(ReplicaTree):
    """A server of a tree below `/ftp/python/` on 127.0.0.1; a context manager.

    The tree may be changed from any thread while it is served.

    Args:
        nodes: The initial tree; the packaged record if None.
        port: The port; 0 for any free one. A replica that is started again keeps its port.
    """

    def __init__(self, nodes: Iterable[Node] | None = None, *, port: int = 0) -> None:
        super().__init__(read_record() if nodes is None else nodes)
        self._port = port
        self._server: _Server | None = None
        #: The requests so far, each recorded before a byte of its answer is sent.
        self.requests: list[ServedRequest] = []
        self._answers: dict[str, tuple[Answer | Callable[[Request], Answer], int | None]] = {}

    def start(self) -> None:
        """Listen, and serve in threads."""
        self._server = _Server(self._port, self._respond)
        self._port = self._server.server_address[1]

    def stop(self) -> None:
        """Close all connections and end all threads before returning."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The root's URL, which ends in a slash; a restarted replica keeps it."""
        assert self._port, "the replica has no URL before it is started"
        return f"http://127.0.0.1:{self._port}{ROOT}"

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self.requests = []

    def answer(
        self,
        path: str,
        answer: Answer | Callable[[Request], Answer],
        *,
        times: int | None = None,
    ) -> None:
        """Give this answer to the next `times` requests for `path`, or to all of them.

        A function is called for each request, in the thread that serves it. A later call for the
        same path replaces the earlier one. `3.13.0` and `3.13.0/` are different paths.
        """
        with self._lock:
            self._answers[path] = answer, times

    def clear_answers(self) -> None:
        """Forget all answers that were set."""
        with self._lock:
            self._answers.clear()

    def _respond(self, target: str, headers: Message) -> Answer:
        path = unquote(urlsplit(target).path, errors="surrogateescape").removeprefix(ROOT)
        answer = ordinary = ordinary_answer(self, path, headers)
        with self._lock:
            chosen, times = self._answers.pop(path, (None, None))
            if chosen is not None and (times is None or times > 1):
                self._answers[path] = chosen, None if times is None else times - 1
        if chosen is not None:
            if callable(chosen):
                chosen = chosen(Request(path, headers, ordinary))
            answer = chosen.completed_by(ordinary)
        status = 0 if answer.hang_up or answer.status is None else answer.status
        self.requests.append(ServedRequest(path, status))
        return answer


class _Server(ThreadingTCPServer):
    """A server on 127.0.0.1 that `stop` ends at once, also with connections in use."""

    allow_reuse_address = True
    # A crawler opens its whole pool at once; the inherited 5 would drop some for a second.
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[str, Message], Answer]) -> None:
        self.respond = respond
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._acceptor = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self._acceptor.join()
        for connection in list(self._connections):
            with suppress(OSError):  # its thread has closed it already
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away; a mistake in a function given to `answer` is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Otherwise a second send waits for the client's delayed acknowledgement, 40 ms.
    disable_nagle_algorithm = True
    # Head and first piece leave in one send.
    wbufsize = -1

    def do_GET(self) -> None:
        answer = self.server.respond(self.path, self.headers)
        if (answer.hold_after is None and not self._released(answer.hold)) or answer.hang_up:
            self.close_connection = True
            return
        body = answer.body or b""
        sent = body[: answer.cut_after]
        is_chunked = "Transfer-Encoding" in answer.headers
        headers = {"Date": self.date_time_string(), **answer.headers}
        if len(sent) < len(body):
            headers["Connection"] = "close"
        if not is_chunked:
            headers["Content-Length"] = str(len(body))
        self.send_response_only(answer.status or 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if is_chunked and body:
            self.wfile.write(b"%x\r\n" % len(body))
        if answer.hold_after is not None:
            self.wfile.write(sent[: answer.hold_after])
            self.wfile.flush()
            if not self._released(answer.hold):
                self.close_connection = True
                return
        self.wfile.write(sent[answer.hold_after or 0 :])
        if is_chunked and len(sent) == len(body):
            self.wfile.write(b"\r\n0\r\n\r\n" if body else b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _released(self, hold: threading.Event | None) -> bool:
        """Wait until the answer may be sent; False if the server stops first."""
        while hold is not None and not hold.wait(_POLL_SECONDS):
            if self.server.stopping.is_set():
                return False
        return True
