"""``demo`` and ``serve``: run a gateway."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from protipp_stream.cli.arguments import (
    API_KEY,
    SECRET,
    Port,
    Recording,
    Speed,
    log_to_stderr,
    named,
    recorded,
    secret,
    simulated,
    the_odds_api,
)
from protipp_stream.cli.dashboard import dashboard_files, free_port, served
from protipp_stream.cli.feeds_file import Sources, sources_in
from protipp_stream.cli.trail import AccessDays, AddressDays, OddsDays, limit
from protipp_stream.core.access import ACCESS_DAYS, ADDRESS_DAYS
from protipp_stream.core.moves import RULES
from protipp_stream.errors import ConfigurationError

if TYPE_CHECKING:
    from protipp_stream.feeds import Feed
    from protipp_stream.gateway import Gateway

__all__ = ["demo", "serve"]


class FeedName(StrEnum):
    """Where odds come from."""

    SIMULATED = "simulated"
    THE_ODDS_API = "the-odds-api"
    REPLAY = "replay"


class PublishAfter(StrEnum):
    """When an update may go out."""

    QUEUED = "queued"
    DURABLE = "durable"


class HistoryFailure(StrEnum):
    """What a gateway does when its history can't be written."""

    CONTINUE = "continue"
    STOP = "stop"


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
    """Show live odds: a gateway and a feed in one process, the dashboards beside it."""
    from protipp_stream.gateway import Gateway, Settings

    log_to_stderr(logging.WARNING)
    feed = recorded(recording, speed) if recording else simulated()
    if dashboard_port is None:
        dashboard_port = port + 1 if port else 0
    dashboard_port = free_port(dashboard_port)
    names = ("127.0.0.1", "localhost")
    origins = frozenset(f"http://{name}:{dashboard_port}" for name in names)
    with tempfile.TemporaryDirectory(prefix="protipp-history-") as folder:
        gateway = Gateway(
            feed,
            port=port,
            key=os.environ.get(SECRET, "").strip() or None,
            settings=Settings(allowed_origins=origins),
            rule=["h", "steam"],
            history=folder,
        )
        _show(gateway, dashboard_port, folder, browser=browser, duration=duration)


def _show(
    gateway: Gateway, dashboard_port: int, history: str, *, browser: bool, duration: float | None
) -> None:
    with _until_stopped() as stopped, gateway:
        access = {
            "PROTIPP_URL": gateway.url,
            "PROTIPP_TOKEN": gateway.token("dashboard", scopes=("odds:read", "status:read")),
            "PROTIPP_HISTORY": history,
            "PROTIPP_CONTROLS": "yes",
        }
        with served(dashboard_files(), dashboard_port, access) as url:
            _say_ready(gateway, url)
            _explain_demo(gateway)
            if browser:
                webbrowser.open(url)
            stopped.wait(duration)


def serve(
    context: typer.Context,
    feed: Annotated[
        FeedName | None,
        typer.Option(help="Where odds come from; default: replay with --recording, else simulated"),
    ] = None,
    feeds: Annotated[
        Path | None, typer.Option(help="A TOML file of several feeds, instead of --feed.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8700,
    recording: Recording = None,
    speed: Speed = "1",
    sport: Annotated[str, typer.Option(help="For the-odds-api.")] = "upcoming",
    regions: Annotated[str, typer.Option(help="For the-odds-api, comma separated.")] = "us",
    interval: Annotated[
        float, typer.Option(help="For the-odds-api: at least so many seconds a poll.")
    ] = 20.0,
    secret_file: Annotated[
        Path | None, typer.Option(help=f"File with the key of tokens; else {SECRET}.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help=f"File with the provider's key; else {API_KEY}.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Which moves are significant: {', '.join(RULES)}; repeatable. Default: h."
        ),
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="A web origin whose pages may connect; repeatable.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A further name of this gateway; repeatable.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="Keep every update, and who connects, in this folder.")
    ] = None,
    publish_after: Annotated[
        PublishAfter, typer.Option(help="With --history: when an update may go out.")
    ] = PublishAfter.QUEUED,
    history_failure: Annotated[
        HistoryFailure, typer.Option(help="With --history: what to do when it can't be written.")
    ] = HistoryFailure.CONTINUE,
    odds_days: OddsDays = None,
    access_days: AccessDays = ACCESS_DAYS,
    address_days: AddressDays = ADDRESS_DAYS,
) -> None:
    """Serve odds until SIGTERM or Ctrl-C."""
    from protipp_stream.gateway import Gateway, Settings
    from protipp_stream.gateway.settings import LOOPBACK_HOSTS

    log_to_stderr(logging.INFO)
    key = secret(SECRET, secret_file, hint="Make one: openssl rand -base64 48. Then set it")
    settings = Settings(
        allowed_origins=frozenset(origin or ()),
        allowed_hosts=LOOPBACK_HOSTS | {name.lower() for name in allowed_host or ()},
        publish_after=publish_after.value,
        history_failure=history_failure.value,
        odds_days=limit(odds_days),
        access_days=limit(access_days),
        address_days=limit(address_days),
    )
    if feeds and (option := _said(context, _OF_ONE_FEED)):
        raise ConfigurationError(
            "--feeds says it all.", hint=f"Leave {option} out: write it into the file."
        )
    if history is None and (option := _said(context, _OF_A_HISTORY)):
        raise ConfigurationError(
            f"{option} needs a history: nothing is kept without one.",
            hint="Name its folder: --history.",
        )
    sources = sources_in(feeds) if feeds else Sources([], {})
    gateway = Gateway(
        *sources.feeds,
        host=host,
        port=port,
        key=key,
        settings=settings,
        rule=rule or None,
        names=sources.names,
        history=history,
    )
    if not feeds:
        feed = feed or (FeedName.REPLAY if recording else FeedName.SIMULATED)
        provider = _Provider(api_key_file, sport, regions, interval)
        gateway.follow(_one_feed(feed, recording, speed, gateway, provider))
    asyncio.run(gateway.serve(on_ready=lambda: _say_ready(gateway, "none")))


# What is said of one feed, and in a file of several stands with each.
_OF_ONE_FEED = ("feed", "recording", "speed", "sport", "regions", "interval", "api_key_file")
_OF_A_HISTORY = ("publish_after", "history_failure", "odds_days", "access_days", "address_days")


def _said(context: typer.Context, names: Iterable[str]) -> str | None:
    """Return the first of these options that was given."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            return f"--{name.replace('_', '-')}"
    return None


class _Provider(NamedTuple):
    """What was said of The Odds API."""

    key_file: Path | None
    sport: str
    regions: str
    interval: float


def _one_feed(
    name: FeedName, recording: Path | None, speed: str, gateway: Gateway, provider: _Provider
) -> Feed:
    if recording and name is not FeedName.REPLAY:
        raise ConfigurationError(
            f"--recording goes with --feed replay, not {name}.", hint="Leave one of them out."
        )
    match name:
        case FeedName.SIMULATED:
            return simulated()
        case FeedName.THE_ODDS_API:
            key = secret(API_KEY, provider.key_file, hint="Get one from the provider and set it")
            return the_odds_api(key, provider.sport, provider.regions, provider.interval)
        case FeedName.REPLAY:
            return recorded(named(recording), speed, pace=gateway.hub.delivered)


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


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Give an event that SIGTERM or Ctrl-C sets."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    yield stopped
