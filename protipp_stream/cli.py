"""The command line: ``protipp-stream demo | serve | token | watch | replay``.

Secrets come from the environment or a file, never from an argument: arguments
stand in the process list for everyone to read. Errors are one line with a hint.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protipp_stream.errors import ConfigurationError, ProtippStreamError

if TYPE_CHECKING:
    from protipp_stream.client import LiveOdds
    from protipp_stream.feeds import Feed
    from protipp_stream.gateway import Gateway
    from protipp_stream.model import OddsUpdate, RealTimeConnection

__all__ = ["app", "main"]

SECRET = "PROTIPP_JWT_SECRET"
API_KEY = "THE_ODDS_API_KEY"
_DURATION = re.compile(r"(\d+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}

app = typer.Typer(
    help="Real-time betting odds for people who work in notebooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class FeedName(StrEnum):
    """Where odds come from."""

    SIMULATED = "simulated"
    THE_ODDS_API = "the-odds-api"
    REPLAY = "replay"


class TransportChoice(StrEnum):
    """How a client follows a gateway."""

    AUTO = "auto"
    WEBSOCKET = "websocket"
    SSE = "sse"
    POLLING = "polling"


Recording = Annotated[
    Path | None, typer.Option(help="A recording to replay instead of simulated odds.")
]
Speed = Annotated[str, typer.Option(help="Times real speed, or 'max'.")]
Port = Annotated[int, typer.Option(help="Port of the gateway; 0 takes a free one.")]
Url = Annotated[
    str | None, typer.Argument(help="The gateway; default: the environment's PROTIPP_URL.")
]
Transport = Annotated[TransportChoice, typer.Option(help="How to follow it.")]


# ------------------------------------------------------------------- commands


@app.command()
def demo(
    recording: Recording = None,
    speed: Speed = "60",
    port: Port = 8700,
    dashboard_port: Annotated[
        int | None, typer.Option(help="Port of the dashboard; default: the gateway's plus one.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the dashboard in a browser.")] = True,
    duration: Annotated[
        float | None, typer.Option(help="Stop after so many seconds; default: at Ctrl-C.")
    ] = None,
) -> None:
    """Show live odds: a gateway, a feed and the dashboard, in one process."""
    from protipp_stream.gateway import Gateway

    _log_to_stderr(logging.WARNING)
    feed = _replay(recording, speed) if recording else _simulated()
    gateway = Gateway(feed, port=port, key=os.environ.get(SECRET))
    if dashboard_port is None:
        dashboard_port = gateway.port + 1 if port else 0
    with _until_stopped(duration) as stopped, gateway:
        access = {"PROTIPP_URL": gateway.url, "PROTIPP_TOKEN": gateway.token("dashboard")}
        with _served(_dashboard_file(), dashboard_port, access) as url:
            _say_ready(gateway, url)
            _explain_demo(gateway)
            if browser:
                webbrowser.open(url)
            stopped.wait()


@app.command()
def serve(
    feed: Annotated[FeedName, typer.Option(help="Where odds come from.")] = FeedName.SIMULATED,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8700,
    recording: Recording = None,
    speed: Speed = "1",
    sport: Annotated[str, typer.Option(help="For the-odds-api.")] = "upcoming",
    regions: Annotated[str, typer.Option(help="For the-odds-api, comma separated.")] = "us",
    interval: Annotated[float, typer.Option(help="For the-odds-api: seconds a poll.")] = 60.0,
    secret_file: Annotated[
        Path | None, typer.Option(help=f"File with the key of tokens; else {SECRET}.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help=f"File with the provider's key; else {API_KEY}.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="A web origin whose pages may connect; repeatable.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A further name of this gateway; repeatable.")
    ] = None,
) -> None:
    """Serve odds until SIGTERM or Ctrl-C."""
    from protipp_stream.gateway import Gateway, Settings
    from protipp_stream.gateway.settings import LOOPBACK_HOSTS

    _log_to_stderr(logging.INFO)
    key = _secret(SECRET, secret_file, hint="Make one: openssl rand -base64 48. Then set it")
    settings = Settings(
        allowed_origins=frozenset(origin or ()),
        allowed_hosts=LOOPBACK_HOSTS | {name.lower() for name in allowed_host or ()},
    )
    gateway = Gateway(host=host, port=port, key=key, settings=settings)
    match feed:
        case FeedName.SIMULATED:
            gateway.follow(_simulated())
        case FeedName.THE_ODDS_API:
            api_key = _secret(API_KEY, api_key_file, hint="Get one from the provider and set it")
            gateway.follow(_the_odds_api(api_key, sport, regions, interval))
        case FeedName.REPLAY:
            gateway.follow(_replay(_named(recording), speed, pace=gateway.hub.delivered))
    asyncio.run(gateway.serve(on_ready=lambda: _say_ready(gateway, "none")))


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="Whom the token speaks for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="odds:read, odds:publish, status:read; repeatable. Default: odds:read."),
    ] = None,
    expires: Annotated[str, typer.Option(help="Lifetime: 3600, 90m or 12h; at most 24h.")] = "12h",
    secret_file: Annotated[
        Path | None, typer.Option(help=f"File with the gateway's secret; else {SECRET}.")
    ] = None,
) -> None:
    """Mint a token for a gateway that has the same secret."""
    from protipp_stream.gateway.auth import mint_token

    secret = _secret(SECRET, secret_file, hint="Set it to the gateway's own secret")
    scopes = [word for item in scope or ["odds:read"] for word in item.replace(",", " ").split()]
    print(mint_token(secret, subject=sub, scopes=scopes, lifetime_s=_lifetime_s(expires)))


@app.command()
def watch(
    url: Url = None,
    transport: Transport = TransportChoice.AUTO,
    count: Annotated[int | None, typer.Option(help="Stop after so many updates.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Resume after this cursor, an update's id.")
    ] = None,
    bookmaker: Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")] = None,
    market: Annotated[
        list[str] | None, typer.Option(help="Only this kind or kind@line; repeatable.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow plain http to another machine.")
    ] = False,
) -> None:
    """Print updates as they come, a line each. The token comes from PROTIPP_TOKEN."""
    from protipp_stream.client.connect import live_odds

    _log_to_stderr(logging.WARNING)
    odds = live_odds(
        url,
        transport=transport.value,
        bookmakers=bookmaker or (),
        events=event or (),
        markets=market or (),
        since=since,
        insecure=insecure,
    )
    updates = odds.stream()
    with odds.start():
        for number, update in enumerate(updates, start=1):
            print(_as_json(update) if json else _as_text(odds, update), flush=True)
            if number == count:
                return


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording: .jsonl, .jsonl.xz, .gz, .bz2.")],
    speed: Speed = "max",
    summary: Annotated[bool, typer.Option("--summary", help="Print counts only.")] = False,
    transport: Transport = TransportChoice.WEBSOCKET,
) -> None:
    """Send a recording through a gateway and print what its client receives."""
    from protipp_stream.client import connect
    from protipp_stream.core.summary import Summary
    from protipp_stream.gateway import Gateway

    _log_to_stderr(logging.WARNING)
    counted = Summary()
    fetches: set[object] = set()
    with Gateway() as gateway, connect(gateway, transport=transport.value) as odds:

        async def pace() -> None:
            await asyncio.to_thread(odds.wait_until, gateway.hub.cursor)

        feed = _replay(_recording(file), speed, rebase=False, pace=pace)
        updates = odds.stream(on_gap="raise")
        # The replay's state travels behind its updates: when its end has come
        # out of the client, so has everything before it.
        odds.param.watch(
            lambda change: _note_fetch(change.new[feed.connection.id], fetches, updates), "sources"
        )
        gateway.follow(feed)
        for update in _progress(updates, show=summary):
            counted.take(update)
            if not summary:
                print(_as_json(update))
        end = odds.sources[feed.connection.id]
    if end.status == "error":
        raise ProtippStreamError(end.last_error or "The replay failed.")
    if summary:
        print(counted.line(len(fetches)))


# ------------------------------------------------------------ what they are made of


def _note_fetch(source: RealTimeConnection, fetches: set[object], updates: Any) -> None:
    if source.last_heartbeat is not None:
        fetches.add(source.last_heartbeat)
    if source.status in {"disconnected", "error"}:
        updates.close()


def _progress(updates: Iterable[OddsUpdate], *, show: bool) -> Iterator[OddsUpdate]:
    """Show on a terminal that something is going on; output stays clean."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield from updates
        return
    yield from track(updates, "updates", total=None, console=console, transient=True)


