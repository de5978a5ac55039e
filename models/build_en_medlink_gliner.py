"""Puts the pipeline package en_medlink_gliner together from a trained GLiNER model.

Run ``python models/build_en_medlink_gliner.py --gliner runs/gliner/model`` after training it; without a folder the
model that is there is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from package import write_package

from medlink.models import blank_pipeline
from medlink.recognition.gliner import MedlinkGliner

PACKAGE = Path(__file__).parent / "en_medlink_gliner" / "en_medlink_gliner"
VERSION = "0.1.0"
DATA = PACKAGE / f"en_medlink_gliner-{VERSION}"

#: What is asked for where the user does not say: the words that the model is scored with, and medlink's labels.
LABELS = {
    "disease or symptom": "CONDITION",
    "drug": "DRUG",
    "medical procedure": "PROCEDURE",
    "lab test or measurement": "MEASUREMENT",
    "medical device": "DEVICE",
    "gene or protein": "GENE",
    "body part or organ": "ANATOMY",
}


def build(gliner: Path) -> None:
    """Write the package's data folder, with the model of this folder."""
    nlp = blank_pipeline("medlink_sections", "medlink_sentences", "medlink_abbreviations")
    finder = nlp.add_pipe("medlink_gliner", config={"labels": LABELS})
    assert isinstance(finder, MedlinkGliner)
    finder.load_model(gliner)
    nlp.add_pipe("medlink_assertion")
    write_package(
        nlp,
        DATA,
        VERSION,
        {"medlink_gliner": gliner},
        name="medlink_gliner",
        description="Clinical mentions of types named in plain words (GLiNER)",
        license="Apache-2.0",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gliner", type=Path, default=DATA / "medlink_gliner")
    build(**vars(parser.parse_args()))
