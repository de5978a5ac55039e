"""``medlink_linker``: the linker as a spaCy component."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import load_config, minibatch

from medlink.document.abbreviations import abbreviation_uses
from medlink.errors import MedlinkError
from medlink.extensions import set_candidates
from medlink.linking.expansion import Expansion, expand
from medlink.linking.linker import DEFAULT_THRESHOLD, Context, Linker
from medlink.models import find_model
from medlink.recognition.mentions import GROUP, mentions_of
from medlink.terminology.carrying import TerminologyCarrier
from medlink.terminology.store import Terminology


@Language.factory(
    "medlink_linker",
    requires=["doc.ents"],
    assigns=["token.ent_kb_id", "span._.concepts"],
    default_config={"terminologies": [], "threshold": DEFAULT_THRESHOLD, "k": 5},
)
def make_linker(nlp: Language, name: str, terminologies: list[str], threshold: float, k: int) -> "MedlinkLinker":
    """Make the component; terminologies are opened when first used, or come with ``from_disk``."""
    return MedlinkLinker(name, terminologies=terminologies, threshold=threshold, k=k)


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
    """

    def __init__(
        self,
        name: str = "medlink_linker",
        *,
        terminologies: Sequence[str | Path | Terminology] = (),
        threshold: float = DEFAULT_THRESHOLD,
        k: int = 5,
    ) -> None:
        super().__init__(name, terminologies)
        if not 0 <= threshold <= 1:
            raise MedlinkError(f"{name}: threshold must lie between 0 and 1, not {threshold}")
        if k < 1:
            raise MedlinkError(f"{name}: k must be at least 1, not {k}")
        self.threshold = threshold
        self.k = k
        self._linker: Linker | None = None

    @property
    def linker(self) -> Linker:
        """The linker at work."""
        if self._linker is None:
            self._linker = Linker(self.terminologies, threshold=self.threshold)
        return self._linker

    def _changed(self) -> None:
        self._linker = None

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
                expansions += [expand(text, s.start_char, s.end_char, uses, s.label_) for s in found]
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
            best = (candidate.concept_id for candidate in span._.concepts if candidate.terminology == first)
            return Span(doc, span.start, span.end, span.label_, kb_id=next(best, ""), span_id=span.id_)

        # Spans are values: a concept set on one is kept only when the document is given it again.
        if GROUP in doc.spans:
            doc.spans[GROUP] = [linked(span) for span in doc.spans[GROUP]]
        doc.ents = [linked(span) for span in doc.ents]


def load_linker(model: str | Path, terminologies: Sequence[Terminology] | None) -> Linker:
    """Read the linker of a pipeline package without loading the rest of it.

    Arguments:
        model: An installed pipeline package, or the folder of one.
        terminologies: Terminologies in place of the package's.

    Raises:
        MedlinkError: There is no such package, or it has no linker.
    """
    folder = find_model(model)
    for name, values in load_config(folder / "config.cfg").get("components", {}).items():
        if values.get("factory") == "medlink_linker":
            component = MedlinkLinker(name, threshold=values.get("threshold", DEFAULT_THRESHOLD))
            if terminologies is None:
                component.from_disk(folder / name)
            else:
                component.set_terminologies(terminologies)
            return component.linker
    raise MedlinkError(f"{folder}: the pipeline has no medlink_linker; name another model")
