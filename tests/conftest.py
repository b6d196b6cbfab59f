"""What every test may ask for: the recordings and a real browser.

Where one of them is missing, the tests that need it skip and say how to get
it; in CI a skip of that kind is a failure, because there it would hide one.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.left_trails import Made

# A busy machine is no reason to fail. Here, because a property takes the
# profile that is loaded when its module is imported.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# For a second interpreter: does it run there, not once more whether it is right.
settings.register_profile("few", parent=settings.get_profile("unhurried"), max_examples=25)

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _level_of_our_log() -> Iterator[None]:
    """What a command does in this process, it would do to every test after it."""
    ours = logging.getLogger("protipp_stream")
    level = ours.level
    yield
    ours.setLevel(level)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"in CI this must be present: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded odds."""
    folder = Path(os.environ.get("PROTIPP_RECORDINGS") or ROOT.parent / "shared" / "recordings")
    if not folder.is_dir():
        _missing(f"no recordings at {folder}: set PROTIPP_RECORDINGS to their folder")
    return folder


@pytest.fixture(scope="session")
def baseball(recordings: Path) -> Path:
    """Four days of baseball, as The Odds API answered."""
    file = recordings / "the_odds_api" / "mlb_2026-08-04_07.jsonl.xz"
    if not file.is_file():
        _missing(f"{file.name} is not in {recordings}")
    return file


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a real Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    _missing("no Chromium: install Debian's package with `apt-get install chromium`")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A trail of two gateways, one after the other."""
    from tests.left_trails import Made

    return Made(tmp_path_factory.mktemp("history"))


@pytest.fixture
def audit(made: Made, tmp_path: Path) -> str:
    """A copy of the trail, to do with as a test likes."""
    return str(shutil.copytree(made.audit, tmp_path / "audit"))
