"""The replica's HTTP/1.1: connections, request lines and the bytes of answers.

What to answer is decided elsewhere and handed in as a function. Here is how it is sent: in one
piece where it is small, in chunks, cut, late, or not at all; and how a server stops without
waiting for clients that keep their connections open.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final

from pyorg_pipeline.demo.replica.answers import Answer, FilePart
from pyorg_pipeline.demo.replica.autoindex import reason_phrase, status_page

#: Method, target and headers of a request; the answer to it.
Respond = Callable[[str, str, Message], Answer]

#: The longest request line that the standard library's server reads, too.
_LINE_LIMIT: Final = 1 << 16
#: How soon a stop is seen by the thread that accepts, and by answers that are held back.
_POLL_SECONDS: Final = 0.02
_WITHOUT_BODY: Final = {204, 304}


class WireServer(ThreadingHTTPServer):
    """A server on 127.0.0.1 with a thread a connection, which `stop` ends at once."""

    daemon_threads = True
    # A crawler opens its whole pool at once; the inherited 5 would drop some for a second.
    request_queue_size = 128

    def __init__(self, port: int, respond: Respond, latency: float) -> None:
        self.respond = respond
        self.latency = latency
        self.stopping = threading.Event()
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        super().__init__(("127.0.0.1", port), _Handler)
        self._acceptor = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="replica", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Close every socket and wait for every thread; clients see their connections closed."""
        self.stopping.set()
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        # Only the acceptor added to the list, and it is gone.
        for connection, _ in self._connections:
            with suppress(OSError):  # its thread has closed it already
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in self._connections:
            thread.join()

    def server_bind(self) -> None:
        """Bind without the inherited look-up of the host's full name, which may ask a DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, and remember both."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        thread.start()
        alive = [pair for pair in self._connections if pair[1].is_alive()]
        self._connections = [*alive, (request, thread)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; a mistake of ours or of a test's is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests in, answers out, one after the other."""

    server: WireServer
    protocol_version = "HTTP/1.1"
    # Otherwise a second send waits for the client's delayed acknowledgement, 40 ms.
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Read a request and answer it; a client that has gone away ends the connection."""
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(_LINE_LIMIT + 1)
        if not self.raw_requestline or self.server.stopping.is_set():
            return
        if len(self.raw_requestline) > _LINE_LIMIT:
            self.command, self.request_version = "", self.protocol_version
            self.send_error(414)
        elif self.parse_request():
            self._answer_request()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that cannot be understood with nginx's page, and close."""
        del message, explain
        self.close_connection = True
        self._send(Answer(code, {"Content-Type": "text/html"}, status_page(code)))

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""

    def _answer_request(self) -> None:
        if self.server.latency and self.server.stopping.wait(self.server.latency):
            self.close_connection = True
            return
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            # Nobody reads the request's body, so nothing after it can be understood.
            self.close_connection = True
        answer = self.server.respond(self.command, self.path, self.headers)
        if answer.status == 400:
            self.close_connection = True
        if not self._held_until_released(answer.hold) or answer.hang_up:
            self.close_connection = True
            return
        self._send(answer)

    def _held_until_released(self, hold: threading.Event | None) -> bool:
        """Whether the answer may go out; not if the server stops first."""
        while hold is not None and not hold.wait(_POLL_SECONDS):
            if self.server.stopping.is_set():
                return False
        return True

    def _send(self, answer: Answer) -> None:
        body = b"" if answer.body is None else answer.body
        declared = len(body)
        sent = 0 if self.command == "HEAD" or answer.status in _WITHOUT_BODY else declared
        if answer.cut_after is not None and answer.cut_after < sent:
            sent = answer.cut_after
            self.close_connection = True
        is_listing = 0 < declared != sent
        headers = dict(answer.headers)
        before = after = b""
        if "Transfer-Encoding" in headers:
            if self.command == "HEAD" or self.request_version < "HTTP/1.1":
                del headers["Transfer-Encoding"]
                self.close_connection |= self.request_version < "HTTP/1.1"
            else:
                # One chunk, as nginx sends a listing; without its end where it is cut.
                before = b"%x\r\n" % declared if declared else b""
                after = b"" if is_listing else b"\r\n0\r\n\r\n" if declared else b"0\r\n\r\n"
        elif answer.status not in _WITHOUT_BODY:
            headers = {"Content-Length": str(declared)} | headers
        self._write(self._head(answer.status or 200, headers) + before, _pieces(body, sent), after)

    def _head(self, status: int, headers: dict[str, str]) -> bytes:
        own = {
            "Server": "nginx",
            "Date": self.date_time_string(),
            "Connection": "close" if self.close_connection else "keep-alive",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in (own | headers).items())
        return f"HTTP/1.1 {status} {reason_phrase(status)}\r\n{lines}\r\n".encode("latin-1")

    def _write(self, head: bytes, pieces: Iterator[bytes], tail: bytes) -> None:
        """Send it all; what is small leaves in one send, so that it arrives in one piece."""
        pending = head
        for piece in pieces:
            if len(pending) > _LINE_LIMIT:
                self.wfile.write(pending)
                pending = b""
            pending += piece
        self.wfile.write(pending + tail)


def _pieces(body: bytes | FilePart, length: int) -> Iterator[bytes]:
    if isinstance(body, FilePart):
        yield from body.pieces(length)
    else:
        yield body[:length]
