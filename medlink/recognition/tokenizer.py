"""The tokenizer of medlink pipelines: every punctuation mark a token of its own.

spaCy's English tokenizer keeps "beta-catenin/TCF" or "N/V" together, so that a mention inside it could
not be an entity. Here tokens are runs of letters and digits; a decimal point or comma inside a number
stays, and so does nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.util import registry

# Any character that is neither a letter, a digit nor white space, and the underscore.
_MARK = r"(?:[^\w\s]|_)"
# Inside a token a point or comma between two digits stays: "3.5", "1,000".
_INNER_MARK = r"[^\w\s.,]|_|(?<!\d)[.,]|[.,](?!\d)"


#: Characters in a text. spaCy stops at a million for the sake of its own parser's memory; medlink reads in windows.
MAX_LENGTH = 2**30


@registry.callbacks("medlink.any_length.v1")  # type: ignore[untyped-decorator]
def create_any_length() -> Callable[[Language], Language]:
    """Return the callback that lets a pipeline take texts of any length."""

    def any_length(nlp: Language) -> Language:
        nlp.max_length = MAX_LENGTH
        return nlp

    return any_length


@registry.tokenizers("medlink.ClinicalTokenizer.v1")  # type: ignore[untyped-decorator]
def create_clinical_tokenizer() -> Callable[[Language], Tokenizer]:
    """Return the factory that spaCy calls with the pipeline to make its tokenizer."""

    def create(nlp: Language) -> Tokenizer:
        return Tokenizer(
            nlp.vocab,
            prefix_search=re.compile(f"^{_MARK}").search,
            suffix_search=re.compile(f"{_MARK}$").search,
            infix_finditer=re.compile(_INNER_MARK).finditer,
        )

    return create
