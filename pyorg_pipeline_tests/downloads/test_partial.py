"""When a response continues the version of a partial file, and when it is of another one."""

from __future__ import annotations

import pytest

from pyorg_pipeline.downloads.partial import FileVersion

MONDAY = "Mon, 13 Oct 2025 10:00:00 GMT"
A_MINUTE_LATER = "Mon, 13 Oct 2025 10:01:00 GMT"
A_SECOND_LATER = "Mon, 13 Oct 2025 10:00:01 GMT"


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"a"', "Last-Modified": MONDAY}, '"a"'),
        ({"ETag": '"a"'}, '"a"'),
        ({"Last-Modified": MONDAY, "Date": A_MINUTE_LATER}, MONDAY),
        # It may have changed again within its second (RFC 9110, 8.8.2.2).
        ({"Last-Modified": MONDAY, "Date": A_SECOND_LATER}, ""),
        ({"Last-Modified": MONDAY}, ""),
        ({"Last-Modified": "yesterday", "Date": A_MINUTE_LATER}, ""),
        ({"Last-Modified": MONDAY, "Date": "Mon, 13 Oct 2025 10:01:00"}, ""),
        ({"ETag": 'W/"a"', "Last-Modified": MONDAY, "Date": A_MINUTE_LATER}, ""),
        ({"ETag": "a", "Last-Modified": MONDAY, "Date": A_MINUTE_LATER}, ""),
        ({"ETag": '"', "Date": A_MINUTE_LATER}, ""),
        ({}, ""),
    ],
)
def test_only_strong_validators_are_used_for_if_range(
    headers: dict[str, str], validator: str
) -> None:
    assert FileVersion.of("http://a/b", 100, headers).validator == validator


BY_TAG = FileVersion("http://a/b", 100, '"a"')
BY_DATE = FileVersion("http://a/b", 100, MONDAY)
OF_UNKNOWN_SIZE = FileVersion("http://a/b", None, '"a"')
REST = {"Content-Range": "bytes 40-99/100", "ETag": '"a"', "Last-Modified": MONDAY}


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        (BY_TAG, REST),
        (BY_TAG, REST | {"Content-Length": "60"}),
        (BY_TAG, REST | {"Content-Range": " Bytes 40-99/100 "}),
        (BY_TAG, {"Content-Range": "bytes 40-99/100", "ETag": '"a"'}),
        (BY_DATE, {"Content-Range": "bytes 40-99/100", "Last-Modified": MONDAY}),
        (OF_UNKNOWN_SIZE, {"Content-Range": "bytes 40-99/100", "ETag": '"a"'}),
    ],
)
def test_the_rest_of_the_same_version_continues_it(
    version: FileVersion, headers: dict[str, str]
) -> None:
    assert version.size_if_continued(headers, 40) == 100


@pytest.mark.parametrize(
    "changed",
    [
        {"Content-Range": ""},
        {"Content-Range": "bytes 0-99/100"},
        {"Content-Range": "bytes 39-99/100"},
        {"Content-Range": "bytes 41-99/100"},
        {"Content-Range": "bytes 40-98/100"},
        {"Content-Range": "bytes 40-100/100"},
        {"Content-Range": "bytes 40-100/101"},
        {"Content-Range": "bytes 40-99/*"},
        {"Content-Range": "bytes */100"},
        {"Content-Range": "bytes 40-99/100, 40-99/100"},
        {"Content-Range": "bytes \u0664\u0660-99/100"},
        {"Content-Range": "items 40-99/100"},
        {"Content-Length": "61"},
        {"ETag": '"b"'},
        {"ETag": 'W/"a"'},
        {"ETag": ""},
    ],
)
def test_a_response_that_differs_in_anything_is_of_another_version(changed: dict[str, str]) -> None:
    assert BY_TAG.size_if_continued(REST | changed, 40) is None


@pytest.mark.parametrize("changed", [{"Last-Modified": A_SECOND_LATER}, {"Last-Modified": ""}])
def test_without_an_etag_the_date_must_be_the_same(changed: dict[str, str]) -> None:
    headers = {"Content-Range": "bytes 40-99/100", "Last-Modified": MONDAY} | changed
    assert BY_DATE.size_if_continued(headers, 40) is None
