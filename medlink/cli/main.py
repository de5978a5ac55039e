"""``medlink``: the commands put together, and errors turned into one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from medlink.cli import annotate, evaluate, export, info, link, terminology, train
from medlink.errors import MedlinkError

app = typer.Typer(
    name="medlink",
    help="Find clinical mentions in text and link them to the concepts of terminologies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("annotate")(annotate.annotate)
app.command("link")(link.link)
app.command("info")(info.info)
app.add_typer(terminology.app, name="terminology")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(export.app, name="export")


def _version(wanted: bool) -> None:
    if wanted:
        import medlink

        typer.echo(f"medlink {medlink.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find clinical mentions in text and link them to the concepts of terminologies."""


def main() -> None:
    """Run the command line. Exit code 2 for bad input, 130 after Ctrl-C."""
    try:
        app()
    except MedlinkError as error:
        print(f"medlink: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("medlink: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output has gone ("medlink … | head"): nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
