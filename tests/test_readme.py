"""The README is true: its commands, options and names exist, its snippet runs."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

import protipp_stream as ps
from protipp_stream.cli import app
from protipp_stream.cli.questions import Question

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
HISTORY = COMMANDS["history"].commands
CALL = re.compile(r"`(\w+\([^`]*\))`")
ALL = [*COMMANDS.values(), *HISTORY.values()]


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
    known = {option for command in ALL for p in command.params for option in p.opts}
    known |= {option for c in ALL for p in c.params for option in p.secondary_opts}
    shell = "\n".join(blocks("sh"))
    assert set(re.findall(r"protipp-stream (\w+)", shell)) <= set(COMMANDS)
    assert set(re.findall(r"protipp-stream history (\w+)", shell)) <= set(HISTORY)
    table = "".join(line for line in README.splitlines(True) if line.startswith("| `"))
    ours = "".join(line for line in shell.splitlines(True) if "protipp-stream" in line)
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", table + ours)) <= known


@pytest.mark.parametrize("name", HISTORY)
def test_every_history_command_is_in_the_readme(name: str) -> None:
    [row] = re.findall(r"^\| `history …` .*$", README, re.MULTILINE)
    assert f"`{name}`" in row


@pytest.mark.parametrize("name", [question.value for question in Question])
def test_every_question_to_a_history_is_in_the_readme(name: str) -> None:
    assert re.search(rf"^\|.*`{name}\(", README, re.MULTILINE)


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


@pytest.mark.parametrize("name", ps.ui.__all__)
def test_every_component_is_in_the_readme_with_arguments_that_it_has(name: str) -> None:
    [row] = re.findall(rf"^\| `{name}\(.*$", README, re.MULTILINE)
    known = inspect.signature(getattr(ps.ui, name)).parameters
    assert set(re.findall(r"(\w+)=", row)) <= set(known)


def test_every_dashboard_is_in_the_readme_with_its_pictures() -> None:
    folder = Path(__file__).parent.parent / "dashboards"
    for page in ("live", "arbitrage", "operations", "history"):
        assert re.search(rf"^\| `{page}` \|", README, re.MULTILINE)
        for scheme in ("light", "dark"):
            assert f"dashboards/{page}.{scheme}.png" in README
            assert (folder / f"{page}.{scheme}.png").stat().st_size > 20_000


def test_every_variable_that_the_software_reads_is_in_the_readme() -> None:
    root = Path(__file__).parent.parent
    files = [*root.glob("protipp_stream/**/*.py"), *root.glob("dashboards/*.py")]
    named = {name for file in files for name in re.findall(r"\bPROTIPP_[A-Z_]+", file.read_text())}
    assert {name for name in named if name not in README} == set()


def test_the_ten_lines_run_as_they_stand() -> None:
    snippet, *_ = blocks("python")
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert "→" in printed.getvalue()
    assert "h=" in printed.getvalue()


@pytest.fixture(scope="module")
def after_the_history_snippet(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Any]]:
    """Run it, and return the names that there are then."""
    [snippet] = [block for block in blocks("python") if 'history="audit/"' in block]
    names: dict[str, Any] = {"folder": tmp_path_factory.mktemp("history"), "t": datetime.now(UTC)}
    with contextlib.chdir(names["folder"]):
        exec(compile(snippet, "README.md", "exec"), names)
        yield names


def test_the_history_snippet_runs_as_it_stands(after_the_history_snippet: dict[str, Any]) -> None:
    names = after_the_history_snippet
    assert len(names["history"].updates()) > 100
    assert len((names["folder"] / "odds.csv").read_text().splitlines()) > 10


def test_the_questions_in_the_readme_can_be_asked_as_they_stand(
    after_the_history_snippet: dict[str, Any],
) -> None:
    section = README.split("## History\n")[1].split("## Inside")[0]
    table = section.split("| question | answer |")[1].split("\n\n")[0]
    asked = [call for row in table.splitlines()[2:] for call in CALL.findall(row.split("|")[1])]
    assert len(asked) > 12
    for call in asked:
        eval(f"history.{call}", after_the_history_snippet)
