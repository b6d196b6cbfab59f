"""The command line, as a user runs it: real processes, their output and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from protipp_stream import __version__

SECRET = "c" * 48
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("PROTIPP_")
} | {"PROTIPP_JWT_SECRET": SECRET}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "protipp_stream", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env=ENVIRONMENT | environment,
        text=True,
        capture_output=True,
        timeout=110,
        check=False,
    )


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(15)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class Serving:
    """A ``serve`` or ``demo`` that has said that it is ready."""

    def __init__(self, arguments: Sequence[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            command(*arguments),
            env=ENVIRONMENT | environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        # Without a line within a minute the process is killed and the line empty.
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        self.ready = self.process.stdout.readline().strip()
        watchdog.cancel()
        found = re.fullmatch(r"ready gateway=(http://\S+:\d+) dashboard=(\S+)", self.ready)
        assert found, f"not ready: {self.ready!r}"
        self.gateway, self.dashboard = found[1], found[2]


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """A gateway with simulated odds; the environment to reach it."""
    serving = Serving(["serve", "--port", "0"])
    token = run("token", "--sub", "tester", "--expires", "30m").stdout.strip()
    yield {"PROTIPP_URL": serving.gateway, "PROTIPP_TOKEN": token}
    assert stop(serving.process) == 0


def test_every_transport_gives_the_same_updates_from_the_same_cursor(
    served: dict[str, str],
) -> None:
    first = json.loads(run("watch", "--count", "1", "--json", **served).stdout)
    seen = {}
    for transport in ("websocket", "sse", "polling"):
        arguments = ["--transport", transport, "--since", first["id"], "--count", "100", "--json"]
        lines = run("watch", *arguments, **served).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        for row in rows:
            # How long each took to come here is what may differ.
            assert row.pop("latency_ms") is not None
        seen[transport] = rows
    assert len(seen["websocket"]) == 100
    assert seen["websocket"] == seen["sse"] == seen["polling"]
    numbers = [int(row["id"].split(":")[1]) for row in seen["sse"]]
    start = int(first["id"].split(":")[1])
    assert numbers == list(range(start + 1, start + 101))


def test_watch_prints_people_readable_lines_too(served: dict[str, str]) -> None:
    lines = run("watch", "--count", "3", **served).stdout.splitlines()
    assert len(lines) == 3
    assert all("sim_" in line and "→" in line and "Simulated" in line for line in lines)


def test_watch_at_a_pace_brings_the_newest_of_each_and_notes_no_gap(
    served: dict[str, str],
) -> None:
    done = run("watch", "--max-hz", "0.2", "--count", "250", "--json", **served)
    numbers = [json.loads(line)["id"].rpartition(":")[2] for line in done.stdout.splitlines()]
    assert len(numbers) == 250
    # It left out what was not the newest, and says nothing of it.
    assert int(numbers[-1]) - int(numbers[0]) >= 250
    assert done.stderr == ""


def test_watch_into_a_pipe_that_closes_is_quiet(served: dict[str, str]) -> None:
    line = " ".join(command("watch", "--json"))
    done = subprocess.run(
        f"{line} | head -n 1",
        shell=True,
        env=ENVIRONMENT | served,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["id"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["nonsense"], {}, "No such command"),
        (["watch", "--nonsense"], {}, "No such option"),
        (["watch"], {}, "PROTIPP_URL"),
        (["watch", "http://127.0.0.1:9"], {}, "PROTIPP_TOKEN"),
        (["watch", "http://127.0.0.1:9"], {"PROTIPP_TOKEN": "x"}, "Nothing answers"),
        (["watch", "ftp://x"], {"PROTIPP_TOKEN": "x"}, "no address of a gateway"),
        (["watch", "http://127.0.0.1:9", "--since", "x"], {"PROTIPP_TOKEN": "x"}, "no cursor"),
        (["watch", "http://127.0.0.1:9", "--max-hz", "0"], {"PROTIPP_TOKEN": "x"}, "--max-hz"),
        (["watch", "http://127.0.0.1:9", "--count", "0"], {"PROTIPP_TOKEN": "x"}, "--count"),
        (["serve", "--port", "99999"], {}, "Can't listen"),
        (["serve", "--rule", "guess", "--port", "0"], {}, "Known rules: h, pct"),
        (["serve", "--feed", "simulated", "--recording", "x"], {}, "--feed replay"),
        (["watch", "--transport", "pigeon"], {}, "pigeon"),
        (["token", "--sub", "a"], {"PROTIPP_JWT_SECRET": ""}, "PROTIPP_JWT_SECRET is not set"),
        (["token", "--sub", "a"], {"PROTIPP_JWT_SECRET": "short"}, "32 are the least"),
        (["token", "--sub", "a", "--scope", "all"], {}, "Unknown scope"),
        (["token", "--sub", "a", "--expires", "soon"], {}, "90m or 12h"),
        (["token", "--sub", "a", "--expires", "25h"], {}, "24 hours"),
        (["token", "--sub", "a", "--secret-file", "nowhere"], {}, "Can't read nowhere"),
        (["serve"], {"PROTIPP_JWT_SECRET": ""}, "PROTIPP_JWT_SECRET is not set"),
        (["serve", "--feed", "the-odds-api", "--port", "0"], {}, "THE_ODDS_API_KEY is not set"),
        (["serve", "--feed", "replay", "--port", "0"], {}, "--recording FILE"),
        (["replay", "nowhere.jsonl"], {}, "nowhere.jsonl"),
        (["replay", "nowhere.jsonl", "--speed", "-1"], {}, "max"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_error_is_one_line_with_a_hint_and_exit_code_2(
    arguments: list[str], environment: dict[str, str], says: str
) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert says in line


def test_a_refused_token_is_one_line(served: dict[str, str]) -> None:
    done = run("watch", **(served | {"PROTIPP_TOKEN": "forged"}))
    assert done.returncode == 2
    assert "protipp-stream token --sub YOU" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_secret_is_taken_from_an_argument() -> None:
    for name in ("serve", "token", "watch", "demo"):
        options = run(name, "--help").stdout
        assert not re.search(r"--(secret|key|api-key|token)\b(?!-file)", options)


def test_a_recording_comes_out_of_the_client_whole(baseball: Path) -> None:
    done = run("replay", str(baseball), "--speed", "max", "--summary")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        "fetches=1151 events=79 bookmakers=11 selections=14588 updates=126729 "
        "suspended=30240 resumed=2678"
    )


def test_a_small_recording_is_replayed_as_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "small.jsonl"
    file.write_text("".join(json.dumps(fetch) + "\n" for fetch in _fetches()))
    for transport in ("websocket", "sse", "polling"):
        done = run("replay", str(file), "--transport", transport)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        prices = [(row["outcome"], row["old_odds"], row["new_odds"]) for row in rows]
        assert prices == [
            ("Blues", None, 2.5),
            ("Reds", None, 1.5),
            ("Blues", 2.5, 3.0),
            ("Reds", 1.5, None),
            ("Reds", None, 1.5),
        ]
        assert rows[0]["timestamp"].startswith("2026-08-04T00:00:51")
    assert run("replay", str(file), "--summary").stdout == (
        "fetches=3 events=1 bookmakers=1 selections=2 updates=3 suspended=1 resumed=1\n"
    )


def test_a_broken_recording_says_where(tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text(json.dumps(_fetches()[0]) + "\n{broken\n")
    done = run("replay", str(file), "--summary")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_recording_can_be_served(tmp_path: Path) -> None:
    file = tmp_path / "small.jsonl"
    file.write_text("".join(json.dumps(fetch) + "\n" for fetch in _fetches()))
    serving = Serving(
        ["serve", "--port", "0", "--feed", "replay", "--recording", str(file), "--speed", "max"]
    )
    try:
        token = run("token", "--sub", "me").stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        url = serving.gateway + "/api/v1/odds"
        body = httpx.get(url, headers=headers, trust_env=False).json()
        assert {q["outcome"] for q in body["quotes"]} <= {"Blues", "Reds"}
    finally:
        assert stop(serving.process) == 0


def test_a_dashboard_port_that_is_taken_is_not_taken_for_ours() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = run("demo", "--port", "0", "--no-browser", "--dashboard-port", taken)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is taken" in done.stderr


def test_watch_says_when_the_gateway_is_gone_and_when_it_is_back() -> None:
    serving = Serving(["serve", "--port", "0"])
    port = serving.gateway.rpartition(":")[2]
    token = run("token", "--sub", "me").stdout.strip()
    watching = subprocess.Popen(
        command("watch", serving.gateway),
        env=ENVIRONMENT | {"PROTIPP_TOKEN": token},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    try:
        assert "sim_" in watching.stdout.readline()
        stop(serving.process)
        assert "Trying again" in watching.stderr.readline()
        again = Serving(["serve", "--port", port])
        notes = [watching.stderr.readline() for _ in range(2)]
        assert any("connected again, over websocket" in note for note in notes)
        assert any("the gateway has started anew" in note for note in notes)
        stop(again.process)
    finally:
        stop(watching)


def test_bare_it_shows_its_help_and_its_version() -> None:
    assert "Commands:" in run().stdout
    assert run("--version").stdout == f"{__version__}\n"


def test_demo_serves_a_gateway_and_a_dashboard_and_ends_after_its_duration() -> None:
    serving = Serving(["demo", "--port", "0", "--no-browser", "--duration", "2"])
    try:
        assert httpx.get(serving.gateway + "/healthz", trust_env=False).text == "ok\n"
        page = httpx.get(serving.dashboard, trust_env=False)
        assert page.status_code == 200
        assert "protipp_stream" in page.text
        assert serving.process.wait(30) == 0
    finally:
        stop(serving.process)


def _fetches() -> list[dict[str, object]]:
    def fetch(at: str, outcomes: list[dict[str, object]]) -> dict[str, object]:
        market = {"key": "h2h", "last_update": at, "outcomes": outcomes}
        bookmaker = {"key": "acme", "title": "Acme", "last_update": at, "markets": [market]}
        event = {
            "id": "match",
            "sport_key": "baseball_mlb",
            "sport_title": "MLB",
            "commence_time": "2026-08-04T22:00:00Z",
            "home_team": "Blues",
            "away_team": "Reds",
            "bookmakers": [bookmaker],
        }
        return {"fetched_at": at, "commit": "-", "body": [event]}

    blues, reds = {"name": "Blues", "price": 150}, {"name": "Reds", "price": -200}
    return [
        fetch("2026-08-04T00:00:51+00:00", [blues, reds]),
        fetch("2026-08-04T00:05:51+00:00", [{"name": "Blues", "price": 200}]),
        fetch("2026-08-04T00:10:51+00:00", [{"name": "Blues", "price": 200}, reds]),
    ]
