"""The README is true: its commands, options and names exist, its snippet runs."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import typer

import protipp_stream as ps
from protipp_stream.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_screen_has_both_commands() -> None:
    first_screen = README[:1200]
    assert "pip install -e . && protipp-stream demo" in first_screen
    assert 'pip install -e ".[test]" && pytest' in first_screen


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| `{name}[ `]", README, re.MULTILINE)


def test_every_command_and_option_in_the_readme_exists() -> None:
    known = {option for command in COMMANDS.values() for p in command.params for option in p.opts}
    known |= {option for c in COMMANDS.values() for p in c.params for option in p.secondary_opts}
    shell = "\n".join(blocks("sh"))
    assert set(re.findall(r"protipp-stream (\w+)", shell)) <= set(COMMANDS)
    table = "".join(line for line in README.splitlines(True) if line.startswith("| `"))
    ours = "".join(line for line in shell.splitlines(True) if "protipp-stream" in line)
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", table + ours)) <= known


def test_every_link_leads_somewhere() -> None:
    root = Path(__file__).parent.parent
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    assert [target for target in targets if not (root / target).exists()] == []


@pytest.mark.parametrize("name", [n for n in ps.__all__ if n not in {"Event", "Quote"}])
def test_every_public_name_a_user_calls_is_in_the_readme(name: str) -> None:
    documented = {"Cursor": "cursor", "OddsUpdate": "update", "RealTimeConnection": "status"}
    documented |= {"ProtippStreamError": "errors.py"}
    assert documented.get(name, name) in README


def test_the_ten_lines_run_as_they_stand() -> None:
    snippet, *_ = blocks("python")
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert "→" in printed.getvalue()
    assert "h=" in printed.getvalue()
