"""The command line, ``protipp-stream``.

``demo | serve | token | watch | record | doctor | replay``, and
``history stats | verify | seal | retain | rotate | erase | export | query``.

`serving` has demo and serve, `following` watch and replay, `recording` record, `minting`
token, `doctor` itself; `history`, `subjects` and `questions` the audit trail; `arguments`
reads what they share. Errors are one line with a hint.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from protipp_stream import __version__
from protipp_stream.cli.doctor import doctor
from protipp_stream.cli.following import replay, watch
from protipp_stream.cli.history import history
from protipp_stream.cli.minting import token
from protipp_stream.cli.recording import record
from protipp_stream.cli.serving import demo, serve
from protipp_stream.errors import ProtippStreamError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Real-time betting odds for people who work in notebooks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Real-time betting odds for people who work in notebooks."""
    if show:
        print(__version__)
        raise typer.Exit


for command in (demo, serve, token, watch, record, doctor, replay):
    app.command()(command)
app.add_typer(history, name="history")


def main() -> None:
    """Run a command; its errors are one line, and exit code 2."""
    if sys.argv[1:] in ([], ["history"]):
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False)
    except ProtippStreamError as error:
        _fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "protipp-stream"
        # Typer puts pydantic's words before its own.
        said = error.format_message().replace("Value error, ", "")
        _fail(f"{said} Try `{path} --help`.", max(error.exit_code, 2))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # `watch | head` has read enough; what is still buffered has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int = 2) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
