"""What the tests of transfers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyorg_pipeline.downloads import download as transfer
from pyorg_pipeline.downloads.download import Transferred
from pyorg_pipeline.site.client import SiteClient

NAME = "Python-3.13.9.tgz"
PATH = f"3.13.9/{NAME}"
OLD = b"an older good copy"


def fetch(
    client: SiteClient, path: str, folder: Path | str | None, **options: Any
) -> Transferred[Any]:
    """As `transfer.fetch`, for options that the type checker need not follow."""
    return transfer.fetch(client, path, folder, **options)


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden or not."""
    return [path.name for path in folder.iterdir()]
