"""en_medlink_sm: clinical mentions linked to ICD-10-CM and HPO, as a spaCy pipeline."""

from pathlib import Path

from spacy.language import Language
from spacy.util import get_model_meta, load_model_from_init_py

__version__ = get_model_meta(Path(__file__).parent)["version"]


def load(**overrides: object) -> Language:
    """Load the pipeline; ``spacy.load("en_medlink_sm")`` calls this."""
    return load_model_from_init_py(__file__, **overrides)
