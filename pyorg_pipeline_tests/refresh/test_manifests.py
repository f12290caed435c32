"""Digests of the install manager's zips, read out of their release's manifest."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from pyorg_pipeline.catalog.store import CATALOG_FILE, digests_file
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.model.digests import can_verify
from pyorg_pipeline.refresh.digests import directories_with_due_digests, record_digests
from pyorg_pipeline.refresh.directories import CrawlState
from pyorg_pipeline_tests.support.filling import Catalog, publish_catalog
from pyorg_pipeline_tests.support.published import sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, LONG_AGO

MANIFEST = "3.14.0/windows-3.14.0.json"
ZIP, THREADED = "3.14.0/python-3.14.0-amd64.zip", "3.14.0/python-3.14.0t-arm64.zip"
EMBED, EARLIER = "3.14.0/python-3.14.0-embed-amd64.zip", "3.14.0/python-3.14.0rc1-amd64.zip"


@pytest.fixture
def catalog(site: Replica, empty: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog of a site with a manifest that the replica makes; signatures are not verified."""
    verify_signatures(monkeypatch, False)
    for path, size in ((ZIP, 9000), (THREADED, 9001), (EMBED, 9002), (EARLIER, 9003)):
        site.add(path, size=size, last_modified=LONG_AGO)
    site.add(MANIFEST, size=3000, last_modified=LONG_AGO)
    read_site(empty, site)
    return empty


def verify_signatures(monkeypatch: pytest.MonkeyPatch, verify: bool) -> None:
    monkeypatch.setattr("pyorg_pipeline.refresh.digests.can_verify", lambda: verify)


def read_site(catalog: Catalog, site: Replica) -> None:
    catalog.update()
    assert not [done for done in catalog.crawl(*DIRECTORIES).values() if done.error]
    site.clear_requests()


def due(catalog: Catalog) -> list[str]:
    return directories_with_due_digests(catalog.store, CrawlState.read(catalog.store))


