"""A pipeline component that misbehaves, made known to this process and to workers as an installed package would be."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_CODE = """
import os, signal, time
from spacy.language import Language

@Language.factory("poison")
def make(nlp, name):
    return poison

def poison(doc):
    if "raise" in doc.text:
        raise RuntimeError("no luck with this one")
    if "kill" in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in doc.text:
        time.sleep(0.3)
    return doc
"""


def install(folder: Path) -> Path:
    """Write a package with the factory ``poison`` into a folder that is then put on ``PYTHONPATH``."""
    (folder / "poison_component.py").write_text(_CODE)
    # Entry points are read when spaCy is imported, which was before.
    spec = spec_from_file_location("poison_component", folder / "poison_component.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module_from_spec(spec))
    info = folder / "poison-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spacy_factories]\npoison = poison_component:make\n")
    return folder
