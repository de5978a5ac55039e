"""``medlink train``: training of models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from medlink.errors import MedlinkError

app = typer.Typer(no_args_is_help=True, help="Train models.")


@app.callback()
def _train() -> None:
    """Train models."""


@app.command()
def ner(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/ner.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, and for the model in its folder 'model'.")],
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Train the token classifier; started again, a run that was cut off goes on after its last epoch."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        from medlink.training.ner import train_ner
        from medlink.training.save import save_ner
        from medlink.training.settings import NerSettings
    except ImportError as error:
        raise MedlinkError(f"training needs {error.name}; run 'pip install medlink[train]'") from None
    run = train_ner(NerSettings.load(config), out, threads)
    save_ner(run, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")
