"""The core stays pure: no socket, clock, thread, disk or randomness in its source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import protipp_stream.core
from protipp_stream import errors, model

MODULES = sorted(
    [
        *Path(protipp_stream.core.__file__).parent.rglob("*.py"),
        Path(model.__file__),
        Path(errors.__file__),
    ]
)

MACHINERY = frozenset(
    {
        "asyncio",
        "concurrent",
        "http",
        "httpx",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "queue",
        "random",
        "secrets",
        "select",
        "socket",
        "sqlite3",
        "ssl",
        "starlette",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
        "uvicorn",
        "websockets",
    }
)
READS_THE_WORLD = frozenset({"now", "utcnow", "today"})
BUILTINS = frozenset({"open", "input", "print", "exec", "eval", "__import__"})


def impurities(source: str) -> list[str]:
    """Name everything in a module that is no function of its arguments."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.partition(".")[0] in MACHINERY]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").partition(".")[0] in MACHINERY:
                found.append(str(node.module))
        elif isinstance(node, ast.Attribute) and node.attr in READS_THE_WORLD:
            found.append(node.attr)
        elif isinstance(node, ast.Name) and node.id in BUILTINS:
            found.append(node.id)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_of_the_core_is_pure(module: Path) -> None:
    assert impurities(module.read_text(encoding="utf-8")) == []


def test_the_modules_are_really_read() -> None:
    names = {module.stem for module in MODULES}
    assert {"book", "wire", "limits", "latency", "model", "errors"} <= names


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import asyncio",
        "import time as clock",
        "from time import monotonic",
        "import os.path",
        "import json, random",
        "from threading import Lock",
        "from io import StringIO",
        "from pathlib import Path",
        "import secrets",
        "from uuid import uuid4",
        "import logging",
        "def f():\n    import random\n    return random.random()",
        "from datetime import datetime\nstamp = datetime.now()",
        "import datetime\ndef f(clock=datetime.datetime.now): ...",
        "from datetime import date\ndate.today()",
        "def f(path):\n    with open(path) as file:\n        return file.read()",
        "__import__('socket')",
    ],
)
def test_an_impure_module_would_be_found(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    "source",
    ["from math import sqrt", "import json", "from .filter import time_of", "now = 1.0", "f(now)"],
)
def test_a_pure_module_is_not_accused(source: str) -> None:
    assert impurities(source) == []
