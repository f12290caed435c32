"""A webhook on 127.0.0.1 that records the events it receives."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Delivery(NamedTuple):
    """A received POST."""

    path: str
    #: Names in lower case.
    headers: dict[str, str]
    event: dict[str, Any]


class Receiver:
    """Records events; answers with the given statuses first, then with 200. A context manager.

    Args:
        statuses: Of the first answers.
        headers: Of every answer.
        port: 0 for any free port; another one for a receiver that is started again.
    """

    def __init__(
        self,
        statuses: Iterable[int] = (),
        *,
        headers: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.statuses = list(statuses)
        self.deliveries: list[Delivery] = []
        receiver, more = self, dict(headers or {})

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fields = {name.lower(): value for name, value in self.headers.items()}
                receiver.deliveries.append(Delivery(self.path, fields, json.loads(body)))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/secret"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [delivery.event for delivery in self.deliveries]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
