"""Is an audit trail what was written? `verify` says so, and what and where if not.

What it rests on: every line of a chain has the hash of the one before, so nothing in the
middle can be changed alone; signed checkpoints name lines of all chains, so nobody without
the key can make one anew; the manifest has the digest of every sealed file.

What verify can't find without a witness
----------------------------------------
Somebody who can write every file, but has no signing key, can

- put the whole folder back to an older state (a copy, with the ``checkpoint.json`` of
  then, or cut at a checkpoint that was signed then): it is consistent, and was true once.
  A **witness** (any client's heartbeats) finds it: status 2.
- begin the trail anew with a key of his own and his ``signing.pub``. The true **public
  key** finds it, given as ``public_key``: status 1. So does a **witness**: status 1 where
  the new one has the old one's identifier; else it is said to be of another trail, which
  is no verdict, and not intact either.
- drop what follows on the last signed checkpoint (about a second of lines, entries of the
  manifest and of the access trail) or make it up. What is there and not signed is said:
  status 3, with the count. A gateway that goes on from it signs it: look before that.
- change the time of writing in the last line, if that line holds the last checkpoint: no
  other names it yet.
- make ``checkpoint.json`` an older copy: what the lines themselves hold counts.
- empty the folder of all but the public key. It looks like a trail that was never
  begun, and is said to have no line: status 3.

Who has the signing key can do all that and more: keep it elsewhere (`signing.ENVIRONMENT`).
What is personal (``access/personal.sqlite``) is held against the digests in the access
trail, and opened where the privacy keys are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from protipp_stream.core.chain import GENESIS
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.access import verify_access
from protipp_stream.history.attested import Attested
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.layout import NAME_A_TRAIL, Layout
from protipp_stream.history.locking import with_nobody_sealing
from protipp_stream.history.manifest import Manifest
from protipp_stream.history.report import CHANGED, ROLLED_BACK, UNSIGNED, Findings, Report
from protipp_stream.history.signing import read_public_key
from protipp_stream.history.verifying_files import sealed_files, unknown_files
from protipp_stream.history.verifying_lines import (
    HotJournal,
    begun_as,
    manifest_lines,
    segments_of,
)
from protipp_stream.history.verifying_witness import NONSENSE, Witnessed, decode, witnessed

__all__ = ["verify"]

_ACCESS = {CHANGED: "changed", ROLLED_BACK: "rolled back", UNSIGNED: "unsigned"}


def verify(
    folder: Path | str,
    witness: Path | str | None = None,
    *,
    public_key: Path | str | None = None,
    progress: Progress = quietly,
) -> Report:
    """Verify an audit trail.

    Others may write, seal, merge and remove meanwhile. Only if something is wrong that a
    sealer may have under way, it is looked at again when that one has finished, and the
    next has to wait.

    Parameters
    ----------
    folder : path
        Of the trail.
    witness : path, optional
        Checkpoints that somebody else kept, a JSON object a line. They are held in
        memory: some hundred bytes each.
    public_key : path, optional
        The key, as PEM, from a place that is trusted more than the folder.
    progress : callable
        Hears of bytes read, and of how many there are.

    Returns
    -------
    Report
        With ``status`` 0, 1, 2 or 3.

    Raises
    ------
    TrailUnavailable
        If there is no trail, or it, the witness or the key can't be read, or the witness
        is of another trail: that says nothing of what was written here.
    """
    layout = Layout(folder)
    if not layout.is_begun:
        raise TrailUnavailable(
            f"There is no audit trail in {layout.folder}.",
            hint=NAME_A_TRAIL,
        )

    def once() -> Report:
        return _Verification(layout, witness, public_key, progress).report()

    try:
        before, report = _size(layout.manifest), None
        # Sealed or merged since it was named.
        with suppress(FileNotFoundError):
            report = once()
        if report is not None and _is_usual(report):
            return report
        with with_nobody_sealing(layout.sealer_lock) as has_waited:
            if report is None or has_waited or _size(layout.manifest) != before:
                report = once()
        return report
    except OSError as error:
        raise TrailUnavailable(
            f"The trail in {layout.folder} can't be read: {error}.",
            hint="Give access to it, or mend the disk, and verify it again.",
        ) from error


def _is_usual(report: Report) -> bool:
    """Whether nothing was found but what its writer has not finished yet."""
    return {finding.what for finding in report.findings} <= {"unsigned", "torn"}


class _Verification:
    """One run of `verify`."""

    def __init__(
        self,
        layout: Layout,
        witness: Path | str | None,
        public_key: Path | str | None,
        progress: Progress,
    ) -> None:
        self._layout = layout
        self._witness = witness
        self._findings = Findings()
        self._attested = Attested(self._key(public_key), self._findings)
        self._progress = progress
        self._total = sum(_sizes(layout))
        self._read = 0

    def report(self) -> Report:
        """Do it. What was written first is read last: a writer may go on meanwhile."""
        layout, findings, attested = self._layout, self._findings, self._attested
        newest = self._copied()
        witness = self._witnessed()
        manifest = manifest_lines(layout, findings, attested, self._done)
        hot = self._hot(manifest, newest)
        rows = sealed_files(layout, manifest, findings, attested.journal, self._done)
        unknown_files(layout, manifest, findings)
        attested.journal.close(hot.n, manifest.removed_lines)
        attested.manifest.close(manifest.n)
        self._access()
        self._is_copy(newest, manifest, hot)
        self._unsigned(manifest, hot)
        if witness is not None:
            witness.refuse_strangers(findings)
        return Report(
            status=findings.status,
            findings=tuple(findings.listed),
            found=findings.found,
            lines=hot.n + 1,
            rows=rows,
            files=len(manifest.files),
            bytes=self._read,
        )

    def _done(self, count: int) -> None:
        self._read += count
        self._progress(self._read, max(self._total, self._read))

    def _key(self, given: Path | str | None) -> Ed25519PublicKey | None:
        """Return the key to verify with; the folder's halves must be of the same."""
        public = self._layout.public_key
        trusted = None if given is None else read_public_key(Path(given))
        if not public.exists():
            return self._key_elsewhere(trusted)
        try:
            here = read_public_key(public)
        except TrailUnavailable as error:
            self._findings.add(CHANGED, "changed", public.name, error.message)
            return trusted
        if trusted is not None and _pem(trusted) != _pem(here):
            words = "It is another key than the one that was given."
            self._findings.add(CHANGED, "changed", public.name, words)
        elif public.read_bytes() != _pem(here):
            words = "It was not written by this package: bytes were changed."
            self._findings.add(CHANGED, "changed", public.name, words)
        self._private_fits(here)
        return trusted or here

    def _key_elsewhere(self, trusted: Ed25519PublicKey | None) -> Ed25519PublicKey:
        """Return a key for a folder whose public half is gone: it takes no signature along."""
        public, private = self._layout.public_key, self._layout.private_key
        words = "It is gone; the signatures were held against the key that was given."
        if trusted is None:
            # Who may verify need not be allowed to sign.
            with suppress(ValueError, TypeError, UnsupportedAlgorithm, OSError):
                key = load_pem_private_key(private.read_bytes(), password=None)
                if isinstance(key, Ed25519PrivateKey):
                    trusted = key.public_key()
            words = f"It is gone; the signatures were held against {private.name}."
        if trusted is None:
            raise TrailUnavailable(
                f"The public key {public} is gone, so no signature can be verified.",
                hint="Bring it back from a copy, or name one: --public-key.",
            )
        self._findings.add(CHANGED, "missing", public.name, words)
        return trusted

    def _private_fits(self, public: Ed25519PublicKey) -> None:
        path = self._layout.private_key
        if not path.exists():
            return
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            words = "It is no private key."
        # Who may verify need not be allowed to sign.
        except PermissionError:
            return
        else:
            if isinstance(key, Ed25519PrivateKey) and _pem(key.public_key()) == _pem(public):
                return
            words = "It is not the key whose public half is signing.pub."
        self._findings.add(CHANGED, "changed", path.name, words)

    def _copied(self) -> Checkpoint | None:
        """Take checkpoint.json, the newest that was signed."""
        path = self._layout.checkpoint
        if not path.exists():
            return None
        try:
            checkpoint = decode(path.read_bytes())
        except NONSENSE as error:
            self._findings.add(CHANGED, "changed", path.name, f"It is no checkpoint: {error}.")
            return None
        return checkpoint if self._attested.add(checkpoint, path.name) else None

    def _witnessed(self) -> Witnessed | None:
        """Take what the witness has seen of this journal."""
        if self._witness is None:
            return None
        journal = self._attested.journal_id or begun_as(self._layout)
        return witnessed(Path(self._witness), journal, self._findings, self._attested)

    def _hot(self, manifest: Manifest, newest: Checkpoint | None) -> HotJournal:
        journal = HotJournal(manifest, newest, self._findings, self._attested)
        paths = segments_of(self._layout, manifest, self._findings, self._done)
        sizes = [path.stat().st_size for path in paths]
        for path, size in zip(paths, sizes, strict=True):
            journal.segment(path, size, path == paths[-1], self._done)
        return journal

    def _is_copy(self, newest: Checkpoint | None, manifest: Manifest, hot: HotJournal) -> None:
        """checkpoint.json is written after the line that holds the same checkpoint."""
        name = self._layout.checkpoint.name
        if newest is None:
            # A crash may come between the very first line and its copy.
            if self._attested.count > 1 and not self._layout.checkpoint.exists():
                self._findings.add(ROLLED_BACK, "missing", name, "It is gone.")
        elif hot.n == newest.n:
            words = f"Line {newest.n + 1}, which held this checkpoint, is gone."
            self._findings.add(ROLLED_BACK, "rolled back", name, words)
        elif manifest.next_line <= newest.n + 1 <= hot.n and not hot.has_copy:
            words = f"Line {newest.n + 1} does not hold this checkpoint."
            self._findings.add(CHANGED, "changed", name, words)

    def _access(self) -> None:
        # In step with its writer, who waits meanwhile: the records, not the gateway.
        heads = [(-1, GENESIS), *self._attested.access.expected]
        for status, what, n in verify_access(self._layout.folder, heads):
            where = "access" if n is None or n < 0 else f"access record {n}"
            self._findings.add(status, _ACCESS[status], where, f"{what[0].upper()}{what[1:]}.")
        self._done(_size(self._layout.access_trail))

    def _unsigned(self, manifest: Manifest, hot: HotJournal) -> None:
        signed = max(self._attested.journal.signed, hot.signed_line)
        if signed + 1 < manifest.next_line:
            # The line that holds a checkpoint is sealed with the one that it names.
            signed += 1
        for one, more, chain, last, through in (
            ("line", "lines", "odds journal", hot.n, signed),
            ("entry", "entries", "manifest", manifest.n, self._attested.manifest.signed),
        ):
            if (count := last - through) > 0:
                words = (
                    f"{count:,} {one if count == 1 else more} of the {chain} after the last"
                    " signature: nothing says yet that this is what was written. The gateway's"
                    " next checkpoint does."
                )
                self._findings.add(UNSIGNED, "unsigned", f"after {through}", words)
        if hot.n < 0:
            self._findings.add(UNSIGNED, "unsigned", "hot", "The journal has no line at all.")


def _sizes(layout: Layout) -> Iterator[int]:
    for folder in (layout.hot, layout.odds):
        yield from (path.stat().st_size for path in folder.rglob("*") if path.is_file())
    yield from map(_size, (layout.manifest, layout.access_trail))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
