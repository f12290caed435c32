"""What may be the name of a file, whatever a listing says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.downloads.names_on_disk import LONGEST_NAME, checked_name
from pyorg_pipeline.errors import InvalidArgumentError


def test_every_name_on_record_is_one() -> None:
    names = [entry.path.rpartition("/")[2] for entry in read_record()]
    files = [name for name in names if name]
    assert len(files) > 1000
    assert [checked_name(name) for name in files] == files


@pytest.mark.parametrize(
    "name",
    [
        "Python-3.13.9.tgz",
        "a",
        "console.txt",
        "com.txt",
        "COM10",
        "nul-1.0.zip",
        "caf\u00e9",
        "a b",
    ],
)
def test_a_name_comes_back_as_it_is(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (".", "starts with a dot"),
        ("..", "starts with a dot"),
        (".bashrc", "starts with a dot"),
        (".Python-3.13.9.tgz.part", "starts with a dot"),
        ("/etc/passwd", "holds one of"),
        ("../x", "holds one of"),
        ("a/b", "holds one of"),
        ("a\\b", "holds one of"),
        ("..\\x", "holds one of"),
        ("C:", "holds one of"),
        ("C:x", "holds one of"),
        ("x.tgz:stream", "holds one of"),
        ("a*", "holds one of"),
        ('a"b', "holds one of"),
        ("a\0b", "cannot be shown"),
        ("a\nb", "cannot be shown"),
        ("a\x1b[2Jb", "cannot be shown"),
        ("a\x7fb", "cannot be shown"),
        ("gpj.\u202etgz", "cannot be shown"),
        ("a\udc80b", "cannot be shown"),
        ("CON", "device"),
        ("con", "device"),
        ("NUL", "device"),
        ("COM1", "device"),
        ("lpt9.tar.gz", "device"),
        ("aux.txt", "device"),
        ("aux .txt", "device"),
        ("COM\u00b9", "device"),
        ("CONIN$", "device"),
        ("x.", "ends in"),
        ("x ", "ends in"),
        ("x" * (LONGEST_NAME + 1), "longer"),
        ("\u00e9" * 128, "longer"),
    ],
)
def test_what_is_more_or_less_than_a_name_is_refused(name: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        checked_name(name)


@given(st.text(max_size=300))
def test_whatever_passes_is_one_step_of_a_path(name: str) -> None:
    try:
        checked_name(name)
    except InvalidArgumentError:
        return
    assert not {"/", "\\", "\0", ":"} & set(name)
    assert name not in {"", ".", ".."}
    assert len(name.encode()) <= LONGEST_NAME
