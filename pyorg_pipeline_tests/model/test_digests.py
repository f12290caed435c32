"""Digests in bundles and bills of materials, valid ones and others, and the signers."""

from __future__ import annotations

import base64
import copy
import json
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyorg_pipeline.model.digests import (
    BUNDLE_SUFFIX,
    DIGEST_SOURCES,
    SBOM_SUFFIX,
    SIGNERS,
    CompanionError,
    Signer,
    companion_digest,
)
from pyorg_pipeline_tests.support.published import (
    MEDIA_TYPES,
    bundle,
    bundle_bytes,
    sbom,
    sbom_bytes,
    sha256_of,
)
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests, real_signers

NAME = "Python-3.14.0.tgz"
#: Its base64 has both characters in which the two alphabets differ.
DIGEST = "fbefffffff" + sha256_of(b"a tarball")[10:]
Change = Callable[[dict[str, Any]], object]


def read(suffix: str, value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return companion_digest(suffix, content, "x", NAME)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_bundle_of_any_format_has_the_digest_of_its_message(media_type: str) -> None:
    assert read(BUNDLE_SUFFIX, bundle(DIGEST, media_type)) == DIGEST


def test_a_bundle_may_have_any_valid_spelling_of_protocol_buffers() -> None:
    plain = bundle(DIGEST)
    digest = base64.urlsafe_b64encode(bytes.fromhex(DIGEST)).decode().rstrip("=")
    assert "-" in digest
    assert "_" in digest
    respelled = {
        "media_type": plain["mediaType"],
        "message_signature": {"message_digest": {"algorithm": 1, "digest": digest}},
    }
    assert read(BUNDLE_SUFFIX, respelled) == DIGEST


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b.pop("mediaType"), "mediaType None"),
        (lambda b: b.update(mediaType="text/html"), "mediaType 'text/html'"),
        (lambda b: b.pop("messageSignature"), "no messageSignature"),
        (lambda b: b.update(messageSignature=[]), "no messageSignature"),
        (lambda b: b["messageSignature"].pop("messageDigest"), "no messageDigest"),
        (lambda b: b["messageSignature"]["messageDigest"].pop("algorithm"), "algorithm None"),
        (
            lambda b: b["messageSignature"]["messageDigest"].update(algorithm="SHA2_512"),
            "algorithm 'SHA2_512'",
        ),
        (
            lambda b: b["messageSignature"]["messageDigest"].update(algorithm=True),
            "algorithm True",
        ),
        (
            lambda b: b["messageSignature"]["messageDigest"].update(algorithm=[1]),
            "algorithm",
        ),
        (lambda b: b["messageSignature"]["messageDigest"].pop("digest"), "no digest"),
        (
            lambda b: b["messageSignature"]["messageDigest"].update(digest=DIGEST),
            "48 bytes, a SHA-256 has 32",
        ),
        (lambda b: b["messageSignature"]["messageDigest"].update(digest="!"), "not base64"),
        (lambda b: b["messageSignature"]["messageDigest"].update(digest="ä"), "not base64"),
        (lambda b: b["messageSignature"]["messageDigest"].update(digest=""), "0 bytes"),
    ],
)
def test_an_invalid_bundle_is_refused_with_the_reason(change: Change, words: str) -> None:
    changed = bundle(DIGEST)
    change(changed)
    with pytest.raises(CompanionError) as caught:
        read(BUNDLE_SUFFIX, changed)
    assert words in str(caught.value)
    assert caught.value.url == "x"


