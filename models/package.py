"""Writes the data folder of a pipeline package, for the scripts beside this one."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from spacy.language import Language

import medlink


def write_package(nlp: Language, data: Path, version: str, cards: Mapping[str, Path], **meta: str) -> None:
    """Write a pipeline in place of the one that is there, with its model cards and its ``meta.json``.

    Arguments:
        nlp: The pipeline. What it was read from may lie in the folder that it is written to.
        data: The folder, ``NAME-VERSION`` in the package.
        version: Version of the package.
        cards: By place in the pipeline, the folder of the model there, which holds its card.
        meta: Further fields of ``meta.json``.
    """
    nlp.meta.update(
        version=version, author="the medlink developers", requirements=[f"medlink>={medlink.__version__}"], **meta
    )
    texts = {place: (folder / "README.md").read_text("utf-8") for place, folder in cards.items()}
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch) / "pipeline"
        nlp.to_disk(new)
        shutil.rmtree(data, ignore_errors=True)
        shutil.move(new, data)
    for place, text in texts.items():
        (data / place / "README.md").write_text(text, "utf-8")
    shutil.copy(data / "meta.json", data.parent / "meta.json")
    print(json.dumps({"package": str(data.parent), "version": version}))
