"""The events sent to a webhook, as flat JSON objects; docs/webhook.md explains the fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from pyorg_pipeline.model.text import iso_text, plural
from pyorg_pipeline.model.versions import NormalizedPythonVersion

#: Fields may be added under the same schema; a removed or changed one needs a new schema.
SCHEMA: Final = "pyorg_pipeline/event/1"

#: Characters: chats cut long messages, and some receivers refuse them.
_LONGEST_ERROR: Final = 2000
#: Failures that an event names: if the site is down, all of its directories fail.
_MOST_FAILURES: Final = 20


def run_failed(
    *,
    site_url: str,
    sent_at: datetime,
    job: str,
    run_id: str,
    error: str,
    started_at: datetime | None,
    ended_at: datetime | None,
    tags: Mapping[str, str],
    failures: Mapping[str, str],
) -> dict[str, Any]:
    """Return the event of a failed run; `failures` are directories or artifacts, with reasons."""
    shown = _shortened(error)
    named = sorted(failures.items())[:_MOST_FAILURES]
    return {
        **_common("run_failed", run_id, site_url, sent_at),
        "text": f"{job} failed: {shown}",
        "job": job,
        "run_id": run_id,
        "error": shown,
        "started_at": started_at and iso_text(started_at),
        "ended_at": ended_at and iso_text(ended_at),
        # Dagster's internal tags begin with a dot.
        "tags": {name: tags[name] for name in sorted(tags) if not name.startswith(".")},
        "failures": {name: _shortened(reason) for name, reason in named},
        "failure_count": len(failures),
    }


def release_complete(
    *,
    site_url: str,
    sent_at: datetime,
    version: NormalizedPythonVersion,
    completed_at: datetime,
    artifacts: int,
    size: int,
    source_path: str | None,
    latest: bool,
) -> dict[str, Any]:
    """Return the event of a complete release; `latest` if it is the newest final release."""
    newest = ", the newest final release" if latest else ""
    return {
        **_common("release_complete", version.text, site_url, sent_at),
        "text": f"Python {version.text} is complete on {site_url}{newest}: "
        f"{plural(artifacts, 'artifact')}, {size:,} bytes",
        "version": version.text,
        "series": version.series,
        "releaselevel": version.releaselevel,
        "completed_at": iso_text(completed_at),
        "artifacts": artifacts,
        "bytes": size,
        "source_path": source_path,
        "source_url": None if source_path is None else site_url + quote(source_path),
        "latest": latest,
    }


def _common(event: str, subject: str, site_url: str, sent_at: datetime) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "event": event,
        # The same if the event is sent again, so that a receiver can drop the second one.
        "id": f"{event}:{subject}",
        "sent_at": iso_text(sent_at),
        "site_url": site_url,
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR - 3]}..."
