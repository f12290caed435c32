"""Digests read out of companions and kept on record, on a small site that changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore, digests_file, directory_file
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.sigstore import can_verify
from pyorg_pipeline.errors import (
    CatalogSiteError,
    CatalogUnreadableError,
    ExtraMissingError,
)
from pyorg_pipeline.model.digests import SIGNERS, DigestConflict
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.digests import (
    DirectoryDigests,
    digests_due,
    record_digests,
)
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import publish, publish_catalog
from pyorg_pipeline_tests.support.published import bundle_bytes, sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site

with_extra = pytest.mark.skipif(not can_verify(), reason="the extra `sigstore` is not installed")
without_extra = pytest.mark.skipif(can_verify(), reason="the extra `sigstore` is installed")

TGZ = "3.14.0/Python-3.14.0.tar.xz"
RC = "3.14.0/Python-3.14.0rc1.tar.xz"
EXE = "3.13.9/python-3.13.9-amd64.exe"
LATER = LONG_AGO + timedelta(days=3)
ONE, TWO, THREE = (sha256_of(text) for text in (b"one", b"two", b"three"))


@dataclass
class Digests:
    """A site with companions, a catalog of it, and its record of digests."""

    site: Replica
    store: CatalogStore
    client: SiteClient

    def publish(self, path: str, content: bytes, **how: Any) -> None:
        """Put a file on the site, new or in the place of an older one."""
        how.setdefault("last_modified", LONG_AGO)
        try:
            self.site.add(path, content=content, **how)
        except ValueError:
            self.site.replace(path, content=content, **how)

    def crawl(self) -> None:
        update_directories(self.store, self.client)
        names = ["src", "2.7", "3.13.9", "3.14.0", "3.15.0"]
        for done in crawl_directories(self.store, self.client, names, accept_vanished=True):
            assert done.error is None
        self.site.clear_requests()

    def record(self, *directories: str, **how: Any) -> dict[str, DirectoryDigests]:
        how.setdefault("verify_signatures", False)
        found = record_digests(self.store, self.client, directories or None, **how)
        return {done.directory: done for done in found}

    def rows(self, directory: str = "3.14.0") -> list[dict[str, Any]]:
        return self.store.rows(digests_file(directory))

    @property
    def due(self) -> dict[str, int]:
        return digests_due(self.store, verify_signatures=False)

    @property
    def asked(self) -> list[str]:
        return sorted(request.path for request in self.site.requests)


@pytest.fixture
def digests(tmp_path: Path) -> Iterator[Digests]:
    with (
        Replica(small_site()) as site,
        SiteClient(site.url, backoff=0, retries=0, read_timeout=3) as client,
    ):
        made = Digests(site, CatalogStore(LocalLocation(tmp_path / "catalog")), client)
        made.publish(f"{TGZ}.sigstore", bundle_bytes(ONE))
        made.publish(f"{TGZ}.spdx.json", sbom_bytes(ONE, "Python-3.14.0.tar.xz"))
        made.publish(f"{RC}.sigstore", bundle_bytes(TWO))
        made.publish(f"{EXE}.spdx.json", sbom_bytes(THREE, "python-3.13.9-amd64.exe"))
        made.crawl()
        yield made


def test_the_directories_tables_know_the_companions_sizes_and_dates(digests: Digests) -> None:
    row = digests.store.rows(directory_file("3.14.0"))[1]
    assert row["companions"] == [".sigstore", ".spdx.json"]
    assert row["companion_sizes"] == [
        len(bundle_bytes(ONE)),
        len(sbom_bytes(ONE, "Python-3.14.0.tar.xz")),
    ]
    assert row["companion_dates"] == [LONG_AGO, LONG_AGO]


def test_the_strongest_companion_of_each_artifact_is_read_once(digests: Digests) -> None:
    assert digests.due == {"3.13.9": 1, "3.14.0": 2}
    done = digests.record()
    assert digests.asked == [
        f"{EXE}.spdx.json",
        f"{TGZ}.sigstore",
        f"{RC}.sigstore",
    ]
    assert sorted(done) == ["3.13.9", "3.14.0"]
    assert (done["3.14.0"].due, done["3.14.0"].recorded, done["3.14.0"].rows) == (2, 2, 2)
    assert done["3.14.0"].bytes > 0
    assert digests.due == {}


def test_the_record_says_where_a_digest_came_from(digests: Digests) -> None:
    digests.record()
    row = digests.rows()[0]
    checked_at = row.pop("checked_at")
    assert checked_at > LONG_AGO
    assert row == {
        "path": TGZ,
        "companion": ".sigstore",
        "sha256": ONE,
        "digest_source": "sigstore",
        "signed_by": None,
        "state": "ok",
        "conflicting_sha256": None,
        "error": None,
        "companion_size": len(bundle_bytes(ONE)),
        "companion_last_modified": LONG_AGO,
    }
    (row,) = digests.rows("3.13.9")
    assert (row["path"], row["sha256"], row["digest_source"]) == (EXE, THREE, "spdx")


def test_recorded_digests_are_not_requested_again(digests: Digests) -> None:
    first = digests.record()
    digests.site.clear_requests()
    assert digests.record() == {}
    again = digests.record("3.14.0", "2.7", "3.99.0")
    assert digests.asked == []
    assert again["3.14.0"].data_version == first["3.14.0"].data_version
    assert (again["3.14.0"].due, again["3.14.0"].rows, again["3.14.0"].bytes) == (0, 2, 0)
    assert again["2.7"].rows == again["3.99.0"].rows == 0


@pytest.mark.parametrize("what", ["date", "size"])
def test_a_companion_whose_size_or_date_moved_is_read_again(digests: Digests, what: str) -> None:
    digests.record()
    content = bundle_bytes(ONE) + (b" " if what == "size" else b"")
    date = LATER if what == "date" else LONG_AGO
    digests.publish(f"{TGZ}.sigstore", content, last_modified=date)
    digests.crawl()
    done = digests.record()
    assert digests.asked == [f"{TGZ}.sigstore"]
    assert done["3.14.0"].recorded == 1
    row = digests.rows()[0]
    assert (row["state"], row["sha256"]) == ("ok", ONE)
    assert (row["companion_size"], row["companion_last_modified"]) == (len(content), date)
    assert digests.due == {}


def test_a_new_artifact_is_read_and_no_other(digests: Digests) -> None:
    digests.record()
    digests.publish("3.14.0/Python-3.14.0.tgz", b"a tarball")
    digests.publish("3.14.0/Python-3.14.0.tgz.sigstore", bundle_bytes(THREE))
    digests.crawl()
    digests.record()
    assert digests.asked == ["3.14.0/Python-3.14.0.tgz.sigstore"]
    assert [row["sha256"] for row in digests.rows()] == [ONE, THREE, TWO]


def test_a_missing_bundle_is_recorded_as_missing_and_leaves_the_bill_of_materials(
    digests: Digests,
) -> None:
    digests.site.answer(f"{TGZ}.sigstore", Answer(404))
    digests.site.answer(f"{RC}.sigstore", Answer(410))
    done = digests.record("3.14.0")["3.14.0"]
    assert (done.missing, done.recorded, done.failures) == (2, 1, {})
    assert [(row["path"], row["state"], row["sha256"]) for row in digests.rows()] == [
        (TGZ, "missing", None),
        (TGZ, "ok", ONE),
        (RC, "missing", None),
    ]
    digests.site.clear_requests()
    digests.record("3.14.0")
    assert digests.asked == []


@pytest.mark.parametrize("answer", [Answer(403), Answer(500), Answer(hang_up=True)])
def test_a_companion_that_fails_is_due_again_and_the_others_are_read(
    digests: Digests, answer: Answer
) -> None:
    digests.site.answer(f"{TGZ}.sigstore", answer)
    done = digests.record()["3.14.0"]
    assert list(done.failures) == [TGZ]
    assert f"{TGZ}.sigstore" in done.failures[TGZ]
    assert [row["sha256"] for row in digests.rows()] == [TWO]
    assert digests.due == {"3.14.0": 1}
    digests.site.clear_answers()
    assert digests.record()["3.14.0"].failures == {}
    assert [row["sha256"] for row in digests.rows()] == [ONE, TWO]


def test_a_failure_keeps_the_recorded_digests(digests: Digests) -> None:
    digests.record()
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(THREE), last_modified=LATER)
    digests.crawl()
    digests.site.answer(f"{TGZ}.sigstore", Answer(503))
    digests.record()
    assert [(row["state"], row["sha256"]) for row in digests.rows()] == [("ok", ONE), ("ok", TWO)]


def test_an_unreadable_bundle_is_due_again_once_the_site_has_another(
    digests: Digests, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pyorg_pipeline")
    digests.publish(f"{TGZ}.sigstore", b"no bundle", last_modified=LATER)
    digests.crawl()
    done = digests.record()["3.14.0"]
    assert (list(done.unreadable), done.rejected, done.failures) == ([TGZ], {}, {})
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert any(f"{TGZ}.sigstore: it is not JSON" in text for text in caplog.messages)
    assert digests.due == {}
    digests.site.clear_requests()
    assert digests.record() == {}
    assert digests.asked == []
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(ONE), last_modified=LATER)
    digests.crawl()
    assert digests.due == {"3.14.0": 1}
    assert digests.record()["3.14.0"].unreadable == {}
    assert [row["state"] for row in digests.rows()] == ["ok", "ok"]


def test_an_error_page_instead_of_a_bundle_stays_due(
    digests: Digests,
) -> None:
    digests.site.answer(f"{TGZ}.sigstore", Answer(body=b"<html>Bad gateway</html>"))
    for _ in range(2):
        done = digests.record()["3.14.0"]
        assert list(done.unreadable) == [TGZ]
        assert ".sigstore: it is not JSON" in done.unreadable[TGZ]
    row = digests.rows()[0]
    assert (row["state"], row["sha256"]) == ("unreadable", None)
    assert "not JSON" in row["error"]
    digests.site.clear_answers()
    done = digests.record()["3.14.0"]
    assert (done.unreadable, digests.rows()[0]["state"]) == ({}, "ok")
    assert digests.rows()[0]["error"] is None


def test_a_changed_digest_never_replaces_the_first_one(
    digests: Digests, caplog: pytest.LogCaptureFixture
) -> None:
    digests.record()
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(THREE), last_modified=LATER)
    digests.crawl()
    for _ in range(2):
        done = digests.record()["3.14.0"]
        assert done.conflicts == (DigestConflict(TGZ, ".sigstore", ONE, THREE),)
        assert done.recorded == 0
    row = digests.rows()[0]
    assert (row["sha256"], row["conflicting_sha256"], row["state"]) == (ONE, THREE, "changed")
    assert "another SHA-256, unsigned" in row["error"]
    assert len(caplog.records) == 2
    assert all(record.levelno == logging.ERROR for record in caplog.records)
    assert f"has SHA-256 {THREE}, but {ONE} was recorded first" in caplog.text
    publish_catalog(digests.store)
    assert published(digests)[TGZ] == (ONE, "sigstore", None)


def test_a_changed_digest_that_the_site_takes_back_is_no_conflict(digests: Digests) -> None:
    digests.record()
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(THREE), last_modified=LATER)
    digests.crawl()
    digests.record()
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(ONE), last_modified=LATER)
    digests.crawl()
    assert digests.record()["3.14.0"].conflicts == ()
    row = digests.rows()[0]
    assert (row["sha256"], row["conflicting_sha256"], row["state"]) == (ONE, None, "ok")


def test_an_accepted_digest_replaces_the_recorded_one(digests: Digests) -> None:
    digests.record()
    digests.publish(f"{TGZ}.sigstore", bundle_bytes(THREE), last_modified=LATER)
    digests.crawl()
    digests.record()
    done = digests.record(accept=[TGZ])["3.14.0"]
    assert (done.conflicts, done.recorded) == ((), 1)
    assert [(row["sha256"], row["state"]) for row in digests.rows()] == [(THREE, "ok"), (TWO, "ok")]
    assert digests.due == {}


def test_an_accepted_digest_that_fails_keeps_the_recorded_one(digests: Digests) -> None:
    digests.record()
    digests.site.answer(f"{TGZ}.sigstore", Answer(403))
    assert list(digests.record(accept=[TGZ])["3.14.0"].failures) == [TGZ]
    assert [row["sha256"] for row in digests.rows()] == [ONE, TWO]


def test_a_later_bundle_has_to_agree_with_the_recorded_bill_of_materials(
    digests: Digests,
) -> None:
    digests.record()
    digests.publish(f"{EXE}.sigstore", bundle_bytes(ONE))
    digests.crawl()
    done = digests.record()["3.13.9"]
    assert done.conflicts == (DigestConflict(EXE, ".sigstore", THREE, ONE),)
    publish_catalog(digests.store)
    assert published(digests)[EXE] == (THREE, "spdx", None)
    digests.publish(f"{EXE}.sigstore", bundle_bytes(THREE), last_modified=LATER)
    digests.crawl()
    assert digests.record()["3.13.9"].conflicts == ()
    publish_catalog(digests.store)
    assert published(digests)[EXE] == (THREE, "sigstore", None)


def test_a_removed_file_keeps_its_digest_and_is_not_requested(digests: Digests) -> None:
    digests.record()
    for name in (TGZ, f"{TGZ}.sigstore", f"{TGZ}.spdx.json"):
        digests.site.remove(name)
    digests.crawl()
    assert digests.due == {}
    digests.record("3.14.0")
    assert digests.asked == []
    assert [row["path"] for row in digests.rows()] == [TGZ, RC]


def published(digests: Digests) -> dict[str, tuple[Any, ...]]:
    return {
        row["path"]: (row["sha256"], row["digest_source"], row["signed_by"])
        for row in digests.store.rows(CATALOG_FILE)
    }


def test_the_catalog_carries_the_digests_and_is_due_when_they_change(digests: Digests) -> None:
    publish(digests.store)
    assert not publication_due(digests.store)
    assert set(published(digests).values()) == {(None, None, None)}
    digests.record()
    assert publication_due(digests.store)
    publish(digests.store)
    assert not publication_due(digests.store)
    found = published(digests)
    assert len(found) == 10
    assert {path: row for path, row in found.items() if row[0]} == {
        TGZ: (ONE, "sigstore", None),
        RC: (TWO, "sigstore", None),
        EXE: (THREE, "spdx", None),
    }
    digests.record("3.14.0")
    assert not publication_due(digests.store)


def test_a_catalog_whose_tables_lack_the_companions_sizes_is_published_and_recorded(
    digests: Digests,
) -> None:
    """Tables that were written before these columns came."""
    file = directory_file("3.14.0")
    table, facts = digests.store.read(file)
    facts.pop("format")
    old = table.drop_columns(["companion_sizes", "companion_dates"])
    digests.store.write(file, old.schema, old, facts)
    assert digests.record()["3.14.0"].recorded == 2
    publish_catalog(digests.store)
    assert published(digests)[TGZ] == (ONE, "sigstore", None)
    assert digests.due == {}
    digests.crawl()
    # Now their sizes are known, and nothing says that they are those of what was read.
    assert digests.due == {"3.14.0": 2}


def test_a_record_that_cannot_be_read_is_an_error_and_is_not_overwritten(
    digests: Digests,
) -> None:
    digests.record()
    digests.store.location.write(digests_file("3.14.0"), b"no table")
    done = digests.record("3.13.9", "3.14.0")
    assert isinstance(done["3.14.0"].error, CatalogUnreadableError)
    assert done["3.13.9"].error is None
    assert digests.store.location.read(digests_file("3.14.0")) == b"no table"
    publish_catalog(digests.store)
    assert published(digests)[EXE] == (THREE, "spdx", None)


def test_a_record_of_another_site_does_not_count(digests: Digests) -> None:
    digests.record()
    with Replica(small_site()) as other, SiteClient(other.url, backoff=0, retries=0) as client:
        with pytest.raises(CatalogSiteError):
            record_digests(digests.store, client)
        other.add(TGZ + ".sigstore", content=bundle_bytes(THREE), last_modified=LONG_AGO)
        moved = Digests(other, digests.store, client)
        update_directories(digests.store, client, full=True)
        moved.crawl()
        publish_catalog(digests.store)
        assert published(moved)[TGZ] == (None, None, None)
        done = moved.record()["3.14.0"]
        assert (done.conflicts, done.rows) == ((), 1)
        assert moved.rows()[0]["sha256"] == THREE


def test_closing_the_iterator_ends_requests_under_way_and_keeps_what_was_yielded(
    digests: Digests,
) -> None:
    hold = threading.Event()
    for path in (TGZ, RC):
        digests.site.answer(f"{path}.sigstore", Answer(hold=hold))
    running = record_digests(digests.store, digests.client, verify_signatures=False)
    assert next(running).directory == "3.13.9"
    running.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pyorg-site")]
    hold.set()
    assert len(digests.rows("3.13.9")) == 1
    assert digests.rows() == []


@without_extra
def test_without_the_extra_no_signature_is_verified(digests: Digests) -> None:
    done = digests.record(verify_signatures=None)["3.14.0"]
    assert (done.recorded, done.verified) == (2, 0)
    with pytest.raises(ExtraMissingError, match=r"pip install '\.\[sigstore\]'"):
        digests.record(verify_signatures=True)


@with_extra
def test_a_bundle_that_does_not_verify_is_reported_and_not_recorded(
    digests: Digests,
) -> None:
    for _ in range(2):
        done = digests.record(verify_signatures=True)["3.14.0"]
        assert sorted(done.rejected) == [TGZ, RC]
        assert ".sigstore: signature not verified" in done.rejected[TGZ]
        assert (done.recorded, done.verified) == (0, 0)
    assert [(row["state"], row["sha256"]) for row in digests.rows()] == [("rejected", None)] * 2


@with_extra
def test_real_bundles_are_verified_and_their_signer_recorded(digests: Digests) -> None:
    real = {path: content for path, content in real_bundles().items() if "3.14.0/" in path}
    assert sorted(real) == ["3.14.0/Python-3.14.0.tar.xz", "3.14.0/python-3.14.0-amd64.exe"]
    digests.site.remove(f"{RC}.sigstore")
    for path, content in real.items():
        digests.publish(path, b"stands for it")
        digests.publish(f"{path}.sigstore", content)
    digests.crawl()
    unverified = digests.record(verify_signatures=False)["3.14.0"]
    assert (unverified.recorded, unverified.verified) == (2, 0)
    # Whoever installs the extra later has them verified then.
    assert digests_due(digests.store) == {"3.14.0": 2}
    done = digests.record(verify_signatures=None)["3.14.0"]
    assert (done.recorded, done.verified, done.rejected) == (2, 2, {})
    assert digests_due(digests.store) == {}
    publish_catalog(digests.store)
    expected = real_digests()
    for path in real:
        assert published(digests)[path] == (expected[path], "sigstore", SIGNERS[3, 14].identity)
