"""`protipp-stream doctor`: what it finds, as a user runs it, and what it says about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

import protipp_stream as ps
from protipp_stream.cli.doctor import Examination, Stage, Trial, verdicts
from protipp_stream.gateway.clock import SystemClock
from protipp_stream.model import RealTimeConnection
from tests.client.obstacles import Obstacle
from tests.client.strangers import Stranger

ENVIRONMENT = {n: value for n, value in os.environ.items() if not n.startswith("PROTIPP_")}


def doctor(url: str, token: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "protipp_stream", "doctor", url, *options],
        env=ENVIRONMENT | {"PROTIPP_TOKEN": token},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def examined(url: str, token: str, seconds: float = 2.0) -> dict[str, Any]:
    done = doctor(url, token, "--seconds", str(seconds), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    found["by"] = {trial["transport"]: trial for trial in found["trials"]}
    return found


@pytest.fixture(scope="module")
def gateway() -> Iterator[ps.Gateway]:
    with ps.Gateway(ps.Simulated()) as made:
        yield made


# ------------------------------------------------------------ as a user runs it


def test_every_transport_is_tried_and_timed(gateway: ps.Gateway) -> None:
    found = examined(gateway.url, gateway.token(), 3.0)
    assert list(found["by"]) == ["websocket", "sse", "polling"]
    assert found["auto"] == "websocket"
    for trial in found["trials"]:
        assert trial["error"] is None
        assert 0 < trial["connected_ms"] <= trial["board_ms"]
        assert trial["selections"] > 100
        assert 0 < trial["rtt_ms"] <= 2 * trial["offset_error_ms"] + 0.002
        # One machine, one clock: what is found is off by no more than it says.
        assert abs(trial["offset_ms"]) <= trial["offset_error_ms"] + 0.002
        gateways, network, total = (trial["stages"][n] for n in ("gateway", "network", "total"))
        # The first ones may come before the gateway's clock is known.
        assert 0 < total["count"] <= gateways["count"] == trial["updates"]
        # A frame is on the way once, however many updates it holds.
        assert 0 < network["count"] <= trial["updates"]
        assert gateways["error_ms"] == 0 < network["error_ms"] == total["error_ms"]
        assert total["p50"] <= total["p95"] <= total["p99"]
    assert found["sources"][0]["connection_type"] == "simulated"
    assert found["verdicts"][0] == "transport=auto would use websocket."


def test_people_get_a_table_and_sentences(gateway: ps.Gateway) -> None:
    done = doctor(gateway.url, gateway.token(), "--seconds", "1")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == [gateway.url, "websocket", "sse", "polling"]
    assert lines[1].split() == ["works", "yes", "yes", "yes"]
    assert "- transport=auto would use websocket." in lines
    assert max(map(len, lines[:13])) <= 80


def test_a_blocked_websocket_is_named_with_its_reason(gateway: ps.Gateway) -> None:
    with Obstacle(gateway, {"websocket"}) as proxy:
        found = examined(proxy.url, gateway.token())
    assert found["auto"] == "sse"
    assert "502" in found["by"]["websocket"]["error"]
    assert found["by"]["websocket"]["connected_ms"] is None
    assert found["verdicts"][0] == (
        "transport=auto would use sse, because websocket can't be used."
    )
    assert any(line.startswith("websocket: ") and "502" in line for line in found["verdicts"])


def test_a_proxy_that_holds_the_stream_back_is_suspected() -> None:
    with ps.Gateway() as gateway, Obstacle(gateway, {"websocket"}) as proxy:
        proxy.frozen = True
        done = doctor(proxy.url, gateway.token(), "--seconds", "1")
    assert done.returncode == 2
    assert "No frame came over sse within 1 s. A proxy on the way may keep" in done.stdout
    assert "No transport works from here." in done.stdout


def test_a_quiet_gateway_has_no_delivery_figures() -> None:
    with ps.Gateway() as gateway:
        found = examined(gateway.url, gateway.token(), 1.0)
    assert found["auto"] == "websocket"
    assert all(trial["stages"] == {} for trial in found["trials"])
    assert (
        "No update came in 1 s: no delivery figures. Try a longer --seconds." in (found["verdicts"])
    )


class FastClock(SystemClock):
    """Three seconds ahead of everyone else."""

    def wall(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=3)


def test_a_gateway_whose_clock_is_off_is_found_out_and_corrected_for() -> None:
    with ps.Gateway(ps.Simulated(), clock=FastClock()) as gateway:
        found = examined(gateway.url, gateway.token(), 2.0)
    for trial in found["trials"]:
        network = trial["stages"]["network"]
        assert -network["error_ms"] < network["p50"] < 1000
        assert trial["offset_ms"] == pytest.approx(3000, abs=trial["offset_error_ms"] + 1)
    assert any("clock and the gateway's are 3.0 s apart" in line for line in found["verdicts"])


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_what_fails_alike_on_every_transport_is_one_line(
    gateway: ps.Gateway, option: tuple[str, ...]
) -> None:
    with Stranger("404") as stranger:
        cases = {
            "Nothing answers": doctor("http://127.0.0.1:9", "any", *option),
            "refuses the token": doctor(gateway.url, "forged", *option),
            "no protipp_stream gateway": doctor(stranger.url, "any", *option),
            "not encrypted": doctor("http://192.0.2.1:8700", "any", *option),
            "PROTIPP_TOKEN": doctor(gateway.url, "", *option),
        }
    for says, done in cases.items():
        assert (done.returncode, done.stdout) == (2, "")
        [line] = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert says in line


# ------------------------------------------------------------- what it says


def a_trial(transport: str = "websocket", **changes: Any) -> Trial:
    quick = Stage(100, 1.0, 2.0, 3.0, 0.4)
    made = Trial(
        transport,
        connected_ms=5.0,
        board_ms=6.0,
        updates=100,
        offset_ms=0.1,
        offset_error_ms=0.4,
        rtt_ms=0.8,
        stages={"gateway": quick, "network": quick, "total": quick},
    )
    return msgspec.structs.replace(made, **changes)


def said(*trials: Trial, **facts: Any) -> str:
    return "\n".join(verdicts(Examination("http://x", 10.0, list(trials), **facts)))


def test_what_is_well_is_said_in_two_lines() -> None:
    assert said(a_trial()).splitlines() == [
        "transport=auto would use websocket.",
        "95 % of updates arrive within 2.0 ± 0.4 ms of the gateway's receipt.",
    ]


def test_a_transport_that_broke_off_is_not_chosen() -> None:
    words = said(a_trial(error="The connection ended."), a_trial("sse"), a_trial("polling"))
    assert "would use sse, because websocket can't be used." in words
    assert "websocket: The connection ended." in words


@pytest.mark.parametrize(
    ("gateway", "network", "transport", "says"),
    [
        (300.0, 5.0, "websocket", "most of it in the gateway"),
        (5.0, 300.0, "websocket", "most of it on the way here"),
        (300.0, 5.0, "polling", "because a poll asks only now and then"),
    ],
)
def test_late_updates_are_blamed_on_a_stage(
    gateway: float, network: float, transport: str, says: str
) -> None:
    def stage(p95: float) -> Stage:
        return Stage(10, p95, p95, p95, 0.4)

    stages = {"gateway": stage(gateway), "network": stage(network), "total": stage(305.0)}
    assert f"Updates are late: p95 is 305.0 ± 0.4 ms, {says}." in said(
        a_trial(transport, stages=stages)
    )


def test_a_figure_that_is_late_only_within_its_error_is_not_called_late() -> None:
    stage = Stage(10, 100.2, 100.2, 100.2, 0.4)
    assert "late" not in said(a_trial(stages={"gateway": stage, "network": stage, "total": stage}))


def test_clocks_that_could_not_be_compared_are_said_to_be() -> None:
    words = said(a_trial(offset_ms=None, offset_error_ms=None, rtt_ms=None, stages={}))
    assert "The clocks could not be compared" in words


def test_a_feed_in_trouble_and_a_token_in_clear_are_said() -> None:
    feed = RealTimeConnection(
        id="the_odds_api",
        bookmaker_id="the_odds_api",
        connection_type="polling",
        status="error",
        last_error="The key is refused.",
    )
    quiet = msgspec.structs.replace(
        feed, id="other", status="connected", last_error=None, stale=True
    )
    words = said(a_trial(), sources=[feed, quiet], is_in_clear=True)
    assert "source the_odds_api: The key is refused." in words
    assert "source other: stale" in words
    assert "The token travels in clear" in words
