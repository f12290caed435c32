"""What a webhook is told: one flat JSON object an event. docs/webhook.md explains every field.

Fields are added under the same schema; one that is removed, or means something else, makes a new
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pyorg_pipeline.model.versions import NormalizedPythonVersion

SCHEMA: Final = "pyorg_pipeline/event/1"

RUN_FAILED: Final = "run_failed"
RELEASE_COMPLETE: Final = "release_complete"

#: Characters. Chats cut long messages, some receivers refuse them.
LONGEST_ERROR: Final = 2000
#: Failures of a run that an event names; a site that is down fails in all of its directories.
MOST_FAILURES: Final = 20


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
    """The event of a run that failed.

    Args:
        site_url: the site that is crawled.
        sent_at: when the event is made, UTC.
        job: what ran.
        run_id: Dagster's.
        error: what happened, as the failed step says it.
        started_at: when the run began, UTC.
        ended_at: when it failed, UTC.
        tags: those of the run.
        failures: directories or artifacts that failed, with the reasons.
    """
    shown = _cut(error)
    named = dict(sorted(failures.items())[:MOST_FAILURES])
    return {
        **_head(RUN_FAILED, run_id, site_url, sent_at),
        "text": f"{job} failed: {shown}",
        "job": job,
        "run_id": run_id,
        "error": shown,
        "started_at": _text(started_at),
        "ended_at": _text(ended_at),
        # A dot in front marks what Dagster keeps for itself.
        "tags": {name: tags[name] for name in sorted(tags) if not name.startswith(".")},
        "failures": {name: _cut(reason) for name, reason in named.items()},
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
    """The event of a release that is there, whole.

    Args:
        site_url: the site that it was seen on; ends in a slash.
        sent_at: when the event is made, UTC.
        version: all five items.
        completed_at: when a refresh first saw it complete, UTC.
        artifacts: how many there are of it.
        size: bytes of all of them together.
        source_path: its best source tarball below the site's root, if it has one.
        latest: whether it is the newest final release.
    """
    newest = ", the newest final release" if latest else ""
    source_url = None if source_path is None else site_url + quote(source_path)
    return {
        **_head(RELEASE_COMPLETE, version.text, site_url, sent_at),
        "text": f"Python {version.text} is complete on {site_url}{newest}: "
        f"{artifacts} artifact{'' if artifacts == 1 else 's'}, {size:,} bytes",
        "version": version.text,
        "series": version.series,
        "releaselevel": version.releaselevel,
        "completed_at": _text(completed_at),
        "artifacts": artifacts,
        "bytes": size,
        "source_path": source_path,
        "source_url": source_url,
        "latest": latest,
    }


def _head(event: str, subject: str, site_url: str, sent_at: datetime) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "event": event,
        # The same when it is told again, so that a receiver can tell.
        "id": f"{event}:{subject}",
        "sent_at": _text(sent_at),
        "site_url": site_url,
    }


def _text(time: datetime | None) -> str | None:
    """ISO 8601 to the second, with the Z that jq and JavaScript want."""
    if time is None:
        return None
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 3]}..."
