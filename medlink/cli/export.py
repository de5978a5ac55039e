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


@app.command()
def gliner(
    model: Annotated[str, typer.Argument(help="Model of the gliner library: folder, or name on the hub.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    weights: Annotated[str, typer.Option(help="fp32 for the same scores, int8 for a quarter of the size.")] = "fp32",
) -> None:
    """Write a GLiNER model as ONNX, for medlink_gliner without PyTorch."""
    if weights not in ("fp32", "int8"):
        raise MedlinkError(f"--weights must be fp32 or int8, not {weights!r}")
    try:
        from medlink.training.export_gliner import export_gliner
    except ImportError as error:
        raise MedlinkError(f"export needs {error.name}; run 'pip install medlink[train]'") from None
    export_gliner(model, out, weights)  # type: ignore[arg-type]
    typer.echo(f"model is in {out}; use it with nlp.add_pipe('medlink_gliner', config={{'model': '{out}'}})")
