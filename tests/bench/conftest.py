"""Full size or tiny, and where the tables go."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.tables import Table

FOLDER = Path(__file__).parent
_tables = pytest.StashKey[list[Table]]()


def _is_full(config: pytest.Config) -> bool:
    named = (Path(config.invocation_params.dir, arg.split("::")[0]) for arg in config.args)
    asked = os.environ.get("PROTIPP_BENCH") == "full"
    return asked or any(path.resolve().is_relative_to(FOLDER) for path in named)


@pytest.fixture(scope="session")
def is_full(pytestconfig: pytest.Config) -> bool:
    """Whether the figures shall be worth something."""
    return _is_full(pytestconfig)


@pytest.fixture
def tables(pytestconfig: pytest.Config) -> Iterator[list[Table]]:
    """Tables to be shown at the end of the session; kept even if the test fails after them."""
    made: list[Table] = []
    yield made
    pytestconfig.stash.setdefault(_tables, []).extend(made)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the tables: after the dots, and without -s."""
    if not _is_full(config):
        return
    for table in config.stash.get(_tables, []):
        terminalreporter.write_line("")
        terminalreporter.write_line(table.text())
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    terminalreporter.write_line(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs; load average over 1, 5 and "
        f"15 min {load}. More than 2 of it at once is somebody else's."
    )
