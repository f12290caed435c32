"""Digests read out of companions and recorded, on a small site that changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from pyorg_pipeline.catalog.changes import FOLDER
from pyorg_pipeline.catalog.download_reports import write_report
from pyorg_pipeline.catalog.store import CATALOG_FILE, digests_file, directory_file
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import CatalogSiteError
from pyorg_pipeline.model.digests import SIGNERS, can_verify
from pyorg_pipeline.refresh.digests import (
    DirectoryDigests,
    directories_with_due_digests,
    record_digests,
)
from pyorg_pipeline.refresh.directories import CrawlState, update_directories
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import Catalog, publication_due, publish, publish_catalog
from pyorg_pipeline_tests.support.published import bundle_bytes, sbom_bytes, sha256_of
from pyorg_pipeline_tests.support.shared_data import real_bundles, real_digests
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, LONG_AGO, small_site

TXZ = "3.14.0/Python-3.14.0.tar.xz"
RC = "3.14.0/Python-3.14.0rc1.tar.xz"
EXE = "3.13.9/python-3.13.9-amd64.exe"
LATER = LONG_AGO + timedelta(days=3)
ONE, TWO, THREE = (sha256_of(text) for text in (b"one", b"two", b"three"))


@dataclass
class Digests(Catalog):
    """A catalog of a site with companions, and the digests that it records."""

    site: Replica = field(kw_only=True)
    later: datetime = LATER

    def publish(self, path: str, content: bytes, **how: Any) -> None:
        """Put a file on the site, new or in the place of an older one."""
        how.setdefault("last_modified", LONG_AGO)
        try:
            self.site.add(path, content=content, **how)
        except ValueError:
            self.site.replace(path, content=content, **how)

    def read_site(self) -> None:
        self.update()
        assert not [
            done for done in self.crawl(*DIRECTORIES, accept_vanished=True).values() if done.error
        ]
        self.site.clear_requests()

    def change(self, path: str, content: bytes) -> None:
        """Replace a file on the site, or add it, and crawl."""
        self.publish(path, content, last_modified=self.later)
        self.later += timedelta(days=1)
        self.read_site()

    def record(self, *directories: str, **options: Any) -> dict[str, DirectoryDigests]:
        """Record the digests of these directories, or of those where some are due."""
        found = record_digests(self.store, self.client, directories or self.due, **options)
        return {done.directory: done for done in found}

    def rows(self, directory: str = "3.14.0") -> list[dict[str, Any]]:
        return self.store.rows(digests_file(directory))

    @property
    def due(self) -> list[str]:
        return directories_with_due_digests(self.store, CrawlState.read(self.store))

    @property
    def asked(self) -> list[str]:
        return sorted(request.path for request in self.site.requests)


@pytest.fixture
def digests(site: Replica, empty: Catalog, monkeypatch: pytest.MonkeyPatch) -> Digests:
    monkeypatch.setattr("pyorg_pipeline.refresh.digests.can_verify", lambda: False)
    made = Digests(empty.store, empty.client, site=site)
    made.publish(f"{TXZ}.sigstore", bundle_bytes(ONE))
    made.publish(f"{TXZ}.spdx.json", sbom_bytes(ONE, "Python-3.14.0.tar.xz"))
    made.publish(f"{RC}.sigstore", bundle_bytes(TWO))
    made.publish(f"{EXE}.spdx.json", sbom_bytes(THREE, "python-3.13.9-amd64.exe"))
    made.read_site()
    return made


@pytest.fixture
def with_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are verified; to be used after `digests`."""
    if not can_verify():
        pytest.skip("the extra `sigstore` is not installed")
    monkeypatch.setattr("pyorg_pipeline.refresh.digests.can_verify", can_verify)


def states(digests: Digests) -> list[tuple[str, str | None]]:
    """The states and digests of what was read in 3.14.0."""
    return [(row["state"], row["sha256"]) for row in digests.rows()]


def published(digests: Digests) -> dict[str, tuple[Any, ...]]:
    publish_catalog(digests.store)
    return {
        row["path"]: (row["sha256"], row["digest_source"], row["signed_by"])
        for row in digests.store.rows(CATALOG_FILE)
    }


def digest_before(digests: Digests) -> str | None:
    """That of the file that TXZ replaced, in the published catalog."""
    publish_catalog(digests.store)
    [found] = [row for row in digests.store.rows(CATALOG_FILE) if row["path"] == TXZ]
    return cast("str | None", found["sha256_before"])


