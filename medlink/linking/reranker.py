"""Cross-encoder: reads a mention where it stands together with its candidates, and NIL, and weighs them.

All candidates are read in one go, so that they are compared with one another (listwise, as ClinLinker ranks) and a
mention costs one run of the model:
``[CLS] text before [mention] mention [mention] text after [SEP] candidate [SEP] candidate [SEP] …``. The score of
a candidate is the mean over its pieces, that of NIL is read off ``[CLS]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medlink.errors import MedlinkError
from medlink.inference.onnx import OnnxModel, read_content
from medlink.inference.wordpiece import IntArray, WordPieceEncoder
from medlink.linking.evidence import Evidence
from medlink.linking.stages import Query
from medlink.terminology.store import Terminology

_MODEL, _TOKENIZER, _SETTINGS = "model.onnx", "tokenizer.json", "reranker.json"
# Characters on each side of the mention that are cut into pieces, of which the nearest are read.
_AROUND = 400
_ALIASES = 2
_DEFINITION = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """How much the cross-encoder reads.

    Arguments:
        candidates: Most candidates.
        around: Word pieces on each side of the mention.
        mention: Word pieces of the mention.
        candidate: Word pieces of a candidate.
    """

    candidates: int = 12
    around: int = 24
    mention: int = 16
    candidate: int = 20


def candidate_text(concept: int, matched: str, terminology: Terminology) -> str:
    """What the cross-encoder reads of a concept, as one text; see :func:`candidate_parts`."""
    return "; ".join(candidate_parts(concept, matched, terminology))


def candidate_parts(concept: int, matched: str, terminology: Terminology) -> list[str]:
    """What the cross-encoder reads of a concept: name, the name that matched, further ones, type, definition."""
    name = terminology.concept_name(concept)
    parts = [name]
    if matched and matched.casefold() != name.casefold():
        parts.append(matched)
    for alias in terminology.alias_rows(concept)[1:]:
        text = terminology.aliases[alias]
        if len(parts) > _ALIASES:
            break
        if sorted(text.casefold().replace(",", "").split()) != sorted(name.casefold().replace(",", "").split()):
            parts.append(text)
    parts += terminology.concept_types(concept)[:1]
    if definition := terminology.concept(concept).definition:
        parts.append(definition[:_DEFINITION])
    return list(dict.fromkeys(parts))


def build_input(
    query: Query, candidates: Sequence[str], tokenizer: WordPieceEncoder, layout: Layout
) -> tuple[IntArray, IntArray]:
    """The pieces that the cross-encoder reads.

    Arguments:
        query: The mention.
        candidates: What is read of each candidate.
        tokenizer: Cuts texts into pieces.
        layout: How much is read.

    Returns:
        The pieces' ids, and for NIL and each candidate its first piece and the one after its last. Shape
        (candidates + 1, 2).
    """
    before, after = "", ""
    if query.context is not None:
        text, start, end = query.context
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    left, mention, right, *texts = tokenizer.encode_texts([before, query.text, after, *candidates])
    mark = tokenizer.mask_id
    ids = [tokenizer.start_id, *left[-layout.around :], mark, *mention[: layout.mention], mark]
    ids += [*right[: layout.around], tokenizer.end_id]
    spans = [(0, 1)]
    for pieces in texts:
        start = len(ids)
        ids += [*pieces[: layout.candidate], tokenizer.end_id]
        spans.append((start, len(ids)))
    return np.array(ids, dtype=np.int64), np.array(spans, dtype=np.int64)


class Reranker:
    """The cross-encoder, run from ONNX.

    Arguments:
        files: ``model.onnx``, ``tokenizer.json`` and ``reranker.json`` by name, as files or their content.

    Raises:
        MedlinkError: A file is missing or broken.
    """

    def __init__(self, files: Mapping[str, Path | bytes]) -> None:
        self._files = dict(files)
        try:
            self.layout = Layout(**json.loads(read_content(files[_SETTINGS])))
            self._tokenizer = WordPieceEncoder.from_str(read_content(files[_TOKENIZER]).decode())
            self._model = OnnxModel(files[_MODEL])
        except (KeyError, ValueError, TypeError) as error:
            raise MedlinkError(f"the cross-encoder is broken ({error}); install the model package again") from None

    @classmethod
    def load(cls, folder: Path) -> Reranker:
        """Read the cross-encoder in a folder.

        Raises:
            MedlinkError: A file is missing or broken.
        """
        return cls({name: folder / name for name in (_MODEL, _TOKENIZER, _SETTINGS)})

    @property
    def files(self) -> dict[str, bytes]:
        """The content of its files by name."""
        return {name: read_content(source) for name, source in self._files.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return Reranker, (self.files,)

    def to_disk(self, folder: Path) -> None:
        """Write the cross-encoder into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def open(self) -> None:
        """See :meth:`OnnxModel.open`."""
        self._model.open()

    def read(
        self,
        queries: Sequence[Query],
        evidence: Sequence[Evidence],
        orders: Sequence[Sequence[int]],
        terminology: Terminology,
    ) -> None:
        """Read mentions with their candidates; the logits against NIL are put into the evidence.

        Arguments:
            queries: The mentions.
            evidence: What was found for each.
            orders: The concepts of each, best first; as many as the layout says are read.
            terminology: The terminology of the concepts.
        """
        for query, one, order in zip(queries, evidence, orders, strict=True):
            concepts = list(order[: self.layout.candidates])
            texts = [candidate_text(c, terminology.aliases[one.best(c)[0].alias], terminology) for c in concepts]
            ids, spans = build_input(query, texts, self._tokenizer, self.layout)
            scores = self._model.run({"input_ids": ids[None], "attention_mask": np.ones_like(ids)[None]})[0, :, 0]
            nil, *logits = [float(scores[start:end].mean()) for start, end in spans]
            one.reranked = {concept: logit - nil for concept, logit in zip(concepts, logits, strict=True)}
