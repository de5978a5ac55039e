"""``medlink_dictionary``: finds the names of terminologies in text, whatever their order, inflection or spelling."""

from collections.abc import Sequence
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.document.abbreviations import abbreviation_uses
from medlink.errors import MedlinkError
from medlink.extensions import set_candidates
from medlink.recognition.lists import widen, with_added
from medlink.recognition.matcher import Matcher
from medlink.recognition.mentions import add_mentions, in_compound, mentions_of, set_mentions
from medlink.terminology.carrying import TerminologyCarrier
from medlink.terminology.store import SCOPES, Terminology
from medlink.types import Candidate

DEFAULT_SCOPES = [scope for scope in SCOPES if scope != "includes"]


@Language.factory(
    "medlink_dictionary",
    assigns=["doc.ents", "doc.spans", "span._.concepts", "span._.finders"],
    default_config={
        "terminologies": [],
        "label": "CONDITION",
        "types": {},
        "scopes": DEFAULT_SCOPES,
        "longest": 10,
        "nested": False,
        "stop_names": [],
    },
)
def make_dictionary(
    nlp: Language,
    name: str,
    terminologies: list[str],
    label: str,
    types: dict[str, list[str]],
    scopes: list[str],
    longest: int,
    nested: bool,
    stop_names: list[str],
) -> "MedlinkDictionary":
    """Make the component; terminologies are opened when first used, or come with ``from_disk``."""
    return MedlinkDictionary(
        name,
        terminologies=terminologies,
        label=label,
        types=types,
        scopes=scopes,
        longest=longest,
        nested=nested,
        stop_names=stop_names,
    )


class MedlinkDictionary(TerminologyCarrier):
    """Finds names of terminologies.

    Names match in any order of their words, in any inflection and derivation, with or without hyphens,
    in British or American spelling. A single word must agree but for number and spelling, and an
    abbreviation must stand as it is written. A name that ends or begins a list with a word in common, as in "renal and
    otic anomalies", is found with the list. What commas add to a name, or to a mention of the label that another
    component found, belongs to it where all is a name: "Hernia, umbilical".

    Arguments:
        name: Name in the pipeline.
        terminologies: Names or folders of the terminologies.
        label: Label of the mentions.
        types: By terminology, the semantic types to match; all where it is not named.
        scopes: Scopes of the names to match.
        longest: Most words in a match, stop words not counted.
        nested: Whether names inside longer ones are mentions too.
        stop_names: Names that are never matched.
    """

    def __init__(
        self,
        name: str = "medlink_dictionary",
        *,
        terminologies: Sequence[str | Path | Terminology] = (),
        label: str = "CONDITION",
        types: dict[str, list[str]] | None = None,
        scopes: Sequence[str] = tuple(DEFAULT_SCOPES),
        longest: int = 10,
        nested: bool = False,
        stop_names: Sequence[str] = (),
    ) -> None:
        super().__init__(name, terminologies)
        if unknown := set(scopes) - set(SCOPES):
            raise MedlinkError(f"{name}: unknown scope {sorted(unknown)[0]!r}; choose from {', '.join(SCOPES)}")
        self.label = label
        self.types = dict(types or {})
        self.scopes = tuple(scopes)
        self.longest = longest
        self.nested = nested
        self.stop_names = tuple(stop_names)
        self._matchers: list[Matcher] | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Find the mentions of a document."""
        tokens = [token.text for token in doc]
        other = self._otherwise_meant(doc)
        found: list[Span] = []
        added: set[int] = set()
        mentioned = [span for span in mentions_of(doc) if span.label_ == self.label]
        for matcher in self.matchers:
            last = 0
            for match in matcher.find(tokens):
                if (self.nested or match.end > last) and not in_compound(doc, match.start, match.end):
                    start, end = widen(tokens, match.start, match.end, matcher.is_name)
                    last = max(last, end)
                    span = self._mention(doc, start, end, match.aliases, matcher.terminology)
                    if (span.start_char, span.end_char) not in other:
                        found.append(span)
            for start, end in sorted({(span.start, span.end) for span in [*mentioned, *found]}):
                longer, words = with_added(tokens, start, end, matcher.is_name)
                if longer > end:
                    found.append(self._mention(doc, start, longer, matcher.named(words), matcher.terminology))
                    added.update(range(end, longer))
        if added:
            # The "urge" of "incontinence, urge" is none by itself.
            set_mentions(doc, [span for span in mentions_of(doc) if not added.issuperset(range(span.start, span.end))])
        add_mentions(doc, found, self.name)
        return doc

    def _mention(self, doc: Doc, start: int, end: int, aliases: Sequence[int], terminology: Terminology) -> Span:
        span = Span(doc, start, end, label=self.label)
        candidates = _candidates(aliases, terminology)
        span.kb_id_ = candidates[0].concept_id
        set_candidates(span, candidates)
        return span

    def _otherwise_meant(self, doc: Doc) -> set[tuple[int, int]]:
        """Where abbreviations of several senses stand that mean something else here."""
        return {
            (use.start, use.end)
            for use in abbreviation_uses(doc)
            if use.long and len(use.alternatives) > 1 and use.label != self.label
        }

    @property
    def matchers(self) -> list[Matcher]:
        """One matcher for each terminology."""
        if self._matchers is None:
            self._matchers = [
                Matcher(
                    terminology,
                    types=self.types.get(terminology.name),
                    scopes=self.scopes,
                    longest=self.longest,
                    stop_names=self.stop_names,
                )
                for terminology in self.terminologies
            ]
        return self._matchers

    def _changed(self) -> None:
        self._matchers = None


def _candidates(aliases: Sequence[int], terminology: Terminology) -> list[Candidate]:
    best: dict[int, int] = {}
    for alias in sorted(aliases, key=lambda i: (int(terminology.alias_scope[i]), i)):
        best.setdefault(int(terminology.alias_concept[alias]), alias)
    return [
        Candidate(
            concept_id=terminology.concept_ids[concept],
            terminology=terminology.name,
            name=terminology.concept_name(concept),
            alias=terminology.aliases[alias],
            score=1.0,
            stage="dictionary",
        )
        for concept, alias in best.items()
    ]
