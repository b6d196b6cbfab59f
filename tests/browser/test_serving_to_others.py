"""Dashboards for others: who may in, and from which pages, as Panel has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import InvalidStatus

from tests.browser.dashboards import READY, dashboards

pytestmark = pytest.mark.browser


def test_basic_auth_stands_before_every_page(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    users = tmp_path / "users.json"
    users.write_text('{"alice": "a long passphrase"}')
    options = ["--basic-auth", str(users), "--cookie-secret", "for-this-test-only-" * 3]
    with dashboards(tmp_path, *options) as base:
        answer = httpx.get(f"{base}/live", trust_env=False)
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (302, "./login")
        page = open_page().page
        page.goto(f"{base}/live")
        page.locator("[name=username]").fill("alice")
        page.locator("[name=password]").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("Invalid").first.wait_for()
        assert page.locator(READY["live"]).count() == 0
        page.locator("[name=username]").fill("alice")
        page.locator("[name=password]").fill("a long passphrase")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{base}/")
        page.goto(f"{base}/live")
        page.locator(READY["live"]).first.wait_for()


def test_a_page_of_another_origin_gets_no_session(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    with dashboards(tmp_path) as base:
        address = base.replace("http", "ws") + "/live/ws"

        headers = {"Origin": "https://evil.example"}
        with pytest.raises(InvalidStatus) as refused:
            websockets.sync.client.connect(address, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 403
        page = open_page().page  # the positive control
        page.goto(f"{base}/live")
        page.locator(READY["live"]).first.wait_for()
