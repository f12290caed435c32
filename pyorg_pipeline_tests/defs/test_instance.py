"""Dagster's home."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from pyorg_pipeline.defs.instance import DAGSTER_YAML, ensure_home, open_instance
from pyorg_pipeline.errors import DagsterConfigError, DagsterHomeError
from pyorg_pipeline_tests.support.processes import started

#: Opens the home in each line of its input, and prints the error.
OPEN = """
import sys
from pathlib import Path
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.errors import PyorgError
print("ready", flush=True)
for line in sys.stdin:
    try:
        with open_instance(Path(line.strip())) as instance:
            instance.get_run_ids()
    except PyorgError as error:
        print(error, flush=True)
    else:
        print("opened", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_home_that_cannot_be_written_whole_gets_no_half_configuration(tmp_path: Path) -> None:
    home = tmp_path / "new"
    program = (
        "import resource, sys; from pathlib import Path;"
        "from pyorg_pipeline.defs.instance import ensure_home;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40)); ensure_home(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)], capture_output=True, text=True, check=False
    )
    assert f"DagsterHomeError: Dagster's home {home} cannot be used: File too large" in done.stderr
    assert list(home.iterdir()) == []
    assert (ensure_home(home) / "dagster.yaml").read_text() == DAGSTER_YAML


def test_a_configuration_that_exists_is_never_changed(tmp_path: Path) -> None:
    config = tmp_path / "dagster" / "dagster.yaml"
    config.write_text("telemetry:\n  enabled: false\n")
    with open_instance(tmp_path / "dagster") as instance:
        assert not instance.telemetry_enabled
    assert config.read_text() == "telemetry:\n  enabled: false\n"


def test_processes_that_open_new_homes_at_once_all_succeed(tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                started(
                    [sys.executable, "-c", OPEN],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]

        def answers() -> list[str]:
            return [process.stdout.readline() for process in processes if process.stdout]

        assert answers() == ["ready\n"] * 2
        for number in range(5):
            for process in processes:
                print(tmp_path / str(number), file=process.stdin, flush=True)
            assert answers() == ["opened\n"] * 2


@pytest.fixture
def in_namespace() -> list[str]:
    """The command that lets a program mount file systems that nobody else sees."""
    command = ["unshare", "--map-root-user", "--mount"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False).returncode
    ):
        pytest.skip("no mounts for this user")
    return command


def test_a_full_or_read_only_disk_is_one_line_with_what_to_do(
    tmp_path: Path, in_namespace: list[str]
) -> None:
    names = ("new-on-a-full-disk", "on-a-full-disk", "read-only")
    for name in names:
        (tmp_path / name).mkdir()
    with open_instance(tmp_path / "read-only"):
        pass
    mounts = """
mount -t tmpfs -o size=300k tmpfs new-on-a-full-disk
mount -t tmpfs -o size=8m tmpfs on-a-full-disk
cp read-only/* on-a-full-disk -r
cat /dev/zero > on-a-full-disk/rest 2> expected
mount --bind read-only read-only && mount -o remount,bind,ro read-only
exec "$@"
"""
    done = subprocess.run(
        [*in_namespace, "sh", "-c", mounts, "sh", sys.executable, "-c", OPEN],
        cwd=tmp_path,
        input="".join(f"{tmp_path / name}\n" for name in names),
        capture_output=True,
        text=True,
        check=True,
    )
    reasons = ("database or disk is full", "disk I/O error", os.strerror(errno.EROFS))
    expected = [
        f"Dagster's home {tmp_path / name} cannot be used: {reason}; check that the folder "
        "belongs to the user who runs this and that its disk has space, or set DAGSTER_HOME to "
        "another folder. Queries work meanwhile"
        for name, reason in zip(names, reasons, strict=True)
    ]
    assert (done.stdout.splitlines(), done.stderr) == (["ready", *expected], "")


def damage_runs(home: Path) -> None:
    (home / "history" / "runs.db").write_text("no database")


def damage_index(home: Path) -> None:
    with (home / "history" / "runs" / "index.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40960)


def replace_by_a_foreign_database(home: Path) -> None:
    execute(home, "DROP TABLE runs", "CREATE TABLE runs (id INTEGER)")


def stamp_twice(home: Path) -> None:
    """As two processes did that created the schema at once."""
    execute(home, "INSERT INTO alembic_version VALUES ('5771160a95ad')")


def execute(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "history" / "runs.db")) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_runs, "file is not a database"),
        (damage_index, "database disk image is malformed"),
        (replace_by_a_foreign_database, "no such column: runs.run_body"),
        (stamp_twice, "Version table 'alembic_version' has more than one head present"),
    ],
)
def test_a_damaged_or_foreign_database_says_how_to_get_a_new_one(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    home = tmp_path / "dagster"
    damage(home)
    with pytest.raises(DagsterHomeError) as raised, open_instance(home) as instance:
        _ = (instance.get_runs(), instance.all_asset_keys())
    text = str(raised.value)
    assert text.startswith(f"Dagster's home {home} cannot be used: {reason}")
    assert "; move the folder away and run the command again. " in text
    assert "\n" not in text
    home.rename(home.with_name("damaged"))
    with open_instance(home) as instance:
        assert instance.get_run_ids() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("telemetri: {}", 'Received unexpected config entry "telemetri" at the root'),
        ("nux: [", "while parsing a flow node expected the node content"),
        ("- nux", "to parse to dictionary, instead got: \"['nux']\""),
        ("storage: {sqlite: {base_dir: {env: NOT_SET}}}", 'variable "NOT_SET" which is not set'),
        ("storage: {postgres: {postgres_url: x}}", "Couldn't import module dagster_postgres"),
    ],
)
def test_an_invalid_configuration_is_named_in_one_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    config = tmp_path / "dagster.yaml"
    config.write_text(text)
    with pytest.raises(DagsterConfigError) as raised, open_instance(tmp_path):
        pass
    shown = str(raised.value)
    assert shown.startswith(f"{config} cannot be used: ")
    assert shown.endswith("; correct it, or remove it to get the default one")
    assert reason in shown
    assert "\n" not in shown
    assert len(shown) < 600
    assert "Stack Trace" not in shown


def test_ctrl_c_while_a_connection_is_closed_prints_nothing(tmp_path: Path, caplog: Any) -> None:
    class Interrupted(sqlite3.Connection):
        def close(self) -> None:
            super().close()
            raise KeyboardInterrupt

    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(":memory:", factory=Interrupted),
        poolclass=NullPool,
    )
    with open_instance(tmp_path), pytest.raises(KeyboardInterrupt):
        engine.connect().close()
    assert caplog.records == []