def _simulated() -> Feed:
    from protipp_stream.feeds import Simulated

    return Simulated()


def _the_odds_api(api_key: str, sport: str, regions: str, interval: float) -> Feed:
    from protipp_stream.feeds import TheOddsApi

    chosen = [region.strip() for region in regions.split(",") if region.strip()]
    return TheOddsApi(api_key, sport=sport, regions=chosen, interval_s=interval)


def _replay(file: Path, speed: str, **options: Any) -> Feed:
    from protipp_stream.feeds import Replay

    return Replay(_recording(file), speed=_speed(speed), **options)


def _recording(file: Path) -> Path:
    """Find a recording by its path, or by its name in the recordings' folder."""
    folder = os.environ.get("PROTIPP_RECORDINGS")
    if file.exists() or folder is None:
        return file
    return next(Path(folder).rglob(file.name), file)


def _named(recording: Path | None) -> Path:
    if recording is None:
        raise ConfigurationError("Which recording?", hint="Add --recording FILE.")
    return recording


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise ConfigurationError(f"{text!r} is no speed.", hint="Give a number above 0, or max.")
    return speed


def _lifetime_s(text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f"{text!r} is no lifetime.", hint="Write 3600, 90m or 12h.")
    return int(found[1]) * _SECONDS[found[2]]


