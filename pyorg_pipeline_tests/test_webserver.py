"""`pyorg ui`: Dagster's web server as a child process, until it is stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline import webserver
from pyorg_pipeline.defs.instance import ensure_home
from pyorg_pipeline.errors import (
    DagsterConfigError,
    DagsterHomeError,
    InvalidArgumentError,
    SettingsError,
)
from pyorg_pipeline.process import INTERRUPTED
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.command_line import PYORG, environment, pyorg
from pyorg_pipeline_tests.support.dagster_ui import answers, free_port, wait_until
from pyorg_pipeline_tests.support.processes import started

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"PYORG_HOME": str(tmp_path), "PYORG_SITE_URL": "http://127.0.0.1:9/x/"})


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Lets some code run in Dagster's stead, with what Dagster would get."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def instead_of_dagster(code: str) -> None:
        def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
            process = real([sys.executable, "-c", code, *command], **options)
            started.append(process)
            return process

        monkeypatch.setattr(subprocess, "Popen", start)

    yield instead_of_dagster
    for process in started:
        process.kill()
        process.wait()


def test_dagster_receives_the_site_the_catalog_and_a_home(
    settings: Settings,
    child: Callable[[str], None],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYORG_WEBHOOK_URL", "http://127.0.0.1:9/of-someone-else")
    child(
        "import os, sys\n"
        "print(*sys.argv[-6:])\n"
        "for name in sorted(os.environ):\n"
        "    if name.startswith(('PYORG_', 'DAGSTER_')):\n"
        "        print(name, os.environ[name])\n"
    )
    port = free_port()
    assert webserver.serve_ui(settings, port) == 0
    arguments, *printed = capfd.readouterr().err.splitlines()
    assert arguments == f"-h 127.0.0.1 -p {port} --log-level warning"
    given = dict(line.split(" ", 1) for line in printed)
    assert given["PYORG_WEBHOOK_URL"] == ""
    assert given["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert given["PYORG_CATALOG_URL"] == str(tmp_path / "catalog")
    assert given["PYORG_HOME"] == str(tmp_path)
    assert given["PYORG_SITE_URL"] == "http://127.0.0.1:9/x/"
    assert (tmp_path / "dagster" / "dagster.yaml").is_file()


def test_the_url_is_printed_when_it_answers_and_a_host_without_password_is_a_warning(
    settings: Settings,
    child: Callable[[str], None],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    child(
        "import sys\n"
        "from http.server import BaseHTTPRequestHandler, HTTPServer\n"
        "class Handler(BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        print(self.path, status, flush=True)\n"
        "        self.send_response(status)\n"
        "        self.end_headers()\n"
        "    log_message = print\n"
        "with HTTPServer((sys.argv[-5], int(sys.argv[-3])), Handler) as server:\n"
        "    for status in (503, 503, 200):\n"
        "        server.handle_request()\n"
    )
    port = free_port()
    assert webserver.serve_ui(settings, port, "0.0.0.0") == 0
    printed = capfd.readouterr()
    assert printed.out == f"Dagster's UI: http://127.0.0.1:{port} (Ctrl-C stops it)\n"
    asked = [line for line in printed.err.splitlines() if line.startswith("/server_info")]
    assert asked == [f"/server_info {status}" for status in (503, 503, 200)]
    assert [record.getMessage() for record in caplog.records] == [
        f"0.0.0.0:{port} has no password: everyone who can reach it can launch runs"
    ]


def test_a_failed_run_is_printed_without_its_stack_trace(
    settings: Settings, child: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    failed = (
        "\x1b[32m2026-11-24 15:36:13 +0000\x1b[0m - dagster - ERROR - read_root - 8c75 - 1 - "
        "RUN_FAILURE - Execution of run failed.\n"
    )
    cause = "pyorg_pipeline.errors.SiteUnreachableError: http://127.0.0.1:9/: no connection\n"
    other = "2026-11-24 15:36:14 +0000 - dagster - WARNING - a message\n  of two lines\n"
    trace = 'SomeError: failed\n\nStack Trace:\n  File "execute_plan.py", line 243\n'
    child(f"print({failed + trace + cause + trace + other!r}, end='')")
    webserver.serve_ui(settings, free_port())
    plain = failed.replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert capfd.readouterr().err == plain + cause + other


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        # As shells report a signal.
        pytest.param("import os; os.kill(os.getpid(), 9)", 128 + 9, marks=POSIX),
    ],
)
def test_the_exit_code_is_dagster_s(
    settings: Settings, child: Callable[[str], None], code: str, expected: int
) -> None:
    child(code)
    assert webserver.serve_ui(settings, free_port()) == expected


@POSIX
@pytest.mark.parametrize(
    ("name", "expected"), [("SIGINT", INTERRUPTED), ("SIGTERM", 0), ("SIGHUP", 0)]
)
def test_a_signal_stops_the_child_and_its_own_children_silently(
    settings: Settings,
    child: Callable[[str], None],
    name: str,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The child tells us that it is ready with the very signal that it then gets back.

    Its exit code and its last words are those of Dagster while it starts.
    """
    monkeypatch.setattr(webserver, "_STOP", 0.2)
    number, note = getattr(signal, name), tmp_path / "note"
    before = signal.getsignal(number)
    child(
        "import os, pathlib, signal, subprocess, sys\n"
        f"number, note = signal.{name}, pathlib.Path({str(note)!r})\n"
        "def stop(*_):\n"
        "    sys.exit('Aborted!')\n"
        "signal.signal(number, stop)\n"
        "assert os.getpgid(0) == os.getpid(), 'Ctrl-C of the terminal would come twice'\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "note.write_text(str(left.pid))\n"
        "os.kill(os.getppid(), number)\n"
        "signal.pause()\n"
    )
    assert webserver.serve_ui(settings, free_port()) == expected
    assert capfd.readouterr() == ("", "")
    assert signal.getsignal(number) is before
    left = Path("/proc") / note.read_text()
    wait_until(lambda: not left.exists(), "the child's child has ended")


