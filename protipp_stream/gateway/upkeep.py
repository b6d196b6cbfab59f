"""What is done to the trails beside a gateway: finished segments sealed, what is old removed.

In processes of their own: both take seconds of a core, which in this one would hold up
every subscriber.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from datetime import datetime
from pathlib import Path

from protipp_stream.errors import TrailError
from protipp_stream.gateway.clock import Clock
from protipp_stream.gateway.settings import Settings
from protipp_stream.history.layout import Layout

__all__ = ["Upkeep"]

LOOK_S, RETRY_S = 5.0, 60.0
RETAIN_EVERY_S = 24 * 3600.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Looks after the trails in a folder, as long as `run` does.

    Parameters
    ----------
    folder : Path
    settings : Settings
        How long what is kept.
    clock : Clock
        Injected by tests.
    look_s : float
        Seconds between looks whether there is anything to do.
    retry_s : float
        Seconds after which what has failed is tried again.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        clock: Clock,
        *,
        look_s: float = LOOK_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._layout = Layout(folder)
        self._settings = settings
        self._clock = clock
        self._look_s, self._retry_s = look_s, retry_s
        # At once: a gateway that is restarted every day must come to it, too.
        self._retain_due = clock.monotonic()
        self._retained_at: datetime | None = None
        self._sealed_at: datetime | None = None
        self._errors: dict[str, str] = {}

    @property
    def state(self) -> dict[str, object]:
        """When was last sealed and what is old removed, and what has failed; for the status."""
        last_error = "; ".join(self._errors.values()) or None
        return {
            "sealed_at": self._sealed_at,
            "retained_at": self._retained_at,
            "last_error": last_error,
        }

    async def run(self) -> None:
        """Do what is due, until cancelled; what fails is said and tried again."""
        while True:
            is_well = True
            # The newest is still written to.
            if len(self._layout.segments()) > 1:
                is_well = await self._done("seal")
                if is_well:
                    self._sealed_at = self._clock.wall()
            if self._clock.monotonic() >= self._retain_due:
                is_well = await self._retained() and is_well
            await asyncio.sleep(self._look_s if is_well else self._retry_s)

    async def _retained(self) -> bool:
        now = self._clock.wall()
        if await asyncio.to_thread(self._is_anything_old, now):
            kept = self._settings
            limits = {
                "--odds-days": kept.odds_days,
                "--access-days": kept.access_days,
                "--address-days": kept.address_days,
            }
            options = [f"{name}={_told(days)}" for name, days in limits.items()]
            if not await self._done("retain", *options):
                return False
        self._retained_at = now
        self._retain_due = self._clock.monotonic() + RETAIN_EVERY_S
        return True

    def _is_anything_old(self, now: datetime) -> bool:
        """Look whether it is worth a process."""
        # Who keeps no history does not wait for its imports.
        from protipp_stream.history.access import AccessPolicy, is_anything_old

        kept = self._settings
        policy = AccessPolicy(access_days=kept.access_days, address_days=kept.address_days)
        try:
            is_old = is_anything_old(self._layout.folder, policy, now=now)
        except (OSError, TrailError):
            return True  # the command says what is wrong
        return is_old or kept.odds_days is not None

    async def _done(self, command: str, *options: str) -> bool:
        try:
            is_well, words = await _told_by("history", command, str(self._layout.folder), *options)
        except OSError as error:
            # No process or descriptor is left just now: it must not be the end of it.
            is_well, words = False, str(error)
        if is_well:
            self._errors.pop(command, None)
            _log.info("%s", words)
        else:
            self._errors[command] = f"history {command}: {words}"
            _log.warning("history %s has failed: %s", command, words)
        return is_well


def _told(days: float | None) -> str:
    return "inf" if days is None else f"{days:g}"


async def _told_by(*command: str) -> tuple[bool, str]:
    """Run a command of ours; return whether it went well, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "protipp_stream", *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C is for the gateway, which ends it in its turn.
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        # It can be interrupted anywhere: the next one clears away what it leaves.
        with contextlib.suppress(ProcessLookupError):  # it has ended just now, by itself
            process.terminate()
        await process.wait()
        raise
    lines = said.decode(errors="replace").splitlines()
    return process.returncode == 0, "; ".join(line.strip() for line in lines if line.strip())
