"""``medlink_linker``: the linker as a spaCy component."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import load_config, minibatch

from medlink.attributes.component import get_attributes
from medlink.attributes.values import ConditionAttributes
from medlink.document.abbreviations import abbreviation_uses
from medlink.document.senses import AbbreviationUse
from medlink.errors import MedlinkError
from medlink.extensions import set_candidates
from medlink.inference.names import load_name_encoder
from medlink.linking.expansion import Expansion, cause_before, condition_beside, expand
from medlink.linking.linker import DEFAULT_THRESHOLD, Linker
from medlink.linking.model import LinkModel
from medlink.linking.narrowing import side_of
from medlink.linking.stages import Context
from medlink.linking.vectors import VectorIndex
from medlink.models import find_model
from medlink.recognition.mentions import GROUP, mentions_of
from medlink.terminology.carrying import TerminologyCarrier, write_files
from medlink.terminology.store import Terminology

_MODEL, _VECTORS = "model", "vectors"


@Language.factory(
    "medlink_linker",
    requires=["doc.ents"],
    assigns=["token.ent_kb_id", "span._.concepts"],
    default_config={"terminologies": [], "threshold": DEFAULT_THRESHOLD, "k": 5, "rerank": True, "encoder": ""},
)
def make_linker(
    nlp: Language, name: str, terminologies: list[str], threshold: float, k: int, rerank: bool, encoder: str
) -> "MedlinkLinker":
    """Make the component; terminologies are opened when first used, or come with ``from_disk``, as the model does."""
    return MedlinkLinker(name, terminologies=terminologies, threshold=threshold, k=k, rerank=rerank, encoder=encoder)


class MedlinkLinker(TerminologyCarrier):
    """Links the mentions of documents to concepts.

    Sets ``span._.concepts`` of all mentions in ``doc.ents`` and ``doc.spans["medlink"]``, and
    ``ent.kb_id_`` to the best concept of the first terminology, or to "" where none fits. Where
    ``medlink_abbreviations`` ran before, mentions are linked with their abbreviations written out, and one that is
    an abbreviation whose sense the context leaves open fits no concept.

    Arguments:
        name: Name in the pipeline.
        terminologies: Names or folders of the terminologies.
        threshold: Score below which the answer is NIL, 0 to 1.
        k: Most candidates for each mention in each terminology.
        rerank: Whether the cross-encoder reads candidates, where the model has one.
        encoder: Name or folder of an encoder of names, in place of the one that the pipeline brings.
    """

    def __init__(
        self,
        name: str = "medlink_linker",
        *,
        terminologies: Sequence[str | Path | Terminology] = (),
        threshold: float = DEFAULT_THRESHOLD,
        k: int = 5,
        rerank: bool = True,
        encoder: str | Path = "",
    ) -> None:
        super().__init__(name, terminologies)
        if not 0 <= threshold <= 1:
            raise MedlinkError(f"{name}: threshold must lie between 0 and 1, not {threshold}")
        if k < 1:
            raise MedlinkError(f"{name}: k must be at least 1, not {k}")
        self.threshold = threshold
        self.k = k
        self.rerank = rerank
        self.encoder = encoder
        self._model: LinkModel | None = None
        self._vectors: list[VectorIndex] = []
        self._linker: Linker | None = None

    @property
    def linker(self) -> Linker:
        """The linker at work."""
        if self._linker is None:
            self._linker = self.linker_for(self.terminologies)
        return self._linker

    def linker_for(self, terminologies: Sequence[Terminology], bridges: Sequence[Terminology] = ()) -> Linker:
        """A linker with the component's settings and model; arguments as for :class:`Linker`."""
        if self.encoder:
            self._model, self._vectors = LinkModel.from_encoder(load_name_encoder(self.encoder)), []
        return Linker(
            terminologies,
            threshold=self.threshold,
            model=self._model,
            vectors=self._vectors,
            rerank=self.rerank,
            bridges=bridges,
        )

    def set_model(self, model: LinkModel | None, vectors: Sequence[VectorIndex] = ()) -> None:
        """Use a model.

        Arguments:
            model: Encoder, calibration and cross-encoder; None to link by names and words alone.
            vectors: Vectors of the terminologies' names, where they have been made.
        """
        self._model, self._vectors = model, list(vectors)
        self._linker = None

    def _changed(self) -> None:
        self._linker = None

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The component with its terminologies and its model as bytes."""
        content = {
            "terminologies": [terminology.files() for terminology in self.carried()],
            "model": self._model.files() if self._model is not None else {},
            "vectors": {index.terminology.name: index.files() for index in self._vectors},
        }
        return bytes(srsly.msgpack_dumps(content))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "MedlinkLinker":
        """Load what :meth:`to_bytes` gave."""
        content = srsly.msgpack_loads(data)
        if content["terminologies"]:
            self.set_terminologies([Terminology(one) for one in content["terminologies"]])
        if content["model"]:
            self._carry(LinkModel.from_files(content["model"]), content["vectors"])
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the component with its terminologies and its model into a folder."""
        super().to_disk(path, exclude=exclude)
        if self._model is not None:
            self._model.to_disk(Path(path) / _MODEL)
        for index in self._vectors:
            folder = Path(path) / _VECTORS / index.terminology.name
            if not (folder.exists() and isinstance(index.source, Path) and folder.samefile(index.source)):
                write_files(folder, index.files())

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "MedlinkLinker":
        """Load what :meth:`to_disk` wrote; terminologies and vectors are memory-mapped where they lie."""
        super().from_disk(path, exclude=exclude)
        if (Path(path) / _MODEL).exists():
            folder = Path(path) / _VECTORS
            there = {one.name: one for one in sorted(folder.iterdir())} if folder.exists() else {}
            self._carry(LinkModel.from_disk(Path(path) / _MODEL), there)
        return self

    def _carry(self, model: LinkModel, vectors: Mapping[str, Path | Mapping[str, bytes]]) -> None:
        carried = {terminology.name: terminology for terminology in self.carried()}
        indexes = [
            VectorIndex(source, carried[name], model.encoder) for name, source in vectors.items() if name in carried
        ]
        self.set_model(model, indexes)
        if not self.encoder:
            reads = any(model.calibration.reads(terminology.name) for terminology in self.carried())
            model.open(rerank=self.rerank and reads)

    def __call__(self, doc: Doc) -> Doc:
        """Link the mentions of one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Link the mentions of documents; those of a batch are linked together.

        Arguments:
            stream: The documents.
            batch_size: Documents taken from the stream at once.
        """
        for batch in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            docs = list(batch)
            spans: list[Span] = []
            mentions: list[tuple[str, str, Context]] = []
            expansions: list[Expansion] = []
            for doc in docs:
                text = doc.text  # put together anew at each access
                found = mentions_of(doc)
                uses = abbreviation_uses(doc)
                # The longest of the mentions that begin at a place.
                ends = {s.start_char: s.end_char for s in sorted(found, key=len) if s.label_ == "CONDITION"}
                expansions += [_expand(span, text, uses, ends) for span in found]
                spans += found
                mentions += [(s.text, s.label_, (text, s.start_char, s.end_char)) for s in found]
            for span, candidates in zip(spans, self.linker.link_labelled(mentions, self.k, expansions), strict=True):
                set_candidates(span, candidates)
            for doc in docs:
                self._set_kb_ids(doc)
            yield from docs

    def _set_kb_ids(self, doc: Doc) -> None:
        first = self.linker.terminologies[0].name

        def linked(span: Span) -> Span:
            best = next((one.concept_id for one in span._.concepts if one.terminology == first), "")
            if best == span.kb_id_:
                return span
            return Span(doc, span.start, span.end, span.label_, kb_id=best, span_id=span.id_)

        # Spans are values: a concept set on one is kept only when the document is given it again.
        if GROUP in doc.spans:
            doc.spans[GROUP] = [linked(span) for span in doc.spans[GROUP]]
        doc.ents = [linked(span) for span in doc.ents]