def record(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Record the digests of 3.14.0; returns its rows, by path."""
    [done] = record_digests(catalog.store, catalog.client, ["3.14.0"])
    assert done.error is None
    return {row["path"]: row for row in catalog.store.rows(digests_file("3.14.0"))}


def requested(site: Replica) -> list[str]:
    return sorted(request.path for request in site.requests)


def manifest(*paths: str, sha256: str = "0" * 64) -> bytes:
    url = "https://www.python.org/ftp/python/"
    entries = [{"schema": 1, "url": url + path, "hash": {"sha256": sha256}} for path in paths]
    return json.dumps({"versions": entries}).encode()


def test_one_manifest_has_the_digests_of_the_zips_of_its_release(
    site: Replica, catalog: Catalog
) -> None:
    rows = record(catalog)
    assert requested(site) == [MANIFEST]
    assert rows.keys() == {ZIP, THREADED}
    for path, row in rows.items():
        content = catalog.client.get(path).content
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert (row["companion"], row["digest_source"]) == ("windows-3.14.0.json", "manifest")
        assert (row["state"], row["signed_by"], row["companion_size"]) == ("ok", None, 3000)
    assert due(catalog) == []
    publish_catalog(catalog.store)
    sources = {row["path"]: row["digest_source"] for row in catalog.store.rows(CATALOG_FILE)}
    assert {path for path, source in sources.items() if source == "manifest"} == {ZIP, THREADED}
    site.replace(MANIFEST, last_modified=LONG_AGO + timedelta(days=1))
    read_site(catalog, site)
    assert due(catalog) == ["3.14.0"]
    record(catalog)
    assert (requested(site), due(catalog)) == ([MANIFEST], [])


def test_the_digest_of_a_replaced_zip_is_unconfirmed_until_a_person_confirms_it(
    site: Replica, catalog: Catalog
) -> None:
    first = record(catalog)[ZIP]["sha256"]
    later = LONG_AGO + timedelta(days=1)
    site.replace(ZIP, size=9100, last_modified=later)
    site.replace(MANIFEST, last_modified=later)
    read_site(catalog, site)
    row = record(catalog)[ZIP]
    second = sha256_of(catalog.client.get(ZIP).content)
    found = row["state"], row["sha256"], row["conflicting_sha256"]
    assert found == ("unconfirmed", first, second)
    [done] = record_digests(catalog.store, catalog.client, ["3.14.0"], confirm=[ZIP])
    [row] = [row for row in done.rows if row["path"] == ZIP]
    assert (row["state"], row["sha256"], row["digest_source"]) == ("ok", second, "manifest")


def test_a_zip_that_the_manifest_does_not_name_has_the_digest_of_its_bill_of_materials(
    site: Replica, catalog: Catalog
) -> None:
    one, two = sha256_of(b"one"), sha256_of(b"two")
    bill = f"{THREADED}.spdx.json"
    site.add(bill, content=sbom_bytes(two, THREADED.rpartition("/")[2]), last_modified=LONG_AGO)
    site.replace(MANIFEST, content=manifest(ZIP, sha256=one), last_modified=LONG_AGO)
    read_site(catalog, site)
    record(catalog)
    assert requested(site) == [bill, MANIFEST]
    states = {
        (row["path"], row["companion"]): (row["state"], row["sha256"])
        for row in catalog.store.rows(digests_file("3.14.0"))
    }
    assert states == {
        (ZIP, "windows-3.14.0.json"): ("ok", one),
        (THREADED, "windows-3.14.0.json"): ("missing", None),
        (THREADED, ".spdx.json"): ("ok", two),
    }
    assert due(catalog) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<html>", "it is not JSON"),
        (b"{}", "it has no valid versions"),
        (manifest(ZIP, THREADED, sha256="0"), "is not 64 hexadecimal digits"),
        (b'{"versions": [{"url": "x/python-3.14.0-amd64.zip"}]}', "it has no valid hash"),
    ],
)
def test_an_invalid_manifest_is_unreadable(
    site: Replica, catalog: Catalog, content: bytes, error: str
) -> None:
    site.replace(MANIFEST, content=content, last_modified=LONG_AGO)
    read_site(catalog, site)
    row = record(catalog)[ZIP]
    assert (row["state"], row["sha256"]) == ("unreadable", None)
    assert error in row["error"]
    assert due(catalog) == []


def test_a_manifest_that_cannot_be_fetched_keeps_its_zips_due(
    site: Replica, catalog: Catalog
) -> None:
    site.answer(MANIFEST, Answer(403))
    [done] = record_digests(catalog.store, catalog.client, ["3.14.0"])
    assert done.error is not None
    assert done.error.count("forbidden (403)") == 2
    assert due(catalog) == ["3.14.0"]


def test_the_signature_of_the_manifest_covers_its_zips(
    site: Replica, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify_signatures(monkeypatch, True)
    verified = []

    def verify_bundle(content: bytes, sha256: str, **signer: str) -> None:
        verified.append((json.loads(content)["mediaType"][-9:], sha256, signer["identity"]))

    monkeypatch.setattr("pyorg_pipeline.downloads.verify.verify_bundle", verify_bundle)
    monkeypatch.setattr("pyorg_pipeline.refresh.digests.verify_bundle", lambda *_, **__: None)
    assert {row["signed_by"] for row in record(catalog).values()} == {None}
    # Those of 3.14.0b3 and before have no bundle.
    assert (verified, due(catalog)) == ([], [])
    site.add(f"{MANIFEST}.sigstore", size=2000, last_modified=LONG_AGO)
    read_site(catalog, site)
    assert due(catalog) == ["3.14.0"]
    rows = record(catalog)
    assert {rows[path]["signed_by"] for path in (ZIP, THREADED)} == {"hugo@python.org"}
    content = catalog.client.get(MANIFEST).content
    assert verified == [("v0.3+json", sha256_of(content), "hugo@python.org")]
    assert due(catalog) == []


@pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")
def test_a_manifest_whose_signature_does_not_verify_is_rejected_for_its_zips(
    site: Replica, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add(f"{MANIFEST}.sigstore", size=2000, last_modified=LONG_AGO)
    read_site(catalog, site)
    verify_signatures(monkeypatch, True)
    rows = record(catalog)
    assert {rows[path]["state"] for path in (ZIP, THREADED, MANIFEST)} == {"rejected"}
    assert {row["sha256"] for row in rows.values()} == {None}