def test_a_port_that_is_invalid_or_in_use_is_refused(settings: Settings) -> None:
    for port in (-1, 0, 65536):
        with pytest.raises(InvalidArgumentError, match=f"invalid port {port}"):
            webserver.serve_ui(settings, port)
    with socket.create_server((webserver.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidArgumentError, match=f"port {port} .* with --port"):
            webserver.serve_ui(settings, port)
    done = pyorg(settings.home, "ui", "--port", str(free_port()), "--host", "nobody.invalid")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"of nobody\.invalid is not available \(.*\): .* another --host", done.stderr)


@pytest.mark.parametrize("name", ["PYORG_REFRESH_CRON", "PYORG_FULL_REFRESH_CRON"])
def test_an_invalid_cron_expression_is_refused_before_anything_is_served(
    name: str, tmp_path: Path, child: Callable[[str], None]
) -> None:
    settings = load_settings({"PYORG_HOME": str(tmp_path), name: "61 * * * *"})
    child("raise AssertionError('nothing must start')")
    with pytest.raises(SettingsError, match=rf"{name}='61 \* \* \* \*' cannot be used"):
        webserver.serve_ui(settings, free_port())


def test_a_launcher_that_cannot_be_loaded_is_refused_before_anything_is_served(
    settings: Settings, child: Callable[[str], None]
) -> None:
    config = ensure_home(settings.dagster_home) / "dagster.yaml"
    config.write_text("run_launcher: {module: no_such_module, class: Launcher}\n")
    child("raise AssertionError('nothing must start')")
    with pytest.raises(DagsterConfigError, match=f"{config} .* module no_such_module"):
        webserver.serve_ui(settings, free_port())


def test_a_home_in_which_nothing_can_be_locked_is_one_line(settings: Settings) -> None:
    (ensure_home(settings.dagster_home) / ".ui.lock").mkdir()
    with pytest.raises(DagsterHomeError, match=f"home {settings.dagster_home} cannot be used: "):
        webserver.serve_ui(settings, free_port())


@POSIX
def test_pyorg_ui_serves_until_it_is_terminated_even_as_a_background_job(tmp_path: Path) -> None:
    """A shell's background job ignores SIGINT, which Dagster would take over for SIGTERM."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with started(
        [*PYORG, "ui", "--port", str(port)],
        env=environment(tmp_path, PYORG_SITE_URL="http://127.0.0.1:9/"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Dagster's UI: {url} (Ctrl-C stops it)\n"
        second = pyorg(tmp_path, "ui", "--port", str(free_port()))
        assert (second.returncode, second.stdout) == (2, "")
        assert "another `pyorg ui` is open on it" in second.stderr
        assert answers(url)
        process.terminate()
        rest = process.stdout.read()
    assert (process.returncode, rest) == (0, "")
