"""Text for messages, and URLs without secrets."""

from __future__ import annotations

import pytest

from pyorg_pipeline.model.text import reason_text, shortened, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://key:secret@bucket/a@b", "s3://bucket/a@b"),
        ("https://user@host:8443/x", "https://host:8443/x"),
        ("https://host/x?a=b@c", "https://host/x?a=b@c"),
        ("/folder", "/folder"),
    ],
)
def test_a_url_is_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_a_long_list_is_shortened_with_the_number_left_out() -> None:
    assert shortened("abc") == "a, b, c"
    assert shortened("abcde") == "a, b, c and 2 more"
    assert shortened(iter("abc"), 1, "; ") == "a and 2 more"
    assert shortened([]) == ""


def test_the_reason_of_an_error_is_one_short_line() -> None:
    assert reason_text(ValueError("a\n  b")) == "a b"
    assert reason_text(EOFError()) == "EOFError"
    assert len(reason_text(ValueError("x" * 999))) == 300
