"""``medlink export``: models written as ONNX, to run without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medlink.errors import MedlinkError

app = typer.Typer(no_args_is_help=True, help="Write models as ONNX.")


@app.callback()
def _export() -> None:
    """Write models as ONNX."""


@app.command()
def encoder(
    model: Annotated[str, typer.Argument(help="Hugging Face encoder of names: folder, or name on the hub.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
) -> None:
    """Write an encoder of names, for example SapBERT's, as ONNX with int8 weights."""
    try:
        from medlink.training.export_encoder import export_encoder
    except ImportError as error:
        raise MedlinkError(f"export needs {error.name}; run 'pip install medlink[train]'") from None
    export_encoder(model, out)
    typer.echo(f"encoder is in {out}; use it with --encoder {out}")
