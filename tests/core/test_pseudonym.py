"""Pseudonyms: the same for the same name and key, and told apart otherwise."""

from __future__ import annotations

import hashlib

from protipp_stream.core.pseudonym import LENGTH, pseudonym

KEY, OTHER = b"k" * 32, b"o" * 32


def test_equal_names_have_equal_pseudonyms_under_one_key_only() -> None:
    first = pseudonym(KEY, "subject", "alice")
    assert first == pseudonym(KEY, "subject", "alice")
    others = [
        pseudonym(OTHER, "subject", "alice"),
        pseudonym(KEY, "address", "alice"),
        pseudonym(KEY, "subject", "alicf"),
    ]
    assert len({first, *others}) == 4
    assert all(each and len(each) == LENGTH for each in others)


def test_it_is_no_plain_digest_and_nobody_has_none() -> None:
    made = pseudonym(KEY, "address", "203.0.113.1")
    assert made not in hashlib.sha256(b"203.0.113.1").hexdigest()
    assert pseudonym(KEY, "subject", None) is None
