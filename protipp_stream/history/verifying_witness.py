"""Verifying with a witness: what somebody else saw of a trail, if it is of this one at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.attested import Attested
from protipp_stream.history.report import CHANGED, INTACT, UNSIGNED, Findings

__all__ = ["NONSENSE", "Witnessed", "decode", "witnessed"]

decode = msgspec.json.Decoder(Checkpoint).decode
NONSENSE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What `decode` raises for bytes that are no checkpoint."""


class Witnessed(NamedTuple):
    """What a witness is of.

    Attributes
    ----------
    path : Path
    journal : str or None
        The trail's.
    ours : int
        Checkpoints of it.
    strangers : Counter of str
        Checkpoints of others, by journal.
    """

    path: Path
    journal: str | None
    ours: int
    strangers: Counter[str]

    def refuse_strangers(self, findings: Findings) -> None:
        """Say that checkpoints of other journals prove nothing here.

        They do not make a trail a changed one: most likely it is the wrong file. But it
        must not be called intact either, as somebody may have put another trail there.

        Raises
        ------
        TrailUnavailable
            Unless something is wrong with the trail anyway.
        """
        if not self.strangers:
            return
        some = f"{self.strangers.total()} checkpoints of this witness are"
        what = some if self.ours else "This witness is"
        others = ", ".join(sorted(self.strangers)[:3])
        words = f"{what} of another trail (journal {others}); here is journal {self.journal}."
        if findings.status not in {INTACT, UNSIGNED}:
            findings.add(findings.status, "another's", self.path.name, words)
            return
        raise TrailUnavailable(
            f"{self.path}: {words}",
            hint="Give what was kept of this trail. If that is the one, this folder holds"
            " another trail than then: it was begun anew, or put in its place.",
        )


def witnessed(path: Path, journal: str | None, findings: Findings, attested: Attested) -> Witnessed:
    """Take what a witness has seen of a journal; of any, where its name is not known.

    Raises
    ------
    TrailUnavailable
        If it can't be read, or no line of it is a checkpoint.
    """
    doubts = Findings()
    found = Witnessed(path, journal, 0, Counter())
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                where = f"{path.name} line {number}"
                try:
                    checkpoint = decode(text)
                except NONSENSE as error:
                    # Its client may be about to write the rest.
                    if text.endswith(b"\n"):
                        words = f"The witness says something that is no checkpoint: {error}."
                        doubts.add(CHANGED, "forged", where, words)
                    continue
                if journal is not None and checkpoint.journal != journal:
                    found.strangers[checkpoint.journal] += 1
                else:
                    attested.add(checkpoint, where)
                    found = found._replace(ours=found.ours + 1)
    except OSError as error:
        raise TrailUnavailable(f"The witness can't be read: {error}.") from error
    if not found.ours and not found.strangers:
        raise TrailUnavailable(
            f"The witness {path} holds no checkpoint.",
            hint="Give the file that a client kept: connect(…, witness=FILE).",
        )
    for doubt in doubts.listed:
        findings.add(*msgspec.structs.astuple(doubt))
    return found
