"""The README's feed of one's own, and its publishing, exactly as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.gateway.auth import mint_token

README = (Path(__file__).parent.parent / "README.md").read_text()
SECTION = README.partition("## A feed of your own\n")[2].partition("\n## ")[0]
SECRET = "a secret of the tests, of 32 bytes or more"


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return str(found)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def prices(odds: ps.LiveOdds) -> dict[str, float]:
    board = odds.quotes()
    return dict(zip(board["outcome"], board["odds"], strict=True))


# ------------------------------------------------------------------ in Python


def test_it_takes_twenty_lines() -> None:
    lines = [line for line in block("python").splitlines() if line.strip()]
    assert 10 <= len(lines) <= 20
    assert max(map(len, lines)) <= 100


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ps.LiveOdds]:
    """Run the block where there is a prices.json; what it defines is as it says, but quicker."""
    monkeypatch.chdir(tmp_path)
    Path("prices.json").write_text('{"Blues": 1.95, "Reds": 2.04}')
    assert '{"Blues": 1.95, "Reds": 2.04}' in SECTION
    started: list[ps.Gateway] = []
    start = ps.Gateway.start

    def kept(gateway: ps.Gateway) -> ps.Gateway:
        started.append(gateway)
        [feed] = gateway._feeds
        monkeypatch.setattr(type(feed), "interval_s", 0.02)
        return start(gateway)

    monkeypatch.setattr(ps.Gateway, "start", kept)
    names: dict[str, Any] = {}
    exec(compile(block("python"), "README.md", "exec"), names)
    try:
        yield names["odds"]
    finally:
        names["odds"].close()
        for gateway in started:
            gateway.stop()


def test_its_prices_are_on_a_clients_board_and_move(followed: ps.LiveOdds) -> None:
    until(lambda: prices(followed) == {"Blues": 1.95, "Reds": 2.04})
    Path("prices.json").write_text('{"Blues": 2.2, "Reds": 1.8}')
    until(lambda: prices(followed) == {"Blues": 2.2, "Reds": 1.8})


def test_it_says_what_is_wrong_with_its_source_and_comes_back(followed: ps.LiveOdds) -> None:
    def state() -> ps.RealTimeConnection:
        return followed.sources["price_file"]

    until(lambda: state().status == "connected")
    Path("prices.json").unlink()
    until(lambda: state().status == "error")
    assert "prices.json" in str(state().last_error)
    Path("prices.json").write_text('{"Blues": 3.0, "Reds": 1.5}')
    until(lambda: prices(followed)["Blues"] == 3.0)
    assert state().status == "connected"


# ------------------------------------------------------- in any other language


def post_with_curl(url: str) -> dict[str, Any]:
    scripts = Path(sys.executable).parent
    if not (scripts / "protipp-stream").exists():
        pytest.skip("protipp-stream is not installed beside this Python: pip install -e .")
    done = subprocess.run(
        ["sh", "-ec", block("sh")],
        env={
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PROTIPP_URL": url,
            "PROTIPP_JWT_SECRET": SECRET,
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def post_as_curl_would(url: str) -> dict[str, Any]:
    """Send what the command says; only the token is made here."""
    words = shlex.split(block("sh").replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    assert words[3] == "$PROTIPP_URL/api/v1/odds"
    header = words[words.index("-H") + 1]
    assert header == (
        "Authorization: Bearer $(protipp-stream token --sub my-feed --scope odds:publish)"
    )
    token = mint_token(SECRET, subject="my-feed", scopes=["odds:publish"], lifetime_s=60)
    answer = httpx.post(
        f"{url}/api/v1/odds",
        content=words[words.index("-d") + 1],
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-www-form-urlencoded",  # which is what curl -d says
        },
        trust_env=False,
    )
    published: dict[str, Any] = answer.json()
    return published


WAYS = [post_with_curl, post_as_curl_would] if shutil.which("curl") else [post_as_curl_would]


@pytest.mark.parametrize("post", WAYS)
def test_the_posted_price_is_on_a_clients_board(post: Callable[[str], dict[str, Any]]) -> None:
    with ps.Gateway(key=SECRET) as gateway, ps.connect(gateway) as odds:
        answer = post(gateway.url)
        assert (answer["accepted"], answer["updates"], answer["quarantined"]) == (1, 1, [])
        cursor = ps.Cursor.parse(answer["cursor"])
        assert cursor is not None
        odds.wait_until(cursor)
        assert prices(odds) == {"Blues": 1.95}
