"""A server on 127.0.0.1 that sends the bytes that a test gives it.

The replica always speaks correct HTTP; this sends endless bodies, broken chunks and invalid
headers, resets connections, and records connections and requests.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, NamedTuple, Self


class RawRequest(NamedTuple):
    """A request."""

    #: From 1, in the order in which connections were accepted.
    connection: int
    target: str
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes


class Raw(NamedTuple):
    """The answer to a request: pieces, each sent separately."""

    pieces: Iterable[bytes]
    keep_open: bool = False
    #: End the connection with a reset.
    reset: bool = False


def whole(body: bytes, *, status: str = "200 OK", headers: str = "", keep_open: bool = True) -> Raw:
    """An answer with its length declared; `headers` are lines that end in CRLF."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return Raw([head.encode("latin-1") + body], keep_open)


class RawServer(ThreadingTCPServer):
    """Answers each request with what `respond` returns; a context manager."""

    request_queue_size = 64

    def __init__(self, respond: Callable[[RawRequest], Raw]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.requests: list[RawRequest] = []
        self.connections: list[Any] = []
        #: Set when the server stops, for a `respond` that waits.
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ftp/python/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # Without the FIN that would come before a reset.
        self.close_request(request)


class _Handler(StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        number = self.server.connections.index(self.request) + 1
        with suppress(OSError):
            while request := self._read(number):
                self.server.requests.append(request)
                raw = self.server.respond(request)
                for piece in raw.pieces:
                    self.connection.sendall(piece)
                if raw.reset:
                    # Lingering for 0 s is what makes a close a reset.
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                if not raw.keep_open:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return

    def _read(self, number: int) -> RawRequest | None:
        start = self.rfile.readline()
        if not start:
            return None
        headers = {}
        while (line := self.rfile.readline().strip().decode("latin-1")) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0")))
        return RawRequest(number, start.decode("latin-1").split(" ")[1], headers, body)