def changes(digests: Digests) -> list[dict[str, Any]]:
    """The recorded changes, oldest first."""
    names = digests.store.location.stamps(FOLDER)
    return [row for name in sorted(names) for row in digests.store.rows(f"{FOLDER}/{name}")]


def test_the_strongest_companion_of_each_artifact_is_recorded(digests: Digests) -> None:
    assert digests.due == ["3.13.9", "3.14.0"]
    done = digests.record()
    assert digests.asked == [f"{EXE}.spdx.json", f"{TXZ}.sigstore", f"{RC}.sigstore"]
    assert list(done) == ["3.13.9", "3.14.0"]
    assert done["3.14.0"].bytes > 0
    assert digests.due == []
    row = digests.rows()[0]
    assert row.pop("checked_at") > LONG_AGO
    assert row == {
        "path": TXZ,
        "companion": ".sigstore",
        "sha256": ONE,
        "digest_source": "sigstore",
        "state": "ok",
        "companion_size": len(bundle_bytes(ONE)),
        "companion_last_modified": LONG_AGO,
        "size": 23_000_000,
        "last_modified": LONG_AGO,
        **dict.fromkeys(["signed_by", "conflicting_sha256", "error"]),
    }
    (row,) = digests.rows("3.13.9")
    assert (row["path"], row["sha256"], row["digest_source"]) == (EXE, THREE, "spdx")


def test_recorded_digests_are_not_requested_again(digests: Digests) -> None:
    digests.record()
    digests.site.clear_requests()
    again = digests.record("3.14.0", "2.7", "3.99.0")
    assert digests.asked == []
    assert [row["sha256"] for row in again["3.14.0"].rows] == [ONE, TWO]
    assert again["3.14.0"].bytes == 0
    assert again["2.7"].rows == again["3.99.0"].rows == []
    # Nor are those of files that the site removed.
    for name in (TXZ, f"{TXZ}.sigstore", f"{TXZ}.spdx.json"):
        digests.site.remove(name)
    digests.read_site()
    digests.record("3.14.0")
    assert digests.asked == []
    assert [row["path"] for row in digests.rows()] == [TXZ, RC]


@pytest.mark.parametrize(("added", "date"), [(b"", LATER), (b" ", LONG_AGO)])
def test_a_companion_whose_size_or_date_moved_is_read_again(
    digests: Digests, added: bytes, date: datetime
) -> None:
    digests.record()
    content = bundle_bytes(ONE) + added
    digests.publish(f"{TXZ}.sigstore", content, last_modified=date)
    digests.read_site()
    digests.record()
    assert digests.asked == [f"{TXZ}.sigstore"]
    row = digests.rows()[0]
    assert (row["state"], row["sha256"]) == ("ok", ONE)
    assert (row["companion_size"], row["companion_last_modified"]) == (len(content), date)
    assert digests.due == []


def test_without_a_bundle_the_bill_of_materials_is_read(digests: Digests) -> None:
    digests.site.answer(f"{TXZ}.sigstore", Answer(404))
    digests.site.answer(f"{RC}.sigstore", Answer(410))
    done = digests.record("3.14.0")["3.14.0"]
    assert (len(done.recorded), done.error) == (1, None)
    assert states(digests) == [("missing", None), ("ok", ONE), ("missing", None)]
    assert digests.due == ["3.13.9"]


@pytest.mark.parametrize("answer", [Answer(403), Answer(500), Answer(hang_up=True)])
@pytest.mark.parametrize("confirm", [(), (TXZ,)])
def test_a_companion_that_fails_keeps_its_digest_and_the_others_are_read(
    digests: Digests, answer: Answer, confirm: tuple[str, ...]
) -> None:
    digests.record()
    digests.change(f"{TXZ}.sigstore", bundle_bytes(THREE))
    digests.change(f"{RC}.sigstore", bundle_bytes(TWO) + b" ")
    digests.site.answer(f"{TXZ}.sigstore", answer)
    done = digests.record(confirm=confirm)["3.14.0"]
    assert f"{TXZ}.sigstore" in (done.error or "")
    assert [row["path"] for row in done.read] == [RC]
    assert states(digests) == [("ok", ONE), ("ok", TWO)]
    assert digests.due == ["3.14.0"]
    digests.site.clear_answers()
    assert digests.record(confirm=[TXZ])["3.14.0"].error is None
    assert states(digests) == [("ok", THREE), ("ok", TWO)]


@pytest.fixture
def recorded(digests: Digests) -> Digests:
    """The digests after they were recorded and published."""
    digests.record()
    publish(digests.store)
    return digests


