"""The base URL of a site, and which redirects are followed."""

from __future__ import annotations

import traceback

import pytest

from pyorg_pipeline.errors import InvalidArgumentError, SiteError
from pyorg_pipeline.model.text import without_credentials
from pyorg_pipeline.site.urls import normalize_base_url, redirect_target


@pytest.mark.parametrize(
    ("here", "location", "there"),
    [
        ("http://host/a/", "https://host/a/", "https://host/a/"),
        ("http://host:80/a/", "https://host:443/b", "https://host:443/b"),
        ("https://host/a/", "HTTPS://HOST/b/", "https://host/b/"),
        ("https://host/a/", "https://host:443/b/", "https://host:443/b/"),
        ("http://host/a/", "http://u:p@host/b?c#d", "http://host/b?c"),
        ("http://[::1]:8000/a/", "http://[::1]:8000/b/", "http://[::1]:8000/b/"),
        ("http://host/a/", "/caf\u00c3\u00a9/", "http://host/caf%C3%A9/"),
        ("http://host/a/", "b c/", "http://host/a/b%20c/"),
        ("http://host/a/", "//host/b/", "http://host/b/"),
    ],
)
def test_redirects_on_the_same_origin_or_to_its_https_are_allowed(
    here: str, location: str, there: str
) -> None:
    assert redirect_target(here, location) == there


@pytest.mark.parametrize(
    ("here", "location"),
    [
        ("https://host/a/", "http://host/a/"),
        ("http://host:8080/a/", "https://host/a/"),
        ("http://host:8080/a/", "https://host:8443/a/"),
        ("http://host/a/", "https://host:8443/a/"),
        ("http://host/a/", "http://host:8080/a/"),
        ("http://host/a/", "https://www.host/a/"),
        ("http://host/a/", "http://host./a/"),
        ("http://127.0.0.1/a/", "http://127.1/a/"),
        *(
            ("http://host:8000/a/", location)
            for location in (
                *("ftp://host:8000/", "file:///etc/passwd", "data:text/html,x", "javascript:x"),
                *("mailto:a@b", "http://[", "http://:99999999/", "http://host:x/", "httpx://host/"),
                *("http://evil\\@host:8000/", "http://host:8000@evil.example/", "http://\xff\xfe/"),
                *("http://host:8000.evil.example/", "http://evil.example\\host:8000/"),
                *("http://evil.example#@host:8000/", "http://evil.example?@host:8000/"),
                *("https://host:8000/", "//evil.example/%0d%0aHost: host:8000"),
            )
        ),
    ],
)
def test_redirects_to_another_origin_are_not_allowed(here: str, location: str) -> None:
    with pytest.raises(SiteError) as caught:
        redirect_target(here, location)
    assert caught.value.url == here


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://host", "http://host/"),
        ("HTTPS://HOST/Path", "https://host/Path/"),
        ("  http://host:8000/a//  ", "http://host:8000/a//"),
        ("http://user:pass@host/a/", "http://host/a/"),
        ("http://host/a b/\u00e9", "http://host/a%20b/%C3%A9/"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_the_base_url_is_normalized(given: str, meant: str) -> None:
    assert without_credentials(normalize_base_url(given)) == meant


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "does not start with http"),
        ("/ftp/python/", "does not start with http"),
        ("www.python.org/ftp/python", "does not start with http"),
        ("ftp://host/", "does not start with http"),
        ("file:///ftp/python/", "does not start with http"),
        ("http:host/", "does not start with http"),
        ("http://", "cannot be parsed"),
        ("http:///path/", "cannot be parsed"),
        ("http://[::1/", "cannot be parsed"),
        ("http://host:port/", "cannot be parsed"),
        ("http://host:99999/", "cannot be parsed"),
        ("http://*.example/", "cannot be parsed"),
        (f"http://{'a' * 64}.example/", "cannot be parsed"),
        ("http://host/?C=N", "query"),
        ("http://host/#top", "query or a fragment"),
        ("http://me:secret@host:port/", "cannot be parsed"),
        ("http://me:secret@host:99999/", "cannot be parsed"),
        ("http://me:se/cret@@host/", "cannot be parsed"),
        ("ftp://me:secret@host/", "does not start with http"),
    ],
)
def test_an_invalid_base_url_is_refused_without_showing_its_password(url: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        normalize_base_url(url)
    assert "cret" not in "".join(traceback.format_exception(caught.value))
    assert "https://www.python.org/ftp/python/" in str(caught.value)
