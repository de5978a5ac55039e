"""From words to the pieces a transformer reads, keeping track of which word each piece belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from medlink.errors import MedlinkError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The word pieces of one text.

    Arguments:
        ids: Vocabulary id of each piece, without special tokens. Shape (pieces,).
        first: Index of each word's first piece; -1 for a word without pieces (white space, control
            characters). Shape (words,).
    """

    ids: IntArray
    first: IntArray


class WordPieceEncoder:
    """A Hugging Face tokenizer applied to texts already split into words.

    Arguments:
        tokenizer: The tokenizer, with ``[CLS]`` and ``[SEP]`` in its vocabulary.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        if start is None or end is None:
            raise MedlinkError("the tokenizer lacks [CLS] or [SEP]; use that of a BERT-like encoder")
        self.start_id: int = start
        self.end_id: int = end
        #: What pieces are hidden by in training; that of [CLS] where the vocabulary has no [MASK].
        self.mask_id: int = tokenizer.token_to_id("[MASK]") or start

    @classmethod
    def load(cls, path: Path) -> WordPieceEncoder:
        """Read a ``tokenizer.json``.

        Raises:
            MedlinkError: The file is missing or broken.
        """
        try:
            return cls.from_str(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MedlinkError(f"{path}: the tokenizer is missing; install the model package again") from None

    @classmethod
    def from_str(cls, json: str) -> WordPieceEncoder:
        """Make it from the text of a ``tokenizer.json``."""
        try:
            return cls(Tokenizer.from_str(json))
        except MedlinkError:
            raise
        except Exception as error:  # the library raises bare Exception
            raise MedlinkError(f"the tokenizer is broken ({error}); install the model package again") from None

    def to_str(self) -> str:
        """The text of its ``tokenizer.json``."""
        return str(self._tokenizer.to_str())

    def encode(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        """Encode texts given as lists of words.

        Arguments:
            texts: The words of each text.

        Returns:
            The pieces of each text, however long it is.
        """
        encodings = self._tokenizer.encode_batch(
            [list(words) for words in texts], is_pretokenized=True, add_special_tokens=False
        )
        result = []
        for words, encoding in zip(texts, encodings, strict=True):
            word_of = np.array(encoding.word_ids, dtype=np.int64)
            first = np.full(len(words), -1, dtype=np.int64)
            # Written backwards, so that the first piece of a word is what remains.
            first[word_of[::-1]] = np.arange(len(word_of) - 1, -1, -1, dtype=np.int64)
            result.append(Pieces(np.array(encoding.ids, dtype=np.int64), first))
        return result

    def encode_texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode texts that are not split into words.

        Arguments:
            texts: The texts.

        Returns:
            The vocabulary ids of each text's pieces, without special tokens.
        """
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