def test_the_digest_of_a_replaced_file_is_unconfirmed_until_a_person_confirms_it(
    recorded: Digests,
) -> None:
    recorded.change(TXZ, b"another")
    publish(recorded.store)
    [change] = changes(recorded)
    assert (change["path"], change["size"], change["sha256_before"]) == (TXZ, 7, ONE)
    assert (published(recorded)[TXZ], digest_before(recorded)) == ((None, None, None), ONE)
    # The site replaces the bundle later than its file.
    [problem] = recorded.record()["3.14.0"].unconfirmed
    assert "has the SHA-256 of the file of 23,000,000 bytes that the site replaced" in problem
    assert problem in (recorded.record(confirm=[TXZ])["3.14.0"].error or "")
    recorded.change(f"{TXZ}.sigstore", bundle_bytes(THREE))
    [problem] = recorded.record()["3.14.0"].unconfirmed
    assert f"`pyorg confirm {TXZ}`" in problem
    assert (states(recorded)[0], digest_before(recorded)) == (("unconfirmed", ONE), ONE)
    assert recorded.record(confirm=[TXZ])["3.14.0"].error is None
    assert published(recorded)[TXZ] == (THREE, "sigstore", None)
    assert (digest_before(recorded), recorded.due) == (None, [])


def test_a_file_whose_date_alone_moved_needs_no_person(recorded: Digests) -> None:
    recorded.site.replace(TXZ, size=23_000_000, last_modified=LATER)
    recorded.read_site()
    assert digest_before(recorded) == ONE
    assert recorded.record()["3.14.0"].unconfirmed == []
    assert recorded.asked == [f"{TXZ}.sigstore"]
    assert (published(recorded)[TXZ], recorded.due) == ((ONE, "sigstore", None), [])
    assert digest_before(recorded) is None


def test_the_digest_counts_again_once_the_site_takes_a_file_back(recorded: Digests) -> None:
    recorded.change(TXZ, b"another")
    recorded.site.replace(TXZ, size=23_000_000, last_modified=LONG_AGO)
    recorded.read_site()
    assert published(recorded)[TXZ] == (ONE, "sigstore", None)
    publish(recorded.store)
    assert changes(recorded) == []


def test_confirming_a_file_without_companions_forgets_its_digest(recorded: Digests) -> None:
    for suffix in (".sigstore", ".spdx.json"):
        recorded.site.remove(f"{TXZ}{suffix}")
    recorded.change(TXZ, b"another")
    assert digest_before(recorded) == ONE
    assert recorded.record("3.14.0", confirm=[TXZ])["3.14.0"].error is None
    assert (recorded.asked, states(recorded)) == ([], [("missing", None), ("ok", TWO)])
    assert (published(recorded)[TXZ], digest_before(recorded)) == ((None, None, None), None)


def test_a_digest_that_a_download_proved_counts_like_a_recorded_one(digests: Digests) -> None:
    publish(digests.store)
    row = {"path": TXZ, "outcome": "fetched", "sources": [], "transient": False, "sha256": ONE}
    row |= {"verification": "digest", "bytes": 23_000_000, "last_modified": LONG_AGO}
    write_report(digests.store, "a run", [row], site_url=digests.client.base_url)
    assert publication_due(digests.store)
    publish(digests.store)
    assert not publication_due(digests.store)
    assert published(digests)[TXZ] == (ONE, "download", None)
    # A bundle with another digest does not replace it.
    digests.change(f"{TXZ}.sigstore", bundle_bytes(THREE))
    [problem] = digests.record()["3.14.0"].unconfirmed
    assert f"{ONE} was recorded first, from download, " in problem
    assert published(digests)[TXZ] == (ONE, "download", None)
    for suffix in (".sigstore", ".spdx.json"):
        digests.site.remove(f"{TXZ}{suffix}")
    digests.change(TXZ, b"another")
    publish(digests.store)
    [change] = [one for one in changes(digests) if one["path"] == TXZ]
    assert (digest_before(digests), change["sha256_before"]) == (ONE, ONE)
    digests.record("3.14.0", confirm=[TXZ])
    assert (published(digests)[TXZ], digest_before(digests)) == ((None, None, None), None)


