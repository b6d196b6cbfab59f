"""Is a move significant, and why: rules over one change of one price.

A rule takes a `Move` and returns the reason in words, or None. The default is
Cohen's h on the implied probability: its share of flagged moves is even across
prices, where a change of 5 % in the odds flags most long shots and hardly any
favourite. In play, where prices move fourteen times as far, it judges by what is
usual for the selection.

A rule of one's own is a plain function. A rule that remembers selections is an
object with `forget(event_id)`, too; the rules here are of that kind, so each
book takes one for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import asin, log, sqrt

from protipp_stream.core.moves.detector import Detector, Scale
from protipp_stream.core.moves.move import Move, Rule, RuleWithMemory
from protipp_stream.core.moves.own_scale import Cusum, EwmaZ
from protipp_stream.core.moves.price_steps import price_steps
from protipp_stream.core.moves.steam import SteamWatch
from protipp_stream.errors import ConfigurationError

__all__ = [
    "RULES",
    "Move",
    "Rule",
    "RuleWithMemory",
    "cusum",
    "either",
    "ewma_z",
    "h",
    "is_steam",
    "logit",
    "pct",
    "prob",
    "rule_named",
    "steam",
    "ticks",
]

# Several reasons are one text; that of steam begins like this.
_AND, _STEAM = "; ", "steam: "

WINDOW_S, COOLDOWN_S = 300.0, 30.0
H_THRESHOLD = 0.045


def h(
    threshold: float = H_THRESHOLD, *, window_s: float = WINDOW_S, cooldown_s: float = COOLDOWN_S
) -> Rule:
    """Flag by Cohen's h, ``2(asin sqrt(p1) - asin sqrt(p0))``; in play by `ewma_z`.

    Parameters
    ----------
    threshold : float
        Before the start, flag at ``abs(h) >= threshold``: recorded, 2.5 % of the
        changes of baseball moneylines. In play the floor of `ewma_z`.
    window_s : float
        Seconds: before the start the price is also compared with one that
        stood up to so long ago. 0 compares with the last quote only.
    cooldown_s : float
        Seconds in which a selection is not flagged again in the same direction,
        unless by a larger move.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 6.2.
    """
    scale = Scale(
        position=_arc,
        size=_difference,
        words=lambda size, span, move: f"h={size:+.3f} in {span} ({move.basis})",
        is_of_probability=True,
    )
    return _ByPhase(
        Detector(scale, threshold, window_s=window_s, cooldown_s=cooldown_s),
        ewma_z(floor=threshold, cooldown_s=cooldown_s),
    )


def pct(
    threshold: float = 0.05, *, window_s: float = WINDOW_S, cooldown_s: float = COOLDOWN_S
) -> Rule:
    """Flag by the relative change of the decimal odds, the story's original rule.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(new / old - 1) >= threshold``; 0.05 is 5 %.
    window_s, cooldown_s : float
        Seconds; as in `h`.
    """
    scale = Scale(
        position=lambda odds, probability: odds,
        size=lambda old, new: new / old - 1,
        words=lambda size, span, move: f"odds {size:+.1%} in {span}",
        is_of_probability=False,
    )
    return Detector(scale, threshold, window_s=window_s, cooldown_s=cooldown_s)


def prob(
    threshold: float = 0.02, *, window_s: float = WINDOW_S, cooldown_s: float = COOLDOWN_S
) -> Rule:
    """Flag by the change of the implied probability, in absolute points.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(p1 - p0) >= threshold``; 0.02 is two percentage points, which
        at even odds is h = 0.04.
    window_s, cooldown_s : float
        Seconds; as in `h`.
    """
    scale = Scale(
        position=lambda odds, probability: probability,
        size=_difference,
        words=lambda size, span, move: f"p {100 * size:+.1f} points in {span} ({move.basis})",
        is_of_probability=True,
    )
    return Detector(scale, threshold, window_s=window_s, cooldown_s=cooldown_s)


def logit(
    threshold: float = 0.09, *, window_s: float = WINDOW_S, cooldown_s: float = COOLDOWN_S
) -> Rule:
    """Flag by the change of the log-odds, ``log(p / (1 - p))``.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(logit(p1) - logit(p0)) >= threshold``; 0.09 at even odds is
        h = 0.045.
    window_s, cooldown_s : float
        Seconds; as in `h`.
    """
    scale = Scale(
        position=lambda odds, probability: log(probability / (1 - probability)),
        size=_difference,
        words=lambda size, span, move: f"logit {size:+.3f} in {span} ({move.basis})",
        is_of_probability=True,
    )
    return Detector(scale, threshold, window_s=window_s, cooldown_s=cooldown_s)


def ticks(
    threshold: float = 5.0, *, window_s: float = WINDOW_S, cooldown_s: float = COOLDOWN_S
) -> Rule:
    """Flag by the number of price steps on an exchange's ladder.

    Parameters
    ----------
    threshold : float
        Flag at so many steps; see `price_steps.price_steps`. Five steps are 2.0
        to 2.1 and 5.0 to 5.5, but only 1.5 to 1.55.
    window_s, cooldown_s : float
        Seconds; as in `h`.
    """
    scale = Scale(
        position=lambda odds, probability: price_steps(odds),
        size=_difference,
        words=lambda size, span, move: f"odds {size:+.1f} price steps in {span}",
        is_of_probability=False,
    )
    return Detector(scale, threshold, window_s=window_s, cooldown_s=cooldown_s)


def ewma_z(
    threshold: float = 4.0,
    *,
    floor: float = H_THRESHOLD,
    weight: float = 0.1,
    warm_up: int = 5,
    cooldown_s: float = COOLDOWN_S,
) -> Rule:
    """Flag an h that is large for this selection: the rule for play.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(z) >= threshold``, z being h over the selection's own scale.
    floor : float
        No smaller h is flagged.
    weight, warm_up, cooldown_s
        See `own_scale.EwmaZ`.
    """
    return EwmaZ(threshold, floor=floor, weight=weight, warm_up=warm_up, cooldown_s=cooldown_s)


def cusum(
    threshold: float = 4.0, *, allowance: float = 0.25, floor: float = 0.0125, weight: float = 0.1
) -> Rule:
    """Flag a slow drift, however long it takes; never a single jump.

    Parameters
    ----------
    threshold, allowance, floor, weight : float
        See `own_scale.Cusum`.
    """
    return Cusum(threshold, allowance=allowance, floor=floor, weight=weight)


def steam(
    groups: Iterable[Iterable[str]] = (), *, bookmakers: int = 3, window_s: float = 120.0
) -> Rule:
    """Flag the move that makes several independent bookmakers move one way.

    Parameters
    ----------
    groups : iterable of sets of str
        Bookmakers that copy one another; those of a group count as one.
    bookmakers : int
        How many independent ones it takes.
    window_s : float
        Seconds within which they move; see `steam.SteamWatch`.
    """
    return _Steam(SteamWatch(groups, bookmakers=bookmakers, window_s=window_s))


def either(*rules: Rule) -> Rule:
    """Flag what any of these flags, with all their reasons.

    Parameters
    ----------
    *rules : Rule
        Each sees every move, whatever the others say.
    """
    return _Either(rules)


def is_steam(reason: str | None) -> bool:
    """Tell whether a move was flagged as steam, whatever other reasons it had.

    Examples
    --------
    >>> is_steam("h=+0.06; steam: 3 independent bookmakers up within 20 s")
    True
    """
    return any(part.startswith(_STEAM) for part in (reason or "").split(_AND))


class _Steam:
    def __init__(self, watch: SteamWatch) -> None:
        self._watch = watch
        self.forget = watch.forget

    def __call__(self, move: Move) -> str | None:
        found = self._watch.take(move)
        return f"{_STEAM}{found.reason}" if found else None


class _Either:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def __call__(self, move: Move) -> str | None:
        reasons = [reason for rule in self._rules if (reason := rule(move)) is not None]
        return _AND.join(reasons) or None

    def forget(self, event_id: str) -> None:
        for rule in self._rules:
            if isinstance(rule, RuleWithMemory):
                rule.forget(event_id)


class _ByPhase(_Either):
    """One rule before the start, another in play."""

    def __init__(self, before: Rule, in_play: Rule) -> None:
        super().__init__((before, in_play))
        self._before = before
        self._in_play = in_play

    def __call__(self, move: Move) -> str | None:
        return (self._in_play if move.in_play else self._before)(move)


def _arc(_odds: float, probability: float) -> float:
    # `h_of`, without the call: this runs twice for every change of a price.
    return 2 * asin(sqrt(probability))


def _difference(old: float, new: float) -> float:
    return new - old


RULES: dict[str, Callable[[], Rule]] = {
    "h": h,
    "pct": pct,
    "prob": prob,
    "logit": logit,
    "ticks": ticks,
    "ewma_z": ewma_z,
    "cusum": cusum,
    "steam": steam,
}


def rule_named(name: str) -> Rule:
    """Return a new rule of that name with its default threshold.

    Raises
    ------
    ConfigurationError
        For a name that is not in `RULES`.
    """
    try:
        return RULES[name]()
    except KeyError:
        known = ", ".join(RULES)
        raise ConfigurationError(
            f"There is no move rule {name!r}.", hint=f"Known rules: {known}."
        ) from None
