"""A webhook on 127.0.0.1 that records the events it receives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pyorg_pipeline_tests.support.raw_server import Raw, RawRequest, RawServer, whole


class Receiver(RawServer):
    """Answers with the given statuses first, then with 200; a context manager.

    Args:
        statuses: Of the first answers.
        location: Where a status of a redirect leads.
    """

    def __init__(self, statuses: Iterable[int] = (), *, location: str = "") -> None:
        super().__init__(self._answer)
        self.statuses = list(statuses)
        self._headers = f"Location: {location}\r\n" if location else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/secret"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]

    def _answer(self, _: RawRequest) -> Raw:
        status = self.statuses.pop(0) if self.statuses else 200
        return whole(b"", status=f"{status} as ordered", headers=self._headers)
