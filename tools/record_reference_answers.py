"""Records how python-org-downloads 1.0.0 classifies names, for test_names.

Run it in an environment with that package (Python 3.12 or newer):

    python tools/record_reference_answers.py LISTING.tsv.gz reference_answers.tsv.gz

LISTING is a table whose first column is a path below the site's root. Where the package raises, the
name is recorded as refused, with empty columns.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from python_org_downloads import PythonOrgArtifact  # type: ignore[import-not-found]

COLUMNS = ("origin", "directory", "name", "version", "type", "format")

COMPANION = re.compile(r".*\.(asc|sig|crt|sigstore|rekor|spdx\.json)")

VERSIONS = ("3.9.0", "3.15.2", "2.7", "10.20.30")
LEVELS = ("", "a1", "b2", "c3", "rc10", "x1")
EXTENSIONS = (
    *(".tar.xz", ".tgz", ".tar.bz2", ".tar.gz", ".zip", ".pkg", ".dmg", ".exe", ".msi"),
    *(".tar.zst", ".EXE", ".msix", ".json"),
)
WORDS = (
    *("-Debug", "-debug", "t", "-t", "T", "-test", "-embed", "-embeddable", "-Embed", "_embed"),
    *("-amd64", ".amd64", "_amd64", "-arm64", "-win32", "-x86", ".x86", ".ia64", "-AMD64", "-x64"),
    *("-webinstall", ".webinstall", "-pdb", ".pdb", "post2", "-post2", ".post2", "-1", "_2", ".3"),
    *("-no-lto", "_no-lto", "-macos11", "_macos11", "-macosx10.9", "-macosx", "-macOS11"),
    *("-macosx2009-02-14", "-macosx10.3-2010-03-24", "_rev1", "-rev1", "-universal2"),
    *("-aarch64-linux-android", "-x86_64-linux-android", "-linux-android", "-iOS-XCframework"),
)
#: The parts of a name in order, with their alternatives.
ORDERED = (
    (
        ("", "-1", ".2", "_3", "-post1", ".post2", "_post3", "post4", "x5"),
        ("", "t"),
        ("", "-test"),
        ("", "-embed", "-embeddable"),
        ("", "-amd64", ".amd64", "-arm64", "-win32", "-x86", ".x86", ".ia64", "-arm32"),
        ("", "-webinstall"),
        (".exe", ".msi", ".zip"),
    ),
    (
        ("", "post2", "-post2"),
        ("", "-no-lto"),
        (
            *("", "-macos", "-macos11", "_macos11.0", "-macosx", "_macosx10.3", "-macosx10.5.1"),
            *("-macosx2009-02-14", "-macosx-2009-02-14", "-macosx10.3-2010-03-24", "-macos11-"),
        ),
        ("", "_rev1", "_rev12", "-rev1"),
        (".pkg", ".dmg"),
    ),
    (
        ("", "-amd64", ".amd64", "-arm64", "-win32", ".x86", "-ia64", "_amd64"),
        ("-pdb", ".pdb", "-pdb-1"),
        (".zip", ".msi", ".exe", ".tgz"),
    ),
    (("-Debug", "-Debug-1"), (".tar.xz", ".tgz", ".tar.bz2", ".tar.gz", ".zip", ".exe")),
    (
        ("-aarch64", "-x86_64", "-i686", ".x86_64"),
        ("-linux-android", "-linux-androideabi"),
        (".tar.gz", ".tgz", ".tar.xz", ".zip"),
    ),
)
CHARACTERS = "abcrtx0123456789-._ +~"


def listed(path: Path) -> Iterator[tuple[str, str]]:
    """Directories and names of the files in release directories, without companions."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines, delimiter="\t"):
            directory, slash, name = row[0].partition("/")
            known = directory == "src" or re.fullmatch(r"[0-9.]+", directory)
            if slash and name and "/" not in name and known and not COMPANION.fullmatch(name):
                yield directory, name


def made_up() -> Iterator[str]:
    """Plausible and malformed names, the same ones every time."""
    for prefix, version, extension in product(
        ("Python-", "python-", "Python", "python", "PYTHON-", "python_", "BeOpen-Python-"),
        (*VERSIONS, "3", "3.9.0.1", "03.01.00"),
        EXTENSIONS,
    ):
        yield f"{prefix}{version}{extension}"
    for level, word, extension in product(LEVELS, WORDS, EXTENSIONS):
        yield f"python-3.9.0{level}{word}{extension}"
    chance = random.Random(20261)
    for slots in ORDERED:
        names = ["".join(words) for words in product(VERSIONS, LEVELS[:5], *slots)]
        for rest in chance.sample(names, min(len(names), 3_000)):
            yield f"{chance.choice(('python-', 'Python-', 'python'))}{rest}"
    for _ in range(40_000):
        words = "".join(chance.choices(WORDS, k=chance.choice((1, 2, 2, 3, 3, 4))))
        name = f"python-{chance.choice(VERSIONS)}{chance.choice(LEVELS[:5])}{words}"
        name += chance.choice(EXTENSIONS[:9])
        for _ in range(chance.choice((0, 0, 1, 2))):
            position = chance.randrange(len(name) + 1)
            inserted = chance.choice(("", chance.choice(CHARACTERS)))
            name = name[:position] + inserted + name[position + chance.choice((0, 1)) :]
        yield name


def answer(directory: str, name: str) -> tuple[str, str, str]:
    """Version, type and format as in the table; empty if the name is refused."""
    try:
        artifact = PythonOrgArtifact(name, parent_path=directory)
        return (
            " ".join(map(str, artifact.release_version)),
            artifact.release_type,
            json.dumps(artifact.release_format, sort_keys=True),
        )
    except Exception:  # noqa: BLE001  # it raises all kinds of exceptions
        return ("", "", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    rows = [("listed", *pair, *answer(*pair)) for pair in sorted(set(listed(arguments.listing)))]
    refused = 0
    for name in sorted(set(made_up())):
        row = ("made-up", "3.9.0", name, *answer("3.9.0", name))
        # One in twenty refusals is enough; all other answers are kept.
        refused += not row[4]
        if row[4] or refused % 20 == 0:
            rows.append(row)

    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
    )
    writer.writerows([COLUMNS, *rows])
    # mtime=0: the same answers give the same bytes.
    arguments.output.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
