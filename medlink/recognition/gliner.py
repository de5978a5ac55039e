"""``medlink_gliner``: mentions of any type that plain words name (GLiNER), found or typed anew."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from medlink.errors import MedlinkError
from medlink.extensions import add_finder, move_extensions
from medlink.inference.gliner import Found, GlinerModel, decode_spans, score_span
from medlink.inference.onnx import FloatArray
from medlink.recognition.mentions import add_mentions, check_share, cut_at_line_ends, mentions_of, set_mentions
from medlink.terminology.semantic_types import semantic_type_name
from medlink.terminology.store import Terminology

Labels = Sequence[str] | Mapping[str, str]
# What the gliner library takes for words.
_WORDS = re.compile(r"\w+(?:[-_]\w+)*|\S")


@Language.factory(
    "medlink_gliner",
    assigns=["doc.ents", "doc.spans", "span._.finders"],
    default_config={
        "labels": [],
        "terminology": "",
        "threshold": 0.5,
        "nested": False,
        "retype": False,
        "model": "",
        "threads": 0,
        "providers": [],
        "batch_size": 4,
    },
)
def make_gliner(
    nlp: Language,
    name: str,
    labels: list[str] | dict[str, str],
    terminology: str,
    threshold: float,
    nested: bool,
    retype: bool,
    model: str,
    threads: int,
    providers: list[str],
    batch_size: int,
) -> "MedlinkGliner":
    """Make the component; its model is read when first used, or comes with ``from_disk``."""
    return MedlinkGliner(
        name,
        labels=labels,
        terminology=terminology,
        threshold=threshold,
        nested=nested,
        retype=retype,
        model=model,
        threads=threads,
        providers=providers,
        batch_size=batch_size,
    )


class MedlinkGliner:
    """Finds mentions of the types that are asked for, or types mentions that other components found.

    The words asked for are given once, with ``labels`` or ``terminology``, or with each call:
    ``nlp(text, component_cfg={"medlink_gliner": {"labels": ["implant", "food"]}})``.

    Arguments:
        name: Name in the pipeline.
        labels: The types in plain words, each the label of its mentions; or from these words to the label that the
            mentions get, as ``{"medication": "DRUG", "vaccine": "DRUG"}``.
        terminology: Name or folder of a terminology whose semantic types are the types to find, where there are no
            ``labels``.
        threshold: Least score of a mention, 0 to 1.
        nested: Whether a mention may lie inside another one. Where two may not stand together, the one with the higher
            score is kept.
        retype: Give the mentions that are there new labels instead of finding mentions: the label with the highest
            score, if it reaches the threshold; a mention for which none does keeps its own.
        model: Folder of an exported model, or folder or cached name of a model of the ``gliner`` library; empty where
            the component is loaded with its model.
        threads: CPU threads; 0 for all cores.
        providers: ONNX Runtime's execution providers in order; empty for CUDA where there is one, else CPU.
        batch_size: Most windows of full length run at once.

    Raises:
        MedlinkError: A setting is out of its range.
    """

    def __init__(
        self,
        name: str = "medlink_gliner",
        *,
        labels: Labels = (),
        terminology: str | Path = "",
        threshold: float = 0.5,
        nested: bool = False,
        retype: bool = False,
        model: str | Path = "",
        threads: int = 0,
        providers: Iterable[str] = (),
        batch_size: int = 4,
    ) -> None:
        if batch_size < 1:
            raise MedlinkError(f"{name}: batch_size must be at least 1, not {batch_size}")
        check_share(name, "threshold", threshold)
        self.name = name
        self.labels = labels
        self.terminology = terminology
        self.threshold = threshold
        self.nested = nested
        self.retype = retype
        self.threads = threads
        self.providers = tuple(providers)
        self.batch_size = batch_size
        self._path = model
        self._model: GlinerModel | None = None

    def load_model(self, path: str | Path) -> "MedlinkGliner":
        """Load a model.

        Arguments:
            path: Folder of an exported model, or folder or cached name of a model of the ``gliner`` library.

        Raises:
            MedlinkError: A file is missing or broken, or the library is missing that the model needs.
        """
        self._model = GlinerModel.load(path, threads=self.threads, providers=self.providers)
        return self

    @property
    def network(self) -> GlinerModel:
        """The model. Not named ``model``, which spaCy may ask any component for before there is one.

        Raises:
            MedlinkError: There is none, or it cannot be read.
        """
        if self._model is None:
            if not self._path:
                raise MedlinkError(
                    f"{self.name} has no model; set config={{'model': FOLDER}} in add_pipe, or take the component from "
                    "a pipeline that has one: nlp.add_pipe('medlink_gliner', source=spacy.load('en_medlink_gliner'))"
                )
            self.load_model(self._path)
        assert self._model is not None
        return self._model

    def __call__(self, doc: Doc, *, labels: Labels | None = None, threshold: float | None = None) -> Doc:
        """Find or type the mentions of one document.

        Arguments:
            doc: The document.
            labels: Labels in place of the component's.
            threshold: Threshold in place of the component's.
        """
        return next(self.pipe([doc], labels=labels, threshold=threshold))

    def pipe(
        self,
        stream: Iterable[Doc],
        *,
        batch_size: int = 64,
        labels: Labels | None = None,
        threshold: float | None = None,
    ) -> Iterator[Doc]:
        """Find or type the mentions of documents; windows of all documents of a batch are run together.

        Arguments:
            stream: The documents.
            batch_size: Documents taken from the stream at once.
            labels: Labels in place of the component's.
            threshold: Threshold in place of the component's.

        Raises:
            MedlinkError: There is no label, the threshold is no probability, or the component has no model.
        """
        asked = self._asked(self.labels if labels is None else labels)
        least = self.threshold if threshold is None else threshold
        check_share(self.name, "threshold", least)
        for batch in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            docs = list(batch)
            contents = [doc.text for doc in docs]  # put together anew at each access
            words = [self._words(doc, text) for doc, text in zip(docs, contents, strict=True)]
            texts = [[text[start:end] for start, end in of_doc] for text, of_doc in zip(contents, words, strict=True)]
            logits = self.network.logits(texts, list(asked), batch_size=self.batch_size)
            for doc, of_doc, scores in zip(docs, words, logits, strict=True):
                if self.retype:
                    self._retype(doc, of_doc, scores, list(asked.values()), least)
                else:
                    self._find(doc, of_doc, scores, list(asked.values()), least)
            yield from docs

    def _asked(self, labels: Labels) -> dict[str, str]:
        """The words asked for, and the label of what they find."""
        if isinstance(labels, str):
            raise MedlinkError(f"{self.name}: labels must be a list, as ['{labels}']")
        asked = dict(labels) if isinstance(labels, Mapping) else {label: label for label in labels}
        if not asked and self.terminology:
            asked = {semantic_type_name(one).lower(): one for one in Terminology.load(self.terminology).types}
        if not asked:
            raise MedlinkError(f"{self.name} has no label to look for; set labels, as ['drug', 'body part']")
        return asked

    def _words(self, doc: Doc, text: str) -> list[tuple[int, int]]:
        """First character of each word that the model reads, and the character after its last one."""
        if self.network.layout.words == "tokens":
            return [(token.idx, token.idx + len(token)) for token in doc if not token.is_space]
        return [match.span() for match in _WORDS.finditer(text)]

    def _find(
        self, doc: Doc, words: list[tuple[int, int]], logits: FloatArray, labels: list[str], threshold: float
    ) -> None:
        found = decode_spans(logits, by_span=self.network.layout.by_span, threshold=threshold)
        spans: list[Span] = []
        scores: list[float] = []
        for one in choose(found, nested=self.nested):
            # A word that is part of a token stands for the whole of it.
            span = doc.char_span(words[one.start][0], words[one.end - 1][1], alignment_mode="expand")
            if span is not None:
                parts = list(cut_at_line_ends(doc, span.start, span.end, labels[one.label]))
                spans += parts
                scores += [one.score] * len(parts)
        add_mentions(doc, spans, self.name, scores)

    def _retype(
        self, doc: Doc, words: list[tuple[int, int]], logits: FloatArray, labels: list[str], threshold: float
    ) -> None:
        spans = []
        starts, ends = [start for start, _ in words], [end for _, end in words]
        for span in mentions_of(doc):
            first, after = bisect_right(ends, span.start_char), bisect_left(starts, span.end_char)
            if first < after:
                scores = score_span(logits, first, after, by_span=self.network.layout.by_span)
                best = int(scores.argmax())
                if scores[best] >= threshold:
                    new = Span(doc, span.start, span.end, labels[best], kb_id=span.kb_id, span_id=span.id)
                    if new.label != span.label:
                        move_extensions(span, new)
                    add_finder(new, self.name, float(scores[best]))
                    span = new
            spans.append(span)
        set_mentions(doc, spans)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The component with its ONNX model as bytes."""
        return bytes(srsly.msgpack_dumps(self._model.to_files() if self._model else {}))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "MedlinkGliner":
        """Load what :meth:`to_bytes` gave."""
        if files := srsly.msgpack_loads(data):
            self._model = GlinerModel.from_files(files, self.name, threads=self.threads, providers=self.providers)
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the component with its ONNX model into a folder."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (self._model.to_files() if self._model else {}).items():
            (folder / name).write_bytes(data)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "MedlinkGliner":
        """Load what :meth:`to_disk` wrote."""
        # A component saved before it had an ONNX model leaves an empty folder.
        return self.load_model(path) if any(Path(path).iterdir()) else self


