"""Pipeline packages: found by name or folder, and loaded with errors that say what to do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from medlink.errors import MedlinkError

if TYPE_CHECKING:
    from spacy.language import Language

DEFAULT_MODEL = "en_medlink_sm"


def find_model(name_or_path: str | Path) -> Path:
    """The folder of a pipeline, the one that holds its ``config.cfg``.

    Arguments:
        name_or_path: An installed package, or the folder of a package or pipeline.

    Raises:
        MedlinkError: There is none.
    """
    places = [Path(name_or_path)]
    if str(name_or_path).isidentifier() and (spec := find_spec(str(name_or_path))) is not None:
        places += map(Path, spec.submodule_search_locations or ())
    for place in places:
        for config in [
            place / "config.cfg",
            *sorted(place.glob("*/config.cfg")),
            *sorted(place.glob("*/*/config.cfg")),
        ]:
            if config.is_file():
                return config.parent
    raise MedlinkError(
        f"unknown model {str(name_or_path)!r}; install it with 'pip install ./models/{DEFAULT_MODEL}' "
        "or name the folder of a pipeline"
    )


def load_model(name_or_path: str | Path) -> Language:
    """Load a pipeline.

    Arguments:
        name_or_path: An installed package, or the folder of a package or pipeline.

    Raises:
        MedlinkError: There is none, or it is broken.
    """
    import spacy

    folder = find_model(name_or_path)
    try:
        return spacy.load(folder)
    except MedlinkError:
        raise
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise MedlinkError(f"{folder}: the pipeline cannot be loaded ({first}); install the package again") from None


def blank_pipeline(*components: str) -> Language:
    """An English pipeline with medlink's tokenizer and no finder.

    Arguments:
        components: Names of components to add, in order.
    """
    import spacy

    settings = {
        "tokenizer": {"@tokenizers": "medlink.ClinicalTokenizer.v1"},
        "after_pipeline_creation": {"@callbacks": "medlink.any_length.v1"},
    }
    nlp: Language = spacy.blank("en", config={"nlp": settings})
    for name in components:
        nlp.add_pipe(name)
    return nlp
