"""What signed checkpoints attest, held against what is there.

A checkpoint says: line n of the journal had this hash, line m of the manifest that one,
line k of the access trail a third. Lines are met one after another, in files that may be
larger than memory, so what is attested is kept by number and struck off when it is met.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protipp_stream.core.chain import GENESIS
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.history.report import CHANGED, ROLLED_BACK, Findings
from protipp_stream.history.signing import verified

__all__ = ["Attested", "Chain"]


class Chain:
    """What is attested of one chain.

    Parameters
    ----------
    name : str
        In words, for findings.
    short : bool
        It is short enough to remember every line of it.

    Attributes
    ----------
    signed : int
        The last line that a signed checkpoint names.
    """

    def __init__(self, name: str, findings: Findings, *, short: bool = False) -> None:
        self.name = name
        self.signed = -1
        self._findings = findings
        self._met: dict[int, str] | None = {} if short else None
        self._waiting: dict[int, list[tuple[str, str]]] = {}

    def expect(self, n: int, digest: str, where: str) -> None:
        """Line ``n`` must have this hash, says whoever stands in ``where``."""
        if n < 0:
            if digest != GENESIS:
                self._findings.add(CHANGED, "changed", where, f"It names no line of {self.name}.")
            return
        said = self._waiting.setdefault(n, [])
        if all(digest != other for other, _ in said):
            said.append((digest, where))
        if self._met is not None and n in self._met:
            self.meet(n, self._met[n], where)

    def meet(self, n: int, digest: str, at: str) -> None:
        """Line ``n`` is here, with this hash."""
        if self._met is not None:
            self._met[n] = digest
        for expected, where in self._waiting.pop(n, ()):
            if expected != digest:
                words = f"Line {n} of {self.name} is another one than {where} says."
                self._findings.add(CHANGED, "changed", at, words)

    @property
    def expected(self) -> list[tuple[int, str]]:
        """Every line that nobody met yet, with each hash that somebody says it has."""
        return [(n, digest) for n, said in self._waiting.items() for digest, _ in said]

    def waiting(self) -> npt.NDArray[np.int64]:
        """Return the numbers that nobody met yet, sorted."""
        return np.array(sorted(self._waiting), np.int64)

    def close(self, last: int, gone: Iterable[range] = ()) -> None:
        """All lines up to ``last`` were met, but for those that were removed on purpose."""
        removed = list(gone)
        for n, said in sorted(self._waiting.items()):
            if any(n in stretch for stretch in removed):
                continue
            for _, where in said:
                if n > last:
                    words = f"{self.name} should reach line {n}, but ends with {last}."
                    self._findings.add(ROLLED_BACK, "rolled back", where, words)
                else:
                    words = f"Line {n} of {self.name} is not there any more."
                    self._findings.add(CHANGED, "missing", where, words)


class Attested:
    """All that signed checkpoints say.

    Parameters
    ----------
    key : Ed25519PublicKey or None
        None: there is none that can be trusted; then nothing is signed.

    Attributes
    ----------
    count : int
        Checkpoints whose signature holds.
    """

    def __init__(self, key: Ed25519PublicKey | None, findings: Findings) -> None:
        self.count = 0
        self.journal_id: str | None = None
        self.journal = Chain("the odds journal", findings)
        self.manifest = Chain("the manifest", findings, short=True)
        self.access = Chain("the access trail", findings)
        self._key = key
        self._findings = findings

    def add(self, checkpoint: Checkpoint, where: str, *, in_place: bool = False) -> bool:
        """Take a checkpoint; say whether it is signed.

        Parameters
        ----------
        in_place : bool
            It stands in the line after the one that it names, which was compared already.
        """
        if self._key is None:
            return False
        if not verified(checkpoint, self._key):
            words = "A checkpoint is not signed with the trail's key."
            self._findings.add(CHANGED, "forged", where, words)
            return False
        self.count += 1
        self.of_journal(checkpoint.journal, where)
        for chain, n, digest in (
            (self.journal, checkpoint.n, checkpoint.hash),
            (self.manifest, checkpoint.manifest_n, checkpoint.manifest_hash),
            (self.access, checkpoint.access_n, checkpoint.access_hash),
        ):
            if chain is not self.journal or not in_place:
                chain.expect(n, digest, where)
            chain.signed = max(chain.signed, n)
        return True

    def of_journal(self, name: str, where: str) -> None:
        """Something belongs to the journal of that name: all must, to the same."""
        self.journal_id = self.journal_id or name
        if name != self.journal_id:
            words = f"It belongs to another journal, {name!r}, not {self.journal_id!r}."
            self._findings.add(CHANGED, "changed", where, words)
