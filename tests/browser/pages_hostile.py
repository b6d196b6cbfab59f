"""A page for the tests: names that would like to be markup."""

from datetime import timedelta

import panel as pn

from protipp_stream.errors import LinkError
from protipp_stream.model import Event
from protipp_stream.ui import OddsTable, RealTimeStatus
from tests.ui.fake import NOON, FakeOdds, connection, quote
from tests.ui.hostile import FORMULA, MARKUP, RTL


def hostile() -> FakeOdds:
    odds = FakeOdds(
        [
            quote(MARKUP, "e1", "h2h", MARKUP, 2.5),
            quote("honest", "e1", "h2h", MARKUP, 2.0),
            quote("honest", "e1", "h2h", RTL, 1.5),
            quote(FORMULA, "__proto__", MARKUP, FORMULA, None),
        ],
        [Event("e1", MARKUP, MARKUP, NOON + timedelta(hours=7), MARKUP, RTL)],
    )
    odds.refusal = LinkError(MARKUP)  # so the page stays with Python's frames
    odds.status = connection(status="disconnected", detail="backoff", last_error=MARKUP)
    odds.sources = {MARKUP: connection(id=MARKUP, last_error=MARKUP, status="error")}
    return odds


odds = pn.state.as_cached("hostile odds", hostile)
table = pn.state.as_cached("hostile table", lambda: OddsTable(odds))
pn.Column(RealTimeStatus(odds), table).servable()
