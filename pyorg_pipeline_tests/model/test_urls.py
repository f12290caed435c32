"""URLs as they may be shown."""

from __future__ import annotations

import pytest

from pyorg_pipeline.model.urls import origin_text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example/services/secret?key=secret#secret", "https://hooks.example"),
        ("http://user:secret@Hooks.Example:8443/secret", "http://hooks.example:8443"),
        ("http://[::1]:80/secret", "http://[::1]:80"),
        ("file:///secret", "***"),
        ("secret", "***"),
        ("http://[secret", "***"),
        ("http://host:secret/", "***"),
    ],
)
def test_only_scheme_and_host_are_shown(url: str, shown: str) -> None:
    assert origin_text(url) == shown
