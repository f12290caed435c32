"""When an answer continues the version that is there, and when it is of another."""

from __future__ import annotations

import pytest

from pyorg_pipeline.downloads.served_file import ServedFile, served_file

MONDAY = "Mon, 13 Oct 2025 10:00:00 GMT"
A_MINUTE_LATER = "Mon, 13 Oct 2025 10:01:00 GMT"
A_SECOND_LATER = "Mon, 13 Oct 2025 10:00:01 GMT"


@pytest.mark.parametrize(
    ("headers", "condition"),
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
def test_only_what_is_strong_can_be_a_condition(headers: dict[str, str], condition: str) -> None:
    assert served_file("http://a/b", 100, headers).condition == condition


BY_TAG = ServedFile("http://a/b", 100, '"a"', MONDAY, "", '"a"')
BY_DATE = ServedFile("http://a/b", 100, "", MONDAY, "", MONDAY)
OF_UNKNOWN_SIZE = ServedFile("http://a/b", None, '"a"', "", "", '"a"')
REST = {"Content-Range": "bytes 40-99/100", "ETag": '"a"', "Last-Modified": MONDAY}


@pytest.mark.parametrize(
    ("served", "headers"),
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
    served: ServedFile, headers: dict[str, str]
) -> None:
    assert served.size_if_continued(headers, 40) == 100


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
        {"Last-Modified": A_SECOND_LATER},
        {"Content-Encoding": "gzip"},
    ],
)
def test_anything_else_is_of_another_version(changed: dict[str, str]) -> None:
    assert BY_TAG.size_if_continued(REST | changed, 40) is None


@pytest.mark.parametrize("changed", [{"Last-Modified": A_SECOND_LATER}, {"Last-Modified": ""}])
def test_without_a_tag_the_date_has_to_be_there_and_the_same(changed: dict[str, str]) -> None:
    headers = {"Content-Range": "bytes 40-99/100", "Last-Modified": MONDAY} | changed
    assert BY_DATE.size_if_continued(headers, 40) is None
