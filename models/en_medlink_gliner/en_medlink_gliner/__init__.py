"""en_medlink_gliner: clinical mentions of types named in plain words, as a spaCy pipeline."""

from pathlib import Path

from spacy.language import Language
from spacy.util import get_model_meta, load_model_from_init_py

__version__ = get_model_meta(Path(__file__).parent)["version"]


def load(**overrides: object) -> Language:
    """Load the pipeline; ``spacy.load("en_medlink_gliner")`` calls this."""
    return load_model_from_init_py(__file__, **overrides)
