"""GLiNER models: a text is read together with labels in plain words, and each word is scored for each label.

Zaratiana et al., "GLiNER: Generalist Model for Named Entity Recognition using Bidirectional Transformer", NAACL 2024.
A folder holds ``gliner_config.json`` and ``tokenizer.json`` as the ``gliner`` library writes them, and ``model.onnx``
(run without PyTorch) or the library's own weights. Both are given the same inputs and are decoded alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medlink.errors import MedlinkError
from medlink.inference.batches import batches_of
from medlink.inference.onnx import FloatArray, OnnxModel, read_content
from medlink.inference.windows import cut_windows
from medlink.inference.wordpiece import IntArray, Pieces, WordPieceEncoder

MODEL, TOKENIZER, CONFIG = "model.onnx", "tokenizer.json", "gliner_config.json"
# Most pieces that an encoder reads at once, special tokens and labels included, and the share of them for labels.
_LONGEST, _PROMPT_SHARE = 512, 0.4
# Pieces that neighbouring windows share; of an encoder that reads less at once, a quarter of the text.
_OVERLAP = 64
# The logit of what was not read, as a word without pieces.
_NEVER = np.float32(-30)


class GlinerGraph(Protocol):
    """What computes logits: ONNX Runtime or PyTorch."""

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        """Compute the logits of a batch."""


@dataclass(frozen=True, slots=True)
class GlinerLayout:
    """How a GLiNER model wants its input, and what its output means.

    Arguments:
        by_span: Whether it scores spans of up to ``max_width`` words (``span_mode`` "markerV0" and the like), or
            words as first, last and inner ones of a mention (``"token_level"``).
        max_width: Most words in a span that it scores.
        max_types: Most labels in a prompt.
        ent_token: Token that stands before each label.
        sep_token: Token that stands between the labels and the text.
        longest: Most pieces that it reads at once, special tokens and labels included.
        words: ``"tokens"`` where it was trained on medlink's tokens, ``"whitespace"`` for the words of the library.
    """

    by_span: bool
    max_width: int
    max_types: int
    ent_token: str
    sep_token: str
    longest: int
    words: str

    @classmethod
    def read(cls, config: str, name: str) -> GlinerLayout:
        """Read it from the text of a ``gliner_config.json``.

        Raises:
            MedlinkError: It is broken, or that of a kind of model that is not supported.
        """
        try:
            values = json.loads(config)
            kind = values.get("model_type") or ""
            layout = cls(
                by_span=values["span_mode"] != "token_level",
                max_width=int(values["max_width"]),
                max_types=int(values.get("max_types", 25)),
                ent_token=values.get("ent_token", "<<ENT>>"),
                sep_token=values.get("sep_token", "<<SEP>>"),
                longest=min(_LONGEST, (values.get("encoder_config") or {}).get("max_position_embeddings", _LONGEST)),
                words=values.get("medlink_words", "whitespace"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MedlinkError(f"{name}: {CONFIG} is broken ({error}); install the model again") from None
        other = values.get("labels_encoder") or values.get("labels_decoder") or values.get("represent_spans")
        if other or kind not in ("", "gliner", "gliner_uni_encoder_span", "gliner_uni_encoder_token"):
            raise MedlinkError(f"{name}: a GLiNER of kind {kind or 'bi-encoder'!r} is not supported; use a uni-encoder")
        if values.get("subtoken_pooling", "first") != "first":
            raise MedlinkError(f"{name}: only GLiNER models that pool the first piece of a word are supported")
        return layout


@dataclass(frozen=True, slots=True)
class Found:
    """A span that may be a mention.

    Arguments:
        start: First word.
        end: Word after the last one.
        label: Position of its label among those asked for.
        score: Probability, 0 to 1.
    """

    start: int
    end: int
    label: int
    score: float


class GlinerModel:
    """A GLiNER model with its tokenizer.

    Arguments:
        graph: Computes logits.
        encoder: Its tokenizer.
        layout: How it wants its input.
        files: The content of its files by name, for :meth:`to_files`; empty for a model of the library.
    """

    def __init__(
        self, graph: GlinerGraph, encoder: WordPieceEncoder, layout: GlinerLayout, files: Mapping[str, Any]
    ) -> None:
        self._graph = graph
        self.encoder = encoder
        self.layout = layout
        self._files = files

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 0, providers: Sequence[str] = ()) -> GlinerModel:
        """Load a model.

        Arguments:
            path: Folder with ``model.onnx``, or a folder or cached name of a model of the ``gliner`` library, which
                must then be installed. Nothing is downloaded.
            threads: CPU threads of an ONNX model; 0 for all cores.
            providers: ONNX Runtime's execution providers in order; empty for CUDA where there is one, else CPU.

        Raises:
            MedlinkError: A file is missing or broken, or the library is missing.
        """
        folder = Path(path)
        if not (folder / MODEL).is_file():
            from medlink.inference.gliner_torch import load_torch

            graph, tokenizer, config = load_torch(str(path))
            return cls(graph, WordPieceEncoder.from_str(tokenizer), GlinerLayout.read(config, str(path)), {})
        return cls.from_files(
            {name: folder / name for name in (MODEL, TOKENIZER, CONFIG)},
            str(path),
            threads=threads,
            providers=providers,
        )

    @classmethod
    def from_files(
        cls, files: Mapping[str, Path | bytes], name: str, *, threads: int = 0, providers: Sequence[str] = ()
    ) -> GlinerModel:
        """Load an ONNX model from its files or their contents.

        Raises:
            MedlinkError: A file is missing or broken.
        """
        graph = OnnxModel(files[MODEL], threads=threads, providers=tuple(providers))
        encoder = WordPieceEncoder.from_str(read_content(files[TOKENIZER]).decode("utf-8"))
        layout = GlinerLayout.read(read_content(files[CONFIG]).decode("utf-8"), name)
        graph.open()
        return cls(graph, encoder, layout, files)

    def to_files(self) -> dict[str, bytes]:
        """The content of its files by name; of a model of the library none, which is loaded by its name again."""
        return {name: read_content(source) for name, source in self._files.items()}

    def logits(self, texts: Sequence[Sequence[str]], labels: Sequence[str], *, batch_size: int = 4) -> list[FloatArray]:
        """Score the words of texts of any length.

        Arguments:
            texts: The words of each text.
            labels: The labels in plain words; they are read in their order, many of them in several prompts.
            batch_size: Most windows of full length run at once.

        Returns:
            For each text, logits of each word. Shape (words, labels, 3) for first, last and inner word; of a model
            that scores spans (words, labels, max_width) for the span of each width that begins at the word.

        Raises:
            MedlinkError: There is no label, or one is too long to be read.
        """
        pieces = self.encoder.encode(texts)
        parts = [self._run(pieces, prompt, batch_size) for prompt in self._prompts(labels)]
        return [np.concatenate(of_text, axis=1) for of_text in zip(*parts, strict=True)]

    def inputs(self, texts: Sequence[Sequence[str]], labels: Sequence[Sequence[str]]) -> dict[str, npt.NDArray[Any]]:
        """The network's inputs for texts that fit into a window, each with labels of its own, as training needs them.

        Arguments:
            texts: The words of each text; every word has pieces.
            labels: The labels of each text.

        Returns:
            Arrays by name: ``input_ids``, ``attention_mask`` and ``words_mask``, shape (texts, pieces), and
            ``text_lengths``, shape (texts, 1), in words.
        """
        rows = [
            _Row(np.concatenate(self._label_ids(asked)), pieces.ids, pieces.first)
            for asked, pieces in zip(labels, self.encoder.encode(texts), strict=True)
        ]
        return self._inputs(rows, max(2 + len(row.prompt) + len(row.ids) for row in rows))

    def _label_ids(self, labels: Sequence[str]) -> list[IntArray]:
        """The pieces of each label with the token before it, and those of the token after all labels."""
        words = [*([self.layout.ent_token, label] for label in labels), [self.layout.sep_token]]
        return [pieces.ids for pieces in self.encoder.encode(words)]

    def _prompts(self, labels: Sequence[str]) -> Iterator[tuple[int, IntArray]]:
        """Labels as (number of labels, pieces), as many at once as a prompt holds."""
        if not labels:
            raise MedlinkError("no label to look for; set labels, as ['drug', 'body part']")
        *parts, separator = self._label_ids(labels)
        longest = int(_PROMPT_SHARE * self.layout.longest) - len(separator)
        held: list[IntArray] = []
        for label, ids in zip(labels, parts, strict=True):
            if len(ids) < 2 or len(ids) > longest:
                raise MedlinkError(f"the label {label!r} is {'empty' if len(ids) < 2 else 'too long'}; word it anew")
            if len(held) == self.layout.max_types or sum(map(len, held)) + len(ids) > longest:
                yield len(held), np.concatenate([*held, separator])
                held = []
            held.append(ids)
        yield len(held), np.concatenate([*held, separator])

    def _run(self, texts: Sequence[Pieces], labels: tuple[int, IntArray], batch_size: int) -> list[FloatArray]:
        count, prompt = labels
        extra = 2 + len(prompt)
        depth = self.layout.max_width if self.layout.by_span else 3
        room = self.layout.longest - extra
        windows = [cut_windows(len(text.ids), room, min(_OVERLAP, room // 4)) for text in texts]
        results = [np.full((len(text.first), count, depth), _NEVER, dtype=np.float32) for text in texts]
        for length, part in batches_of(windows, extra, self.layout.longest * batch_size):
            rows, words, places = [], [], []
            for i, j in part:
                one, first = windows[i][j], texts[i].first
                begun = np.flatnonzero((first >= one.start) & (first < one.end))
                if len(begun):  # else all of the window is the middle of one word
                    rows.append(_Row(prompt, texts[i].ids[one.start : one.end], first[begun] - one.start))
                    words.append(begun)
                    places.append((i, j))
            if not rows:
                continue
            inputs = self._inputs(rows, length)
            if self.layout.by_span:
                output = self._graph.run(inputs | _spans(inputs["text_lengths"][:, 0], self.layout.max_width))
                output = output.transpose(0, 1, 3, 2)
            else:
                output = self._graph.run(inputs)
            for (i, j), of_row, scores in zip(places, words, output, strict=True):
                one = windows[i][j]
                own = (texts[i].first[of_row] >= one.owned_start) & (texts[i].first[of_row] < one.owned_end)
                results[i][of_row[own]] = scores[: len(own), :count][own]
        return results

    def _inputs(self, rows: Sequence[_Row], length: int) -> dict[str, npt.NDArray[Any]]:
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask, words = np.zeros_like(ids), np.zeros_like(ids)
        for number, row in enumerate(rows):
            content = [self.encoder.start_id, *row.prompt, *row.ids, self.encoder.end_id]
            ids[number, : len(content)] = content
            mask[number, : len(content)] = 1
            words[number, 1 + len(row.prompt) + row.first] = np.arange(1, len(row.first) + 1)
        lengths = np.array([[len(row.first)] for row in rows], dtype=np.int64)
        return {"input_ids": ids, "attention_mask": mask, "words_mask": words, "text_lengths": lengths}


@dataclass(frozen=True, slots=True)
class _Row:
    """A window as the network reads it: pieces of the labels and of the text, and where in these its words begin."""

    prompt: IntArray
    ids: IntArray
    first: IntArray


def decode_spans(logits: FloatArray, *, by_span: bool, threshold: float) -> list[Found]:
    """The spans of a text whose score is above a threshold; they may overlap.

    Of a model that scores words, a span's score is the least of that of its first, its last and its inner words.

    Arguments:
        logits: As :meth:`GlinerModel.logits` gives them.
        by_span: Whether the model scores spans.
        threshold: Least score, 0 to 1.
    """
    scores = _probabilities(logits)
    found = []
    if by_span:
        for start, label, width in np.argwhere(scores > threshold).tolist():
            if start + width < len(scores):
                found.append(Found(start, start + width + 1, label, float(scores[start, label, width])))
        return found
    for start, label in np.argwhere(scores[:, :, 0] > threshold).tolist():
        least = scores[start, label, 0]
        for last in range(start, len(scores)):
            least = min(least, scores[last, label, 2])
            if least < threshold:
                break
            if scores[last, label, 1] > threshold:
                found.append(Found(start, last + 1, label, float(min(least, scores[last, label, 1]))))
    return found


def score_span(logits: FloatArray, start: int, end: int, *, by_span: bool) -> npt.NDArray[np.float32]:
    """The scores of a given span for each label.

    Arguments:
        logits: As :meth:`GlinerModel.logits` gives them.
        start: First word.
        end: Word after the last one. A span wider than a model of spans scores is judged by its last words.
        by_span: Whether the model scores spans.

    Returns:
        Probabilities. Shape (labels,).
    """
    if by_span:
        start = max(start, end - logits.shape[2])
        return _probabilities(logits[start, :, end - start - 1])
    scores = _probabilities(logits[start:end])
    least: npt.NDArray[np.float32] = np.minimum(scores[0, :, 0], np.minimum(scores[-1, :, 1], scores[:, :, 2].min(0)))
    return least


def _probabilities(logits: FloatArray) -> FloatArray:
    result: FloatArray = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return result


def _spans(lengths: IntArray, width: int) -> dict[str, npt.NDArray[Any]]:
    """All spans of up to so many words, as the library numbers them."""
    starts = np.repeat(np.arange(lengths.max()), width)
    ends = starts + np.tile(np.arange(width), lengths.max())
    spans = np.broadcast_to(np.stack([starts, ends], axis=-1), (len(lengths), len(starts), 2))
    inside = ends[None, :] < lengths[:, None]
    return {"span_idx": np.ascontiguousarray(spans * inside[..., None]), "span_mask": inside}