def test_an_unreadable_bundle_is_due_again_once_the_site_has_another(digests: Digests) -> None:
    digests.change(f"{TXZ}.sigstore", b"no bundle")
    digests.site.answer(f"{RC}.sigstore", Answer(body=b"<html>Bad gateway</html>"))
    done = digests.record()["3.14.0"]
    assert (done.paths("unreadable"), done.paths("rejected"), done.error) == ([TXZ, RC], [], None)
    assert states(digests) == [("unreadable", None)] * 2
    assert digests.rows()[0]["error"].startswith("it is not JSON")
    # An error page has another size than the listed bundle, and is read again at once.
    digests.site.clear_answers()
    assert digests.due == ["3.14.0"]
    digests.record()
    assert (states(digests), digests.due) == ([("unreadable", None), ("ok", TWO)], [])
    digests.change(f"{TXZ}.sigstore", bundle_bytes(ONE))
    digests.record()
    assert [(row["state"], row["error"]) for row in digests.rows()] == [("ok", None)] * 2


def test_a_changed_digest_never_replaces_the_first_one(digests: Digests) -> None:
    digests.record()
    digests.change(f"{TXZ}.sigstore", bundle_bytes(THREE))
    for _ in range(2):
        done = digests.record()["3.14.0"]
        [conflict] = done.unconfirmed
        assert conflict.startswith(f"{TXZ}.sigstore: it has SHA-256 {THREE}, unsigned, but {ONE} ")
        assert done.recorded == []
    row = digests.rows()[0]
    assert (row["sha256"], row["conflicting_sha256"], row["state"]) == (ONE, THREE, "unconfirmed")
    assert published(digests)[TXZ] == (ONE, "sigstore", None)
    # Until the site takes it back.
    digests.change(f"{TXZ}.sigstore", bundle_bytes(ONE))
    assert digests.record()["3.14.0"].unconfirmed == []
    assert (states(digests)[0], digests.rows()[0]["conflicting_sha256"]) == (("ok", ONE), None)


def test_a_confirmed_digest_replaces_the_recorded_one(digests: Digests) -> None:
    digests.record()
    for path in (TXZ, RC):
        digests.change(f"{path}.sigstore", bundle_bytes(THREE))
    digests.record()
    # The others stay as they are.
    [conflict] = digests.record(confirm=[TXZ])["3.14.0"].unconfirmed
    assert conflict.startswith(RC)
    assert states(digests) == [("ok", THREE), ("unconfirmed", TWO)]
    assert digests.record(confirm=[RC])["3.14.0"].unconfirmed == []
    assert (states(digests), digests.due) == ([("ok", THREE), ("ok", THREE)], [])


def test_a_later_bundle_has_to_agree_with_the_recorded_bill_of_materials(
    digests: Digests,
) -> None:
    digests.record()
    digests.change(f"{EXE}.sigstore", bundle_bytes(ONE))
    [conflict] = digests.record()["3.13.9"].unconfirmed
    assert f"has SHA-256 {ONE}, unsigned, but {THREE} was recorded first" in conflict
    assert published(digests)[EXE] == (THREE, "spdx", None)
    digests.change(f"{EXE}.sigstore", bundle_bytes(THREE))
    assert digests.record()["3.13.9"].unconfirmed == []
    assert published(digests)[EXE] == (THREE, "sigstore", None)


@pytest.mark.parametrize("removed", [[".sigstore"], ["", ".sigstore", ".spdx.json"]])
def test_a_digest_outlives_its_bundle_and_its_file(digests: Digests, removed: list[str]) -> None:
    digests.record()
    for suffix in removed:
        digests.site.remove(f"{TXZ}{suffix}")
    digests.change(f"{RC}.sigstore", bundle_bytes(TWO) + b" ")
    digests.record()
    digests.publish(TXZ, b"another")
    digests.change(f"{TXZ}.spdx.json", sbom_bytes(THREE, "Python-3.14.0.tar.xz"))
    [conflict] = digests.record()["3.14.0"].unconfirmed
    assert f"has SHA-256 {THREE}, unsigned, but {ONE} was recorded first" in conflict
    assert published(digests)[TXZ] == (None, None, None)
    assert digest_before(digests) == ONE


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("missing", Answer(404)),
        ("unreadable", Answer(body=b"no bundle")),
        ("rejected", Answer()),
    ],
)
def test_a_digest_outlives_a_bundle_that_is_missing_unreadable_or_rejected(
    digests: Digests, request: pytest.FixtureRequest, state: str, answer: Answer
) -> None:
    digests.record()
    if state == "rejected":
        request.getfixturevalue("with_extra")
    digests.change(f"{TXZ}.sigstore", bundle_bytes(THREE))
    digests.site.answer(f"{TXZ}.sigstore", answer)
    digests.record()
    assert states(digests)[0] == (state, ONE)
    assert published(digests)[TXZ] == (ONE, "sigstore", None)


