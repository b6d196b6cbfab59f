"""A page for the tests: how many browsers are watching the hostile table."""

import panel as pn

odds = pn.state.as_cached("hostile odds", lambda: None)
pn.pane.HTML(f"<p id=watchers>{len(odds.watchers)}</p>").servable()
