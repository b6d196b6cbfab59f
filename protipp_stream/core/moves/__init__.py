"""Is a move significant, and why.

`move` is one change of one price, and what a rule is · `rules` are those that have
names · `detector` compares with the last quote and over a window · `own_scale`
with the selection's own past · `price_steps` counts in an exchange's steps ·
`steam` finds several bookmakers that move together.
"""

from protipp_stream.core.moves.move import Move, Rule, RuleWithMemory
from protipp_stream.core.moves.rules import (
    RULES,
    cusum,
    either,
    ewma_z,
    h,
    is_steam,
    logit,
    pct,
    prob,
    rule_named,
    steam,
    ticks,
)
from protipp_stream.core.moves.steam import Steam, SteamWatch

__all__ = [
    "RULES",
    "Move",
    "Rule",
    "RuleWithMemory",
    "Steam",
    "SteamWatch",
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
