"""Pooled connections that can be shut down while somebody waits for them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from urllib3.connectionpool import ConnectionPool


class CuttableAdapter(HTTPAdapter):
    """Pooled connections that can be shut down while they are in use."""

    def __init__(self, connections: int) -> None:
        self._connections: WeakSet[Any] = WeakSet()
        self._connections_lock = threading.Lock()
        self._kinds: dict[Any, Any] = {}
        super().__init__(pool_maxsize=connections, pool_block=True, max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        """Return the pool for a request, which makes connections of our kind."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = pool.ConnectionCls
        if kind not in self._kinds.values():
            with self._connections_lock:
                pool.ConnectionCls = self._kinds.setdefault(kind, self._noted(kind))
        return cast("ConnectionPool", pool)

    def _noted(self, kind: Any) -> Any:
        adapter = self

        class Noted(kind):  # type: ignore[misc]  # http's or https's
            def connect(self) -> None:
                with adapter._connections_lock:
                    adapter._connections.add(self)
                super().connect()

        return Noted

    def shut_down_connections(self) -> None:
        """Wake whoever waits for one of the connections; it finds it closed."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                # Closed by the other side, or by its own thread since.
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
