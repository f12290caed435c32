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
REST = "bytes 40-99/100"
OF_UNKNOWN_SIZE = FileVersion("http://a/b", None, '"a"')


@pytest.mark.parametrize(
    ("version", "headers", "size"),
    [
        (BY_TAG, {"Content-Range": REST}, 100),
        (BY_TAG, {"Content-Range": " Bytes 40-99/100 "}, 100),
        (OF_UNKNOWN_SIZE, {"Content-Range": REST}, 100),
        (BY_DATE, {"Content-Range": REST, "Last-Modified": MONDAY}, 100),
        *(
            (BY_TAG, {"Content-Range": text}, None)
            for text in (
                *("", "bytes 0-99/100", "bytes 39-99/100", "bytes 41-99/100", "bytes 40-98/100"),
                *("bytes 40-100/100", "bytes 40-100/101", "bytes 40-99/*", "bytes */100"),
                *("bytes 40-99/100, 40-99/100", "bytes \u0664\u0660-99/100", "items 40-99/100"),
            )
        ),
        (BY_TAG, {"Content-Range": REST, "ETag": '"b"'}, None),
        (BY_TAG, {"Content-Range": REST, "ETag": 'W/"a"'}, None),
        (BY_TAG, {"Content-Range": REST, "ETag": ""}, None),
        (BY_DATE, {"Content-Range": REST, "Last-Modified": A_SECOND_LATER}, None),
        (BY_DATE, {"Content-Range": REST}, None),
    ],
)
def test_only_the_rest_of_the_same_version_continues_it(
    version: FileVersion, headers: dict[str, str], size: int | None
) -> None:
    assert version.size_if_continued({"ETag": '"a"'} | headers, 40) == size
