"""The rules and steam on four recorded days of baseball: what share of the moves they flag."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from pathlib import Path

import pytest

from protipp_stream.core.moves import RULES, Move, rule_named
from protipp_stream.core.moves.steam import SteamWatch

from .recorded import recorded_moves

pytestmark = pytest.mark.recording

EDGES = (0.2, 0.35, 0.5, 0.65, 0.8)
NAMES = ("p<.2", ".2-.35", ".35-.5", ".5-.65", ".65-.8", "p>.8")
FEW = 200  # moves in a bucket prove nothing


def moneyline(path: Path) -> list[Move]:
    return [m for m in recorded_moves(path) if m.selection and m.selection.market == "h2h"]


def bucket(move: Move) -> str:
    return NAMES[bisect_right(EDGES, move.old_probability)]


class Shares:
    """Which part of the moves a rule flags: in all and by price, before the start and in play."""

    def __init__(self, name: str, moves: list[Move]) -> None:
        rule = rule_named(name)
        seen: Counter[tuple[str, bool]] = Counter()
        flagged: Counter[tuple[str, bool]] = Counter()
        for move in moves:
            is_flagged = rule(move) is not None
            for key in ((bucket(move), move.in_play), ("all", move.in_play)):
                seen[key] += 1
                flagged[key] += is_flagged
        self._name = name
        self._share = {key: flagged[key] / seen[key] for key in seen}
        self._seen = seen

    def of(self, bucket: str = "all", *, in_play: bool = False) -> float:
        return self._share[bucket, in_play]

    def spread(self, *, in_play: bool = False) -> float:
        """The largest share of a well-filled bucket over the smallest."""
        shares = [self.of(b, in_play=in_play) for b in NAMES if self._seen[b, in_play] >= FEW]
        return max(shares) / max(min(shares), 1e-4)

    def line(self, *, in_play: bool) -> str:
        cells = [
            f"{self._share[b, in_play]:7.1%}" if self._seen[b, in_play] >= FEW else "      -"
            for b in ("all", *NAMES)
        ]
        return f"  {self._name:8}{''.join(cells)}"


@pytest.fixture(scope="module")
def shares(baseball: Path) -> dict[str, Shares]:
    moves = moneyline(baseball)
    return {name: Shares(name, moves) for name in RULES}


def test_the_share_flagged_is_printed(
    shares: dict[str, Shares], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        for in_play in (False, True):
            phase = "in play" if in_play else "before the start"
            header = "".join(f"{name:>7}" for name in ("all", *NAMES))
            print(f"\nshare of moneyline moves flagged {phase}:\n  {'':8}{header}")  # noqa: T201
            print("\n".join(s.line(in_play=in_play) for s in shares.values()))  # noqa: T201


def test_before_the_start_h_flags_two_to_four_in_a_hundred(shares: dict[str, Shares]) -> None:
    # One tick alone: 2.5 %; by price 2.1 to 3.7 %. The window adds slow drifts.
    assert 0.015 < shares["h"].of() < 0.04


def test_h_is_even_across_prices_where_pct_is_not(shares: dict[str, Shares]) -> None:
    # Baseball has hardly a long shot before the start, and yet.
    assert shares["h"].spread() < 4
    assert shares["pct"].spread() > 2 * shares["h"].spread()


def test_in_play_h_flags_no_more_than_before_the_start_where_pct_flags_most(
    shares: dict[str, Shares],
) -> None:
    assert 0.005 < shares["h"].of(in_play=True) < 0.05
    assert shares["pct"].of(in_play=True) > 0.5


def test_a_drift_is_rare(shares: dict[str, Shares]) -> None:
    assert 0 < shares["cusum"].of() < shares["h"].of()
    assert 0 < shares["cusum"].of(in_play=True) < 0.05


def test_steam_is_found_and_its_clones_matter(
    baseball: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(groups: list[set[str]], **how: float) -> tuple[int, int]:
        watch = SteamWatch(groups, **how)
        steams = [(move.in_play, steam) for move in moves if (steam := watch.take(move))]
        return sum(not in_play for in_play, _ in steams), sum(in_play for in_play, _ in steams)

    moves = moneyline(baseball)
    clones = [{"betonlineag", "lowvig"}]
    lines = [
        f"  within {window} s, |h| >= {least}: {found(clones, window_s=window, least_h=least)}"
        for window in (60, 330)
        for least in (0.01, 0.015, 0.02)
    ]
    with_clones, without = found(clones), found([])
    with capsys.disabled():
        print("\nsteam on moneylines (before the start, in play):")  # noqa: T201
        print("\n".join(lines))  # noqa: T201
        print(f"  as by default {with_clones}, clones counted as two {without}")  # noqa: T201
    assert 0 < with_clones[0] < without[0]
