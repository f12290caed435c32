"""Digests in bundles and bills of materials, valid ones and others, and the signers."""

from __future__ import annotations

import base64
import copy
import json
import re
import string
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
from pyorg_pipeline_tests.support.published import MEDIA_TYPES, bundle, sbom, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests, real_signers

NAME = "Python-3.14.0.tgz"
#: Its base64 has both characters in which the two alphabets differ.
DIGEST = "fbefffffff" + sha256_of(b"a tarball")[10:]


def read(suffix: str, value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = companion_digest(suffix, content, NAME)
    assert found is not None
    return found


def test_a_bundle_of_any_format_and_spelling_has_the_digest_of_its_message() -> None:
    for media_type in MEDIA_TYPES:
        assert read(BUNDLE_SUFFIX, bundle(DIGEST, media_type)) == DIGEST
    # As Protocol Buffers may spell it.
    plain = bundle(DIGEST)
    digest = base64.urlsafe_b64encode(bytes.fromhex(DIGEST)).decode().rstrip("=")
    assert "-" in digest
    assert "_" in digest
    respelled = {
        "media_type": plain["mediaType"],
        "message_signature": {"message_digest": {"algorithm": 1, "digest": digest}},
    }
    assert read(BUNDLE_SUFFIX, respelled) == DIGEST


CPYTHON = sbom(DIGEST, NAME)["packages"][1]
SHA256 = {"algorithm": "SHA256", "checksumValue": "0" * 64}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("mediaType", None, "no valid mediaType"),
        ("mediaType", "text/html", "mediaType 'text/html'"),
        ("messageSignature", None, "no valid messageSignature"),
        ("messageSignature", [], "no valid messageSignature"),
        ("messageSignature.messageDigest", None, "no valid messageDigest"),
        ("messageSignature.messageDigest.algorithm", None, "algorithm None"),
        ("messageSignature.messageDigest.algorithm", "SHA2_512", "algorithm 'SHA2_512'"),
        ("messageSignature.messageDigest.algorithm", True, "algorithm True"),
        ("messageSignature.messageDigest.algorithm", [1], "algorithm [1]"),
        ("messageSignature.messageDigest.digest", None, "no valid digest"),
        ("messageSignature.messageDigest.digest", DIGEST, "48 bytes, a SHA-256 has 32"),
        ("messageSignature.messageDigest.digest", "!", "not base64"),
        ("messageSignature.messageDigest.digest", "ä", "not base64"),
        ("messageSignature.messageDigest.digest", "", "0 bytes"),
        ("spdxVersion", None, "no valid spdxVersion"),
        ("spdxVersion", "SPDX-3.0", "'SPDX-3.0' is not SPDX-2"),
        ("packages", None, "no valid packages"),
        ("packages", [CPYTHON, CPYTHON], "2 packages named CPython"),
        ("packages.1.name", "pip", "0 packages named CPython"),
        ("packages.1.packageFileName", "Python-3.14.0.tar.xz", "about 'Python-3.14.0.tar.xz'"),
        ("packages.1.packageFileName", None, "it is about None"),
        ("packages.1.checksums", None, "no valid checksums"),
        ("packages.1.checksums", [*CPYTHON["checksums"], SHA256], "2 SHA256"),
        ("packages.1.checksums.0.algorithm", "SHA512", "0 SHA256"),
        ("packages.1.checksums.0.checksumValue", 5, "64 hexadecimal"),
        ("packages.1.checksums.0.checksumValue", "0" * 63, "64 hexadecimal"),
        ("packages.1.checksums.0.checksumValue", "\u0660" * 64, "64 hexadecimal"),
    ],
)
def test_an_invalid_companion_is_refused_with_the_reason(
    path: str, value: object, words: str
) -> None:
    is_sbom = path.startswith(("spdx", "packages"))
    document = sbom(DIGEST, NAME) if is_sbom else bundle(DIGEST)
    place: Any = document
    *steps, field = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[field] = value
    with pytest.raises(CompanionError) as caught:
        read(SBOM_SUFFIX if is_sbom else BUNDLE_SUFFIX, document)
    assert words in str(caught.value)
    assert caught.value.url == f"{NAME}{SBOM_SUFFIX if is_sbom else BUNDLE_SUFFIX}"


def test_a_bill_of_materials_has_the_digest_of_the_artifact_itself() -> None:
    for text in (DIGEST, DIGEST.upper()):
        assert read(SBOM_SUFFIX, sbom(text, NAME)) == DIGEST


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
            assert str(error).startswith(f"{NAME}{suffix}: ")  # noqa: PT017  # both ways out are right
        else:
            assert re.fullmatch("[0-9a-f]{64}", digest)


@given(
    st.sampled_from([bundle(DIGEST, MEDIA_TYPES[0]), bundle(DIGEST), sbom(DIGEST, NAME)]),
    st.lists(st.integers(0, 50), max_size=6),
    JSON,
)
def test_a_replaced_part_gives_a_digest_or_our_error(
    whole: dict[str, Any], way: list[int], value: object
) -> None:
    place: Any = (changed := copy.deepcopy(whole))
    for step in way:
        inner = place.values() if isinstance(place, dict) else place
        containers = [item for item in inner if isinstance(item, dict | list) and item]
        if not containers:
            break
        place = containers[step % len(containers)]
    keys = list(place) if isinstance(place, dict) else range(len(place))
    place[keys[(way or [0])[-1] % len(keys)]] = value
    reads_or_refuses(json.dumps(changed).encode())


def test_the_real_bundles_have_the_digests_of_the_real_artifacts_and_cut_ones_none() -> None:
    digests, bundles = real_digests(), real_bundles()
    assert len(bundles) == 9
    for path, content in bundles.items():
        assert companion_digest(BUNDLE_SUFFIX, content, path) == digests[path]
        for end in range(0, len(content.rstrip()), 97):
            with pytest.raises(CompanionError):
                read(BUNDLE_SUFFIX, content[:end])


def test_a_series_has_the_identity_and_the_issuer_of_its_signer() -> None:
    assert SIGNERS[3, 13] == Signer("thomas@python.org", "https://accounts.google.com")
    assert (3, 6) not in SIGNERS
    assert dict(SIGNERS) == real_signers()
