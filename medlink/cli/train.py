"""``medlink train``: training of models."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
    seed: Annotated[int | None, typer.Option(help="Seed in place of the config's.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Base model in place of the config's, to compare one with the other.")
    ] = None,
    mean_of: Annotated[
        list[Path] | None,
        typer.Option(
            help="Do not train, but take the mean of runs of this config with other seeds, or of exported models; "
            "twice or more."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Train the token classifier; started again, a run that was cut off goes on after its last epoch."""
    _log()
    with _training_needs():
        from medlink.training.averaging import average_runs
        from medlink.training.ner import train_ner
        from medlink.training.save import save_ner
        from medlink.training.settings import NerSettings
    settings = NerSettings.load(config)
    if seed is not None:
        settings = replace(settings, seed=seed)
    if base is not None:
        settings = replace(settings, base=base, base_licence="its own")
    run = average_runs(settings, mean_of) if mean_of else train_ner(settings, out, threads)
    save_ner(run, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")


@app.command()
def ensemble(
    first: Annotated[
        Path, typer.Argument(help="Folder of the model that also answers alone, where speed is asked for.")
    ],
    second: Annotated[Path, typer.Argument(help="Folder of another with the same labels, window and tokenizer.")],
    config: Annotated[Path, typer.Option(help="Settings whose splits score both together; see configs/ner.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for the model, in its folder 'model'.")],
    share: Annotated[float, typer.Option(help="How much the second counts, 0 to 1.")] = 0.5,
) -> None:
    """Put two token classifiers together: what they answer is averaged, at twice the time."""
    _log()
    with _training_needs():
        from medlink.training.ensemble import put_together
        from medlink.training.settings import NerSettings
    put_together(first, second, share, NerSettings.load(config), config, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")


@app.command()
def encoder(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/pretraining.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, and for the encoder in its folder 'model'.")],
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Go on with the masked-language training of a base model; a run that was cut off goes on after its last epoch."""
    _log()
    with _training_needs():
        from medlink.training.pretraining import PretrainingSettings, pretrain
    typer.echo(f"the encoder is in {pretrain(PretrainingSettings.load(config), out, threads)}")


@app.command()
def gliner(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/gliner.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, and for the model in its folder 'model'.")],
    without: Annotated[
        list[str] | None, typer.Option(help="A corpus to leave out of training, and only score; any number of times.")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Train a GLiNER model; started again, a run that was cut off goes on after its last epoch."""
    _log()
    with _training_needs():
        from medlink.training.gliner import train_gliner
        from medlink.training.save_gliner import save_gliner
        from medlink.training.settings import GlinerSettings
    run = train_gliner(GlinerSettings.load(config, without or ()), out, threads)
    save_gliner(run, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")


@app.command()
def biencoder(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/biencoder.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, and for the model in its folder 'model'.")],
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Train the encoder of names; started again, a run that was cut off goes on after its last round."""
    _log()
    with _training_needs():
        from medlink.training.biencoder import train_biencoder
        from medlink.training.save_biencoder import save_biencoder
        from medlink.training.settings import BiencoderSettings
    run = train_biencoder(BiencoderSettings.load(config), out, threads)
    save_biencoder(run, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")


@app.command()
def crossencoder(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/crossencoder.cfg.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, and for the model in its folder 'model'.")],
    threads: Annotated[int, typer.Option(help="CPU threads; 0 for PyTorch's default.")] = 0,
) -> None:
    """Train the reranker of candidates; started again, a run that was cut off goes on after its last epoch."""
    _log()
    with _training_needs():
        from medlink.training.crossencoder import train_crossencoder
        from medlink.training.save_crossencoder import save_crossencoder
        from medlink.training.settings import CrossencoderSettings
    run = train_crossencoder(CrossencoderSettings.load(config), out, threads)
    save_crossencoder(run, out / "model")
    typer.echo(f"model and model card are in {out / 'model'}")


@app.command()
def calibration(
    config: Annotated[Path, typer.Argument(help="Settings; see configs/calibration.cfg.")],
    encoder: Annotated[str, typer.Option(help="Folder of the encoder of names, or a Hugging Face encoder.")],
    out: Annotated[Path, typer.Option(help="Folder for calibration.json, priors.json and their card.")],
    reranker: Annotated[Path | None, typer.Option(help="Folder of the cross-encoder.")] = None,
) -> None:
    """Fit what makes probabilities of the linker's scores."""
    from medlink.inference.names import load_name_encoder
    from medlink.linking.reranker import Reranker

    _log()
    with _training_needs():
        from medlink.training.calibration import fit_calibration
        from medlink.training.save_calibration import save_calibration
        from medlink.training.settings import CalibrationSettings
    settings = CalibrationSettings.load(config)
    cross_encoder = Reranker.load(reranker) if reranker is not None else None
    save_calibration(fit_calibration(settings, load_name_encoder(encoder), cross_encoder), settings, out)
    typer.echo(f"calibration and its card are in {out}")


@contextmanager
def _training_needs() -> Iterator[None]:
    """Say what to install where an import of training code fails."""
    try:
        yield
    except ImportError as error:
        raise MedlinkError(f"training needs {error.name}; run 'pip install medlink[train]'") from None


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
