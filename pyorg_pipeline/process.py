"""What both programs do around a command: exit codes, Ctrl-C, closed pipes, errors in one line."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from socket import socket, socketpair
from typing import Any, Final

#: The exit codes of wrong usage, and those that a shell reports after SIGINT, SIGPIPE and SIGTERM.
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
TERMINATED: Final = 143


#: Receives the number of each signal while a program runs, whatever its handler does.
_signals: list[socket] = []
#: The numbers that were received since the program began.
_received: set[int] = set()


def run_program(command: Callable[[], int], translate: Callable[[str], str] = str) -> int:
    """Run a command and return its exit code.

    0: done. 1: an error, explained by the message. 2: wrong usage, an invalid setting or a missing
    extra. 130: interrupted by Ctrl-C. 143: ended by SIGTERM. Other exceptions are bugs and keep
    their traceback.

    Args:
        command: It prints its result and returns an exit code.
        translate: Puts the message of an error into the words of the program.
    """
    # Dagster creates hundreds of thousands of objects that are never freed. To search them for
    # garbage again and again, and once more at the end, takes a fifth of a refresh's time.
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
    _open_outputs()
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # As on stderr: a character that the terminal cannot show is escaped, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _keep_interrupts():
            return _run(command, translate)
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stdout.flush()
        return TERMINATED if signal.SIGTERM in _received else INTERRUPTED
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ENOSPC, errno.EBADF}:
            raise
        # The interpreter flushes again when it ends, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return PIPE_CLOSED
        print_error(f"the output could not be written: {error.strerror}")
        return 1


def _open_outputs() -> None:
    """Let a closed stdout (`>&-`) fail like a full one, and no stderr fail."""
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        return
    # With PYTHONUNBUFFERED, the buffer is the file itself.
    buffer = getattr(sys.stderr, "buffer", None)
    if type(sys.stderr) is TextIOWrapper and isinstance(getattr(buffer, "raw", buffer), FileIO):
        file = BufferedWriter(_Lossy(sys.stderr.fileno(), "wb", closefd=False))
        encoding, errors = sys.stderr.encoding, sys.stderr.errors
        sys.stderr = TextIOWrapper(file, encoding, errors, line_buffering=True)


class _Lossy(FileIO):
    """A file that drops what it cannot write: messages do not change an exit code."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _run(command: Callable[[], int], translate: Callable[[str], str]) -> int:
    # Here and not above: Ctrl-C during the imports is no traceback either.
    from pyorg_pipeline.errors import (  # noqa: PLC0415
        ExtraMissingError,
        InvalidArgumentError,
        PyorgError,
        SettingsError,
    )

    try:
        code = command()
        # Here and not when the interpreter ends, so that a closed pipe or a full disk is handled.
        sys.stdout.flush()
    except Exception as error:
        # Ctrl-C may end a request or a write with an error of its own.
        raise_if_interrupted()
        if not isinstance(error, PyorgError):
            raise
        print_error(translate(str(error)))
        is_usage = isinstance(error, SettingsError | ExtraMissingError | InvalidArgumentError)
        return WRONG_USAGE if is_usage else 1
    return code


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed since the program began, or SIGTERM came.

    Dagster ignores both between the last step of a run and its end.
    """
    _receive_signals()
    if _signals and {signal.SIGINT, signal.SIGTERM} & _received:
        raise KeyboardInterrupt


def _receive_signals() -> None:
    for receiver in _signals:
        with suppress(BlockingIOError):
            _received.update(receiver.recv(4096))


@contextmanager
def _keep_interrupts() -> Iterator[None]:
    """Let no Ctrl-C be lost, for a program that this process runs in its main thread.

    SIGTERM interrupts it like Ctrl-C, as it does in Dagster's runs.
    """
    receiver, sender = socketpair()
    with receiver, sender:
        receiver.setblocking(False)
        sender.setblocking(False)
        descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        hook = sys.unraisablehook
        _received.clear()
        terminate = signal.signal(signal.SIGTERM, signal.default_int_handler)

        def raise_again(ignored: Any) -> None:
            # Python ignores what is raised in a callback of the garbage collector.
            if issubclass(ignored.exc_type, Exception):
                hook(ignored)
            elif hasattr(signal, "setitimer"):  # not on Windows
                # Later, as it would be ignored here as well.
                signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
                signal.setitimer(signal.ITIMER_REAL, 0.01)

        sys.unraisablehook = raise_again
        _signals.append(receiver)
        try:
            yield
        finally:
            _receive_signals()
            signal.signal(signal.SIGTERM, terminate)
            _signals.remove(receiver)
            sys.unraisablehook = hook
            signal.set_wakeup_fd(descriptor)


def end_process(code: int) -> int:
    """Return the exit code, for `sys.exit`; after Ctrl-C or SIGTERM, end the process at once.

    The interpreter would wait for threads that wait for the site.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code == TERMINATED:
        # Not a failure to systemd, unlike the exit code that a shell reports.
        signal.raise_signal(signal.SIGTERM)
    if code == INTERRUPTED:
        os._exit(code)
    return code


def print_error(message: str) -> None:
    """Print a message as one line on stderr."""
    from pyorg_pipeline.reports.lines import printable  # noqa: PLC0415

    print(f"pyorg: {printable(' '.join(message.split()))}", file=sys.stderr)  # noqa: T201