def choose(found: Iterable[Found], *, nested: bool) -> list[Found]:
    """Choose the spans that may stand together, the highest score first.

    Arguments:
        found: Spans that may overlap.
        nested: Whether one may lie inside another; the same words are one mention in any case.

    Returns:
        The chosen ones in the order of the text.
    """
    chosen: list[Found] = []
    group: list[Found] = []
    end = 0
    for one in sorted(found, key=lambda one: (one.start, one.end)):
        if one.start >= end:  # nothing before overlaps with anything from here on
            chosen += _choose(group, nested)
            group = []
        group.append(one)
        end = max(end, one.end)
    return sorted(chosen + _choose(group, nested), key=lambda one: (one.start, -one.end))


def _choose(group: list[Found], nested: bool) -> list[Found]:
    chosen: list[Found] = []
    for one in sorted(group, key=lambda one: (-one.score, one.start, one.end, one.label)):
        if all(_may_stand_with(one, other, nested) for other in chosen):
            chosen.append(one)
    return chosen


def _may_stand_with(one: Found, other: Found, nested: bool) -> bool:
    if one.end <= other.start or other.end <= one.start:
        return True
    if not nested or (one.start, one.end) == (other.start, other.end):
        return False
    return (one.start <= other.start and other.end <= one.end) or (other.start <= one.start and one.end <= other.end)