def _expand(span: Span, text: str, uses: Sequence[AbbreviationUse], ends: Mapping[int, int]) -> Expansion:
    """A mention as it is linked, with the condition beside it, and the side and body part of ``medlink_attributes``.

    ``ends`` has the document's conditions, as in :func:`~medlink.linking.expansion.condition_beside`.
    """
    start, end = span.start_char, span.end_char
    expansion = expand(text, start, end, uses, span.label_)
    if span.label_ == "CONDITION":
        other = condition_beside(text, end, uses, ends)
        expansion = replace(
            expansion,
            with_other=f"{expansion.text} {other}" if other else "",
            with_cause=cause_before(text, start, expansion.text),
        )
    attributes = get_attributes(span)
    if not isinstance(attributes, ConditionAttributes):
        return replace(expansion, side=side_of(span.text, (text, start, end)))
    side, site = attributes.laterality, attributes.body_site
    return replace(
        expansion,
        side=side.value if side is not None else "",
        with_site=expand(text, start, site.end, uses).text if site is not None and site.start >= end else "",
    )


def load_link_model(model: str | Path) -> LinkModel | None:
    """Read the encoder, calibration and cross-encoder of a pipeline package; None where it has none.

    Raises:
        MedlinkError: There is no such package, or it has no linker.
    """
    folder, name, _ = _linker_config(model)
    return LinkModel.from_disk(folder / name / _MODEL) if (folder / name / _MODEL).exists() else None


def packaged_vectors(model: str | Path) -> list[Path]:
    """The folders of the vectors that a pipeline package brings."""
    folder, name, _ = _linker_config(model)
    return sorted((folder / name / _VECTORS).glob("*"))


def load_linker(
    model: str | Path,
    terminologies: Sequence[Terminology] | None,
    *,
    threshold: float | None = None,
    rerank: bool | None = None,
    encoder: str | Path = "",
) -> Linker:
    """Read the linker of a pipeline package without loading the rest of it.

    Arguments:
        model: An installed pipeline package, or the folder of one.
        terminologies: Terminologies in place of the package's, which then only lend their synonyms.
        threshold: Threshold in place of the package's.
        rerank: Whether the cross-encoder reads candidates, in place of the package's setting.
        encoder: Name or folder of an encoder of names in place of the package's.

    Raises:
        MedlinkError: There is no such package, or it has no linker.
    """
    folder, name, values = _linker_config(model)
    component = MedlinkLinker(
        name,
        threshold=values.get("threshold", DEFAULT_THRESHOLD) if threshold is None else threshold,
        rerank=values.get("rerank", True) if rerank is None else rerank,
        encoder=encoder or values.get("encoder", ""),
    )
    component.from_disk(folder / name)
    if terminologies is None:
        return component.linker
    names = {one.name for one in terminologies}
    return component.linker_for(terminologies, [one for one in component.carried() if one.name not in names])


def _linker_config(model: str | Path) -> tuple[Path, str, dict[str, Any]]:
    """The folder of a pipeline, and name and settings of its linker."""
    folder = find_model(model)
    for name, values in load_config(folder / "config.cfg").get("components", {}).items():
        if values.get("factory") == "medlink_linker":
            return folder, name, values
    raise MedlinkError(f"{folder}: the pipeline has no medlink_linker; name another model")