def _secret(name: str, file: Path | None, *, hint: str) -> str:
    if file is not None:
        try:
            return file.read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"Can't read {file}: {error.strerror}.") from None
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set.", hint=f"{hint}, or give a file.")
    return value


def _as_json(update: OddsUpdate) -> str:
    from protipp_stream.core.wire import encode

    return encode(update).decode()


def _as_text(odds: LiveOdds, update: OddsUpdate) -> str:
    event = odds.event_name(update.event_id)
    old, new = (
        f"{price:.3f}" if price is not None else "-" for price in (update.old_odds, update.new_odds)
    )
    flag = f"  ! {update.reason}" if update.is_significant else ""
    return (
        f"{update.timestamp:%H:%M:%S.%f} {update.bookmaker_id:<14} {event} · {update.market} · "
        f"{update.outcome}: {old} → {new}{flag}"
    )


def _say_ready(gateway: Gateway, dashboard: str) -> None:
    print(f"ready gateway={gateway.url} dashboard={dashboard}", flush=True)


def _explain_demo(gateway: Gateway) -> None:
    print(
        "Watch it from another terminal:\n"
        f"  export PROTIPP_URL={gateway.url} PROTIPP_TOKEN={gateway.token('demo')}\n"
        "  protipp-stream watch\n"
        "Ctrl-C stops it.",
        file=sys.stderr,
        flush=True,
    )


def _dashboard_file() -> Path:
    package = Path(__file__).parent
    for folder in (package / "dashboards", package.parent / "dashboards"):
        if (folder / "live.py").is_file():
            return folder / "live.py"
    raise ConfigurationError("The dashboard is not installed.", hint="Reinstall protipp-stream.")


@contextmanager
def _served(dashboard: Path, port: int, environment: dict[str, str]) -> Iterator[str]:
    """Serve the dashboard on the loopback, in a process of its own.

    Its own, because a page that lays itself out must not delay the gateway.
    """
    port = port or _free_port()
    url = f"http://127.0.0.1:{port}/{dashboard.stem}"
    command = ["serve", str(dashboard), "--port", str(port), "--address", "127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "panel", *command, "--log-level", "error"],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_served(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    # The first answer runs the page once, so that the reader's first is fast.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=30, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise ConfigurationError(
        "The dashboard did not start; the lines above may say why.",
        hint="Is its port taken? --dashboard-port 0 takes a free one.",
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _until_stopped(duration: float | None) -> Iterator[threading.Event]:
    """Give an event that SIGTERM, Ctrl-C or the end of ``duration`` sets."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if duration is not None:
        timer = threading.Timer(duration, stopped.set)
        timer.daemon = True
        timer.start()
    yield stopped


def _log_to_stderr(level: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("protipp_stream").setLevel(level)


def main() -> None:
    """Run a command; its errors are one line, and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except ProtippStreamError as error:
        _fail(str(error))
    except typer.TyperException as error:
        _fail(f"{error.format_message()} Try `protipp-stream --help`.")
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # `watch | head` has read enough; what is still buffered has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
