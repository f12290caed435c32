"""The recorded answers of python-org-downloads 1.0.0, made by record_reference_answers.py."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import NamedTuple

ANSWERS = Path(__file__).parents[1] / "model" / "data" / "reference_answers.tsv.gz"


class Answer(NamedTuple):
    """Its answer for one file name in one directory."""

    #: `listed` for a name of the site's listing, `made-up` for another.
    origin: str
    directory: str
    name: str
    #: Its five items, separated by spaces; empty if it refuses the name.
    version: str
    artifact_type: str
    #: JSON.
    format: str

    @property
    def refused(self) -> bool:
        """Whether it raises, or ignores the name."""
        return not self.artifact_type

    @property
    def path(self) -> str:
        return f"{self.directory}/{self.name}"


def read_answers() -> list[Answer]:
    """All answers, in the order of recording."""
    with gzip.open(ANSWERS, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [Answer(*row) for row in rows]
