"""The four dashboards: alive, offline, of one look, and honest where there is no gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protipp_stream.gateway import Gateway
from tests.browser.dashboards import PAGES, READY, dashboards
from tests.scripted import ScriptedFeed, quote

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboards(tmp_path_factory.mktemp("dashboards")) as base:
        yield base


@pytest.mark.parametrize("name", PAGES)
def test_a_dashboard_is_live_and_asks_no_other_machine(
    name: str, address: str, open_page: Callable[..., Any]
) -> None:
    watched = open_page(viewport={"width": 1400, "height": 900})
    page = watched.page
    page.goto(f"{address}/{name}")
    page.locator(".pill.state", has_text="Live").first.wait_for()
    page.locator(READY[name]).first.wait_for()
    page.get_by_text("Information only: no bet is placed here. 18+").wait_for()
    links = page.locator("nav a")
    assert [link.get_attribute("href") for link in links.all()] == list(PAGES)
    assert page.locator("nav a[aria-current]").get_attribute("href") == name
    assert watched.outside == []
    assert watched.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault(
    name: str, scheme: str, address: str, open_page: Callable[..., Any]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(viewport={"width": 1400, "height": 900}, color_scheme=scheme).page
    page.goto(f"{address}/{name}")
    page.locator(".pill.state", has_text="Live").first.wait_for()
    page.locator(READY[name]).first.wait_for()
    assert serious(Axe().run(page)) == []
    # The positive control: what axe must find.
    page.evaluate("() => document.body.append(document.createElement('img'))")
    assert any("image-alt" in fault for fault in serious(Axe().run(page)))


def serious(results: Any) -> list[str]:
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in results.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_a_narrow_screen_scrolls_inside_the_tables_only(
    address: str, open_page: Callable[..., Any]
) -> None:
    page = open_page(viewport={"width": 390, "height": 800}).page
    for name in PAGES:
        page.goto(f"{address}/{name}")
        page.locator(READY[name]).first.wait_for()
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide"


def test_all_viewers_share_one_connection_and_leave_nothing_behind(
    tmp_path_factory: pytest.TempPathFactory, open_page: Callable[..., Any]
) -> None:
    feed = ScriptedFeed()
    with Gateway(feed) as gateway:
        feed.tell([quote(2.0)])
        access = {"PROTIPP_URL": gateway.url, "PROTIPP_TOKEN": gateway.token()}
        with dashboards(tmp_path_factory.mktemp("shared"), **access) as base:
            pages = [open_page().page for _ in range(3)]
            for page in pages:
                page.goto(f"{base}/live")
                page.locator(READY["live"]).first.wait_for()
            assert [each.transport for each in gateway.hub.subscriptions] == ["websocket"]
            for page in pages:
                page.goto("about:blank")
            feed.tell([quote(2.5)])
            page = pages[0]
            page.goto(f"{base}/live")
            page.locator(READY["live"], has_text="2.50").first.wait_for()
            assert [each.transport for each in gateway.hub.subscriptions] == ["websocket"]


def test_a_page_without_a_token_says_what_to_do(
    tmp_path_factory: pytest.TempPathFactory, open_page: Callable[..., Any]
) -> None:
    access = {"PROTIPP_URL": "http://127.0.0.1:9"}
    with dashboards(tmp_path_factory.mktemp("tokenless"), **access) as base:
        page = open_page().page
        page.goto(f"{base}/live")
        page.get_by_role("alert").get_by_text("Set PROTIPP_TOKEN").wait_for()
        page.goto(f"{base}/history")
        page.get_by_role("alert").get_by_text("Set PROTIPP_HISTORY").wait_for()


def test_a_page_whose_gateway_is_away_says_so_and_comes_to_life_with_it(
    tmp_path_factory: pytest.TempPathFactory, open_page: Callable[..., Any]
) -> None:
    away = Gateway(ScriptedFeed(), key="k" * 40)
    port = away.port
    away.stop()
    access = {"PROTIPP_URL": away.url, "PROTIPP_TOKEN": away.token()}
    with dashboards(tmp_path_factory.mktemp("away"), **access) as base:
        page = open_page().page
        page.goto(f"{base}/live")
        page.get_by_text(f"Nothing answers at {away.url}").first.wait_for()
        feed = ScriptedFeed()
        with Gateway(feed, port=port, key="k" * 40):
            feed.tell([quote(2.0)])
            page.locator(READY["live"], has_text="2.00").first.wait_for()
            page.locator(".pill.state", has_text="Live").first.wait_for()
