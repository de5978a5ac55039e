"""``medlink info``: what is installed here."""

from __future__ import annotations

import platform

import typer


def info() -> None:
    """Print versions, ONNX Runtime and its providers, and the terminologies."""
    from importlib.metadata import version  # which the help of all commands would load too

    import onnxruntime

    from medlink import __version__
    from medlink.terminology.catalog import installed_terminologies

    typer.echo(f"medlink       {__version__}")
    typer.echo(f"python        {platform.python_version()} on {platform.platform()}")
    typer.echo(f"spacy         {version('spacy')}")
    runtimes = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    typer.echo(f"onnxruntime   {onnxruntime.__version__} from {' and '.join(runtimes) or 'an unknown package'}")
    typer.echo(f"providers     {', '.join(onnxruntime.get_available_providers())}")
    if len(runtimes) > 1:
        typer.echo(
            "warning       onnxruntime and onnxruntime-gpu are both installed and overwrite each other; run "
            "'pip uninstall onnxruntime onnxruntime-gpu' and install one of them",
            err=True,
        )
    typer.echo(f"model         en_medlink_sm {_installed('en_medlink_sm') or 'is not installed'}")
    for name, folder in sorted(installed_terminologies().items()):
        typer.echo(f"terminology   {name} in {folder}")


def _installed(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
