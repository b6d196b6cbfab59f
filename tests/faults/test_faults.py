"""No update is ever lost silently: a random schedule of faults over many clients.

``PROTIPP_SEED=7 pytest tests/faults/test_faults.py -s`` repeats a schedule, as far as
sockets allow; ``PROTIPP_SOAK=1000`` makes the long version run, with so many faults.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.proxy import Network
from tests.faults.scaled_time import faulty_settings
from tests.faults.schedule import Schedule

SOAK = int(os.environ.get("PROTIPP_SOAK", 0))


@pytest.fixture
def seed(capsys: pytest.CaptureFixture[str]) -> int:
    seed = int(os.environ.get("PROTIPP_SEED") or random.randrange(1_000_000))
    with capsys.disabled():
        print(f"\nPROTIPP_SEED={seed}")  # noqa: T201
    return seed


def run(
    network: Network,
    capsys: pytest.CaptureFixture[str],
    *,
    seed: int,
    faults: int,
    clients: int,
    restarts: int,
) -> None:
    # A second or so of log: a short absence is replayed, a longer one patched.
    schedule = Schedule(
        network,
        faulty_settings(backlog=250),
        seed=seed,
        faults=faults,
        clients=clients,
        restarts=restarts,
    )
    try:
        schedule.run()
    finally:
        schedule.close()
    with capsys.disabled():
        print(schedule.report())  # noqa: T201
    assert not schedule.wrong, "\n".join([f"PROTIPP_SEED={seed}", *schedule.details])
    assert schedule.struck_by.total() == faults


@pytest.mark.slow
@pytest.mark.usefixtures("scaled")
def test_a_hundred_and_twenty_faults(
    network: Network, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    run(network, capsys, seed=seed, faults=120, clients=12, restarts=2)


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="takes minutes: set PROTIPP_SOAK=1000, the number of faults")
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("scaled")
def test_a_thousand_faults(network: Network, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    run(network, capsys, seed=seed, faults=SOAK, clients=24, restarts=max(2, SOAK // 50))