def test_the_catalog_carries_the_digests_and_is_due_when_they_change(digests: Digests) -> None:
    publish(digests.store)
    assert not publication_due(digests.store)
    digests.record()
    assert publication_due(digests.store)
    publish(digests.store)
    assert not publication_due(digests.store)
    assert {path: row for path, row in published(digests).items() if row[0]} == {
        TXZ: (ONE, "sigstore", None),
        RC: (TWO, "sigstore", None),
        EXE: (THREE, "spdx", None),
    }


def test_tables_without_the_companions_sizes_are_recorded_and_published(digests: Digests) -> None:
    """Tables that were written before these columns came."""
    file = directory_file("3.14.0")
    table, metadata = digests.store.read(file)
    old = table.drop_columns(["companion_sizes", "companion_dates"])
    digests.store.write(file, old, metadata)
    digests.record()
    assert published(digests)[TXZ] == (ONE, "sigstore", None)
    assert digests.due == []
    digests.read_site()
    # Now their sizes are known, and nothing says that they are those of what was read.
    assert digests.due == ["3.14.0"]


def test_unreadable_recorded_digests_are_an_error_and_not_overwritten(digests: Digests) -> None:
    digests.record()
    digests.store.location.write(digests_file("3.14.0"), b"no table")
    done = digests.record("3.13.9", "3.14.0")
    assert "cannot be read" in (done["3.14.0"].error or "")
    assert done["3.13.9"].error is None
    assert digests.store.location.read(digests_file("3.14.0")) == b"no table"
    assert published(digests)[EXE] == (THREE, "spdx", None)


def test_recorded_digests_of_another_site_do_not_count(digests: Digests) -> None:
    digests.record()
    with Replica(small_site()) as other, SiteClient(other.url, backoff=0, retries=0) as client:
        moved = Digests(digests.store, client, site=other)
        with pytest.raises(CatalogSiteError):
            moved.record("3.14.0")
        moved.publish(f"{TXZ}.sigstore", bundle_bytes(THREE))
        update_directories(digests.store, client, full=True)
        moved.read_site()
        assert published(moved)[TXZ] == (None, None, None)
        done = moved.record()["3.14.0"]
        assert (done.unconfirmed, [row["sha256"] for row in done.rows]) == ([], [THREE])


def test_closing_the_iterator_cancels_requests_and_keeps_what_was_yielded(
    digests: Digests,
) -> None:
    hold = threading.Event()
    for path in (TXZ, RC):
        digests.site.answer(f"{path}.sigstore", Answer(hold=hold))
    running = record_digests(digests.store, digests.client, digests.due)
    assert next(running).directory == "3.13.9"
    running.close()
    # The threads that wait for the site end with its answer, and do no more.
    hold.set()
    for thread in threading.enumerate():
        if thread.name.startswith("pyorg-site"):
            thread.join()
    assert len(digests.rows("3.13.9")) == 1
    assert digests.rows() == []


@pytest.mark.usefixtures("digests", "with_extra")
def test_a_bundle_that_does_not_verify_is_rejected_and_stays_due(digests: Digests) -> None:
    done = digests.record()["3.14.0"]
    assert done.paths("rejected") == [TXZ, RC]
    assert states(digests) == [("rejected", None)] * 2
    assert digests.rows()[0]["error"].startswith("signature not verified")
    assert digests.due == ["3.14.0"]


def test_real_bundles_are_verified_once_the_extra_is_installed(
    digests: Digests, request: pytest.FixtureRequest
) -> None:
    real = {path: content for path, content in real_bundles().items() if "3.14.0/" in path}
    assert sorted(real) == ["3.14.0/Python-3.14.0.tar.xz", "3.14.0/python-3.14.0-amd64.exe"]
    digests.site.remove(f"{RC}.sigstore")
    for path, content in real.items():
        digests.publish(path, b"stands for it")
        digests.publish(f"{path}.sigstore", content)
    digests.read_site()
    unverified = digests.record()["3.14.0"]
    assert (len(unverified.recorded), unverified.verified) == (2, 0)
    request.getfixturevalue("with_extra")
    assert digests.due == ["3.14.0"]
    assert digests.record()["3.14.0"].verified == 2
    assert digests.due == []
    for path in real:
        expected = (real_digests()[path], "sigstore", SIGNERS[3, 14].identity)
        assert published(digests)[path] == expected
