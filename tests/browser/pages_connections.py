"""A page for the tests: the connection to a gateway outside of it, steered and watched."""

import panel as pn

import protipp_stream as ps
from protipp_stream.ui import ConnectionManager, GatewayView

odds = pn.state.as_cached("odds", ps.connect)
steered = pn.state.as_cached("steered", lambda: ConnectionManager(odds))
watched = pn.state.as_cached("watched", lambda: ConnectionManager(odds, controls=False))
gateway = pn.state.as_cached("gateway", lambda: GatewayView(odds))
is_viewer = "view" in pn.state.location.query_params
pn.Column(watched if is_viewer else steered, gateway, sizing_mode="stretch_width").servable()
