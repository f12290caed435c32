"""Who signs what."""

from __future__ import annotations

from pyorg_pipeline.model.digests import SIGNERS, Signer
from pyorg_pipeline_tests.support.shared_data import real_signers


def test_a_series_has_an_identity_and_the_issuer_that_vouches_for_it() -> None:
    assert SIGNERS[3, 13] == Signer("thomas@python.org", "https://accounts.google.com")
    assert SIGNERS[3, 14] == Signer("hugo@python.org", "https://github.com/login/oauth")
    assert (3, 6) not in SIGNERS


def test_the_table_is_the_published_one() -> None:
    assert dict(SIGNERS) == real_signers()