def test_a_bill_of_materials_has_the_digest_of_the_artifact_itself() -> None:
    assert read(SBOM_SUFFIX, sbom(DIGEST, NAME)) == DIGEST
    assert read(SBOM_SUFFIX, sbom(DIGEST.upper(), NAME)) == DIGEST


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b.pop("spdxVersion"), "spdxVersion None"),
        (lambda b: b.update(spdxVersion="SPDX-3.0"), "'SPDX-3.0' is not SPDX-2"),
        (lambda b: b.pop("packages"), "0 packages named CPython"),
        (lambda b: b["packages"].pop(1), "0 packages named CPython"),
        (lambda b: b["packages"].append(b["packages"][1]), "2 packages named CPython"),
        (lambda b: b["packages"][1].update(packageFileName="Python-3.14.0.tar.xz"), "about 'Py"),
        (lambda b: b["packages"][1].pop("packageFileName"), "it is about None"),
        (lambda b: b["packages"][1].pop("checksums"), "0 SHA256"),
        (lambda b: b["packages"][1]["checksums"][0].update(algorithm="SHA512"), "0 SHA256"),
        (
            lambda b: b["packages"][1]["checksums"].append(
                {"algorithm": "SHA256", "checksumValue": "0" * 64}
            ),
            "2 SHA256",
        ),
        (lambda b: b["packages"][1]["checksums"][0].update(checksumValue=5), "64 hexadecimal"),
        (lambda b: b["packages"][1]["checksums"][0].update(checksumValue="0" * 63), "64 hexa"),
        (lambda b: b["packages"][1]["checksums"][0].update(checksumValue="\u0660" * 64), "64 hexa"),
    ],
)
def test_an_invalid_bill_of_materials_is_refused_with_the_reason(
    change: Change, words: str
) -> None:
    changed = sbom(DIGEST, NAME)
    change(changed)
    with pytest.raises(CompanionError) as caught:
        read(SBOM_SUFFIX, changed)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"<html><title>503</title></html>", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
@pytest.mark.parametrize("suffix", list(DIGEST_SOURCES))
def test_a_companion_has_to_be_a_json_object(content: bytes, words: str, suffix: str) -> None:
    with pytest.raises(CompanionError, match=words):
        read(suffix, content)


def test_the_strongest_companion_comes_first() -> None:
    assert list(DIGEST_SOURCES.items()) == [(BUNDLE_SUFFIX, "sigstore"), (SBOM_SUFFIX, "spdx")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def reads_or_refuses(content: bytes) -> None:
    for suffix in DIGEST_SOURCES:
        try:
            digest = read(suffix, content)
        except CompanionError as error:
            assert str(error).startswith("x: ")  # noqa: PT017  # both ways out are right
        else:
            assert re.fullmatch("[0-9a-f]{64}", digest)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_content_gives_a_digest_or_our_error(content: bytes) -> None:
    reads_or_refuses(content)


@given(
    st.sampled_from([bundle(DIGEST, MEDIA_TYPES[0]), bundle(DIGEST), sbom(DIGEST, NAME)]),
    st.lists(st.integers(0, 50), max_size=6),
    JSON,
)
def test_a_replaced_part_gives_a_digest_or_our_error(
    whole: dict[str, Any], way: list[int], value: object
) -> None:
    changed = copy.deepcopy(whole)
    place: Any = changed
    for step in way:
        inner = place.values() if isinstance(place, dict) else place
        containers = [item for item in inner if isinstance(item, dict | list) and item]
        if not containers:
            break
        place = containers[step % len(containers)]
    keys = list(place) if isinstance(place, dict) else range(len(place))
    place[keys[(way or [0])[-1] % len(keys)]] = value
    reads_or_refuses(json.dumps(changed).encode())


@given(st.data())
def test_damaged_bytes_give_a_digest_or_our_error(data: st.DataObject) -> None:
    content = bytearray(
        data.draw(st.sampled_from([bundle_bytes(DIGEST), sbom_bytes(DIGEST, NAME)]))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    reads_or_refuses(bytes(content[: data.draw(st.integers(0, len(content)))]))


def test_the_real_bundles_have_the_digests_of_the_real_artifacts() -> None:
    digests = real_digests()
    bundles = real_bundles()
    assert len(bundles) == 9
    for path, content in bundles.items():
        assert companion_digest(BUNDLE_SUFFIX, content, path, "") == digests[path]


def test_real_bundles_cut_anywhere_are_refused() -> None:
    for content in real_bundles().values():
        for end in range(0, len(content.rstrip()), 97):
            with pytest.raises(CompanionError):
                read(BUNDLE_SUFFIX, content[:end])


def test_a_series_has_the_identity_and_the_issuer_of_its_signer() -> None:
    assert SIGNERS[3, 13] == Signer("thomas@python.org", "https://accounts.google.com")
    assert (3, 6) not in SIGNERS
    assert dict(SIGNERS) == real_signers()
