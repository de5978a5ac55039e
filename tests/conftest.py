"""What tests share: the shipped pipeline, a small terminology, and the corpora where they are at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import spacy
from spacy.language import Language

from medlink import Alias, Concept, Terminology

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"

CONCEPTS = [
    Concept("C1", "Myocardial infarction", (Alias("Heart attack", "exact"), Alias("MI", "abbreviation")), ("T047",)),
    Concept("C2", "Hearing impairment", (Alias("Hearing loss", "related"),), ("T047",), definition="Hears less."),
    Concept("C3", "Low-set ears", (), ("T019",), ("C2",), xrefs=("UMLS:C0239234",), alternate_ids=("C99",)),
    Concept("C4", "Anaemia", (), ("T047",)),
    Concept("C5", "Retinitis", (), ("T047",)),
    Concept("C6", "Abnormality of the kidney", (), ("T019",)),
    Concept("C7", "Type 2 diabetes mellitus", (Alias("NIDDM", "abbreviation"),), ("T047",)),
    Concept("C8", "Type 1 diabetes mellitus", (), ("T047",)),
    Concept("C9", "Fracture of left femur", (), ("T037",)),
]


@contextmanager
def scripts(folder: Path, *names: str) -> Iterator[list[ModuleType]]:
    """The scripts of a folder as modules, and none of the same name of another folder afterwards."""
    sys.path.insert(0, str(folder))
    for name in names:
        sys.modules.pop(name, None)
    try:
        yield [import_module(name) for name in names]
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the corpora are not here: ../shared/data is absent")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def nlp() -> Language:
    return spacy.load("en_medlink_sm")


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    return Terminology.from_records("mini", CONCEPTS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A terminology folder of the test's own, so that none of the user's is read or written."""
    folder = tmp_path / "medlink-home"
    monkeypatch.setenv("MEDLINK_HOME", str(folder))
    return folder
