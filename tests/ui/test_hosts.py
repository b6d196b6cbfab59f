"""Both hosts, seen from Python: what they send, and that nobody who left keeps a thread."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from protipp_stream import ui
from protipp_stream.errors import ConfigurationError
from protipp_stream.ui import OddsTable, RealTimeStatus
from protipp_stream.ui.host import Component, module_text
from protipp_stream.ui.served import SessionViewer
from tests.ui.fake import FakeOdds, quote
from tests.ui.hostile import FORMULA, MARKUP, RTL

COMPONENTS = [
    each for each in vars(ui).values() if isinstance(each, type) and issubclass(each, Component)
]
SVG = "http://www.w3.org/2000/svg"  # a name; nobody asks there, and url(#…) is of the same page


@pytest.fixture
def odds() -> FakeOdds:
    return FakeOdds([quote("a", "e1", "h2h", "X", 1.8), quote("b", "e1", "h2h", "X", 1.9)])


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let components believe that a kernel shows them."""
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))


def running() -> bool:
    return any(thread.name == "protipp-ui" for thread in threading.enumerate())


def test_in_a_terminal_it_is_one_line_of_text_and_starts_nothing(odds: Any) -> None:
    table = OddsTable(odds)
    assert repr(table) == "<OddsTable of http://127.0.0.1:8765: 1 rows, live>"
    assert table._repr_mimebundle_() == {"text/plain": repr(table)}
    assert not odds.watchers
    assert not running()


def test_the_rows_told_are_those_shown(odds: Any) -> None:
    assert ": 0 rows," in repr(OddsTable(odds, markets=["totals"]))


@pytest.mark.usefixtures("notebook")
def test_a_notebook_gets_the_widget_with_its_first_frame(odds: Any) -> None:
    table = OddsTable(odds)
    data, _ = table._repr_mimebundle_()
    assert data["text/plain"] == repr(table)
    assert "application/vnd.jupyter.widget-view+json" in data
    first = json.loads(table.widget.first)
    assert first["body"]["whole"]
    assert [row[1] for row in first["body"]["selections"]] == ["a", "b"]
    assert len(odds.watchers) == 1
    table.close()
    assert not odds.watchers


@pytest.mark.usefixtures("notebook")
def test_a_view_that_is_gone_stops_the_frames_and_one_that_asks_starts_them(odds: Any) -> None:
    table = OddsTable(odds)
    table._repr_mimebundle_()
    sent: list[Any] = []
    table.widget.send = lambda content, buffers=None: sent.append(json.loads(content))

    def say(word: str, view: str = "v1") -> None:
        table.widget._handle_custom_msg({"say": word, "view": view}, [])

    say("want")
    assert sent[0]["body"]["whole"]
    say("want", "v2")
    say("gone")
    assert odds.watchers, "the second view is still there"
    say("gone", "v2")
    assert not odds.watchers
    say("want")
    assert odds.watchers
    table.close()


@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize(
    "nonsense", [None, 7, "want", [], {}, {"say": "want"}, {"say": "rm", "view": "v"}, {"view": 1}]
)
def test_words_that_are_not_ours_are_ignored(odds: Any, nonsense: Any) -> None:
    table = OddsTable(odds)
    table.widget._handle_custom_msg(nonsense, [])
    assert not odds.watchers


def test_a_served_component_costs_nothing_before_its_page_asks(odds: Any) -> None:
    table = OddsTable(odds)
    component = table.__panel__()
    assert not odds.watchers
    sent: list[str] = []
    component._send_msg = sent.append
    component._handle_msg({"say": "want", "view": "v"})
    assert json.loads(sent[0])["body"]["whole"]
    assert len(odds.watchers) == 1
    component._handle_msg({"say": "gone", "view": "v"})
    assert not odds.watchers


def test_each_place_on_a_page_gets_a_component_of_its_own(odds: Any) -> None:
    import panel as pn

    table, status = OddsTable(odds), RealTimeStatus(odds)
    column = pn.Column(status, table, table)
    assert len({id(each) for each in column}) == 3
    assert type(column[1]) is type(column[2]) is not type(column[0])


@pytest.mark.parametrize("hz", [0, -1, 61, float("nan")])
def test_an_impossible_rate_is_refused(odds: Any, hz: float) -> None:
    with pytest.raises(ConfigurationError, match="hz"):
        OddsTable(odds, hz=hz)


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_module_makes_markup_of_text_or_asks_another_server(component: Any) -> None:
    text = module_text(component.parts).replace(SVG, "").replace("url(#", "")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in text
    for outside in ("http:", "https:", "//cdn", "@import", "url("):
        assert outside not in text


def test_hostile_names_reach_the_page_as_they_are(odds: Any) -> None:
    odds = FakeOdds([quote(MARKUP, "e1", RTL, FORMULA, 2.0)])
    component = OddsTable(odds).__panel__()
    sent: list[str] = []
    component._send_msg = sent.append
    component._handle_msg({"say": "want", "view": "v"})
    component._handle_msg({"say": "gone", "view": "v"})
    body = json.loads(sent[0])["body"]
    assert body["selections"] == [[0, MARKUP, "e1", RTL, FORMULA]]
    assert body["events"] == [["e1", "e1", None, ""]]


def test_importing_the_ui_does_not_import_panel() -> None:
    code = "import sys, protipp_stream.ui; assert 'panel' not in sys.modules, 'panel'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_session_that_is_being_taken_apart_is_no_error_and_any_other_is() -> None:
    class Document:
        session_context: object | None = object()

        def add_next_tick_callback(self, _: object) -> None:
            raise AttributeError("_change_callbacks")

    document = Document()
    leaving = SessionViewer(None, document)
    document.session_context = None
    leaving.send("frame")
    document.session_context = object()
    with pytest.raises(AttributeError):
        SessionViewer(None, document).send("frame")
