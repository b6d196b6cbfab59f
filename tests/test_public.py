"""What the package promises to its users: its names, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import protipp_stream as ps

PUBLIC = [
    "Cursor",
    "Event",
    "Feed",
    "Gateway",
    "History",
    "LiveOdds",
    "OddsUpdate",
    "ProtippStreamError",
    "Quote",
    "RealTimeConnection",
    "Replay",
    "Simulated",
    "TheOddsApi",
    "connect",
    "ui",
]


def test_the_public_names_are_these_and_no_others() -> None:
    assert ps.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_documented_and_listed(name: str) -> None:
    assert getattr(ps, name).__doc__
    assert name in dir(ps)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ps.nonsense


def test_every_module_can_be_imported() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(ps.__path__, "protipp_stream.")
        if not module.name.endswith("__main__")
    ]
    assert len(modules) > 40
    for name in modules:
        assert importlib.import_module(name).__doc__, f"{name} does not say what it is for"


def test_importing_it_does_not_import_what_takes_long() -> None:
    heavy = ["panel", "bokeh", "pandas", "starlette", "uvicorn", "httpx", "websockets", "IPython"]
    code = f"import sys, protipp_stream; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_connecting_does_not_import_a_web_server_or_panel() -> None:
    heavy = ["panel", "bokeh", "starlette", "uvicorn", "pandas"]
    code = f"import sys, protipp_stream.client; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_shows_no_lambda_in_a_signature() -> None:
    from protipp_stream.history import access
    from protipp_stream.history.merging import merge
    from protipp_stream.history.sealing import seal
    from protipp_stream.history.verifying import verify

    asked = [getattr(ps.History, name) for name in dir(ps.History) if name[0] != "_"]
    done = (seal, merge, verify, access.export, access.erase, access.retain_access)
    shown = [str(inspect.signature(each)) for each in (*filter(callable, asked), *done)]
    assert not [signature for signature in shown if "lambda" in signature]
