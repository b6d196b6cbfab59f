"""Trails that real gateways have left, and ``history …`` on them, in this process."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.cli import main
from protipp_stream.gateway import Settings

FORMULA = "=1+1"


class Made:
    """A trail that a gateway has left, and what a client saw of it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.audit, self.older = folder / "audit", folder / "older"
        self.witness = folder / "witness.jsonl"
        settings = Settings(heartbeat_s=1)
        with ps.Gateway(history=self.audit, settings=settings) as gateway:
            _publish(gateway, 1.9)
            with ps.connect(gateway):
                pass
        shutil.copytree(self.audit, self.older)
        with (
            ps.Gateway(history=self.audit, settings=settings) as gateway,
            ps.connect(gateway, witness=self.witness),
        ):
            _publish(gateway, 2.4)
            until(lambda: self.witness.read_bytes().count(b"\n") >= 3)
        assert told("seal", str(self.audit)).returncode == 0


def _publish(gateway: ps.Gateway, odds: float) -> None:
    outcomes = {"Blues": odds, "Reds": 2.0, FORMULA: 15.0}
    rows = [
        {"bookmaker_id": who, "event_id": "m1", "market": "h2h", "outcome": what, "odds": price}
        for who in ("acme", "bolt")
        for what, price in outcomes.items()
    ]
    described = {"event_id": "m1", "name": "Reds @ Blues", "sport": "baseball"}
    token = gateway.token("publisher", scopes=["odds:publish"])
    answer = httpx.post(
        f"{gateway.url}/api/v1/odds",
        json={"events": [described], "quotes": rows},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code < 300, answer.text


def until(is_so: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Do what ``protipp-stream history …`` does, in this process: so many would take long."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["protipp-stream", "history", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def error_of(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """Insist on one line of error and nothing else."""
    assert done.returncode == code, done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def asked(audit: str, *arguments: str) -> list[dict[str, str]]:
    done = told("query", audit, *arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))
