"""A page for the tests: arbitrage that stands still, and one of hostile names."""

import panel as pn

from protipp_stream.model import Event
from protipp_stream.ui import ArbitrageTable
from tests.ui.arbitrage_odds import GAME, PAIR, ArbitrageOdds, priced
from tests.ui.fake import NOON
from tests.ui.hostile import FORMULA, MARKUP, RTL


def made() -> ArbitrageOdds:
    hostile = priced(
        MARKUP,
        "e2",
        **{FORMULA: {MARKUP: 2.3, RTL: 1.8}, RTL: {MARKUP: 1.8, RTL: 2.3}},
    )
    return ArbitrageOdds([*PAIR, *hostile], [GAME, Event("e2", MARKUP, MARKUP, NOON)])


odds = pn.state.as_cached("arbitrage odds", made)
pn.state.as_cached("arbitrage table", lambda: ArbitrageTable(odds)).__panel__().servable()
