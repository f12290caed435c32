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
from typing import IO, NamedTuple, Self


class RawRequest(NamedTuple):
    """A request as it came."""

    #: From 1, in the order in which connections were accepted.
    connection: int
    target: str
    #: Names in lower case.
    headers: dict[str, str]
    body: bytes


class Raw(NamedTuple):
    """What is sent for a request: pieces, each with a send of its own."""

    pieces: Iterable[bytes]
    keep_open: bool = False
    #: End the connection with a reset.
    reset: bool = False


def whole(body: bytes, *, status: str = "200 OK", headers: str = "", keep_open: bool = True) -> Raw:
    """An answer with its length declared; `headers` are lines that end in CRLF."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return Raw([head.encode("latin-1") + body], keep_open)


class RawServer:
    """Answers each request with what `respond` returns; a context manager."""

    def __init__(self, respond: Callable[[RawRequest], Raw]) -> None:
        self._respond = respond
        self._lock = threading.Lock()
        self._requests: list[RawRequest] = []
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        #: Set when the server stops, for a `respond` that waits.
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ftp/python/"

    @property
    def requests(self) -> list[RawRequest]:
        with self._lock:
            return list(self._requests)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            number = len(self._connections)
            thread = threading.Thread(target=self._serve, args=(connection, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while request := _read_request(stream, number):
                with self._lock:
                    self._requests.append(request)
                raw = self._respond(request)
                for piece in raw.pieces:
                    connection.sendall(piece)
                if raw.reset:
                    # Lingering for 0 s is what makes a close a reset.
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                if not raw.keep_open:
                    connection.shutdown(socket.SHUT_RDWR)
                    return


def _read_request(stream: IO[bytes], number: int) -> RawRequest | None:
    start = stream.readline()
    if not start:
        return None
    headers = {}
    while (line := stream.readline().strip().decode("latin-1")) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return RawRequest(number, start.decode("latin-1").split(" ")[1], headers, body)
