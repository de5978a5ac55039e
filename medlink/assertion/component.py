"""``medlink_assertion``: what a note says of each mention."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import SimpleFrozenList, from_disk, to_disk

from medlink.assertion.context import ContextMatcher
from medlink.assertion.rules import DIMENSIONS, ContextRule, default_context_rules
from medlink.assertion.values import Assertion, Trigger
from medlink.document.rules import dump_rules, parse_rules, read_rules, write_text
from medlink.document.sections import sections_of
from medlink.document.sentences import sentence_bounds
from medlink.recognition.mentions import mentions_of
from medlink.types import LABELS

_KEY = "medlink.assertion"
_NO_SECTION = ("", "", "", 0, 0)


@Language.factory(
    "medlink_assertion", requires=["doc.ents"], assigns=["span._.assertion"], default_config={"rules": None}
)
def make_assertion(nlp: Language, name: str, rules: str | None) -> "MedlinkAssertion":
    """Make the component."""
    return MedlinkAssertion(name, rules=rules)


class MedlinkAssertion:
    """Tells of each mention whether it is present, absent or possible, when, and of whom.

    Sets ``span._.assertion`` of all mentions in ``doc.ents`` and ``doc.spans["medlink"]``, whichever component
    found them. Uses the sections of ``medlink_sections`` and the sentences of the document where there are any,
    and finds them for itself where there are none.

    Arguments:
        name: Name in the pipeline.
        rules: A file with further rules, JSON Lines of :class:`~medlink.assertion.rules.ContextRule`; one that
            bears the name of a rule that medlink brings replaces it.
    """

    def __init__(self, name: str = "medlink_assertion", *, rules: str | Path | None = None) -> None:
        self.name = name
        self._set_rules(default_context_rules() + (read_rules(rules, ContextRule) if rules is not None else []))

    def _set_rules(self, rules: Sequence[ContextRule]) -> None:
        self.rules = list(rules)
        self._matcher: ContextMatcher | None = None

    @property
    def matcher(self) -> ContextMatcher:
        """The rules at work: some 25,000 triggers, put together when first used."""
        if self._matcher is None:
            self._matcher = ContextMatcher(self.rules)
        return self._matcher

    def __call__(self, doc: Doc) -> Doc:
        """Decide for the mentions of a document."""
        mentions = sorted(mentions_of(doc), key=lambda span: (span.start, span.end))
        if not mentions:
            return doc
        text = doc.text
        data: dict[Any, Any] = doc.user_data
        matcher = self.matcher
        bounds = [*sentence_bounds(doc, text), len(text)]
        sections = sections_of(doc, [span.start for span in mentions])
        at = 0
        while at < len(mentions):
            place = bisect_right(bounds, mentions[at].start_char) - 1
            begin, end = bounds[place], bounds[place + 1]
            stop = at + 1
            while stop < len(mentions) and mentions[stop].start_char < end:
                stop += 1
            group = mentions[at:stop]
            local = [(span.start_char - begin, span.end_char - begin, _label(span)) for span in group]
            decided = matcher.decide(text[begin : max(end, *(span.end_char for span in group))], local)
            for span, decisions, section in zip(group, decided, sections[at:stop], strict=True):
                rows = [
                    (dimension, one.value, one.rule.name, begin + one.start, begin + one.end)
                    for dimension, one in decisions.items()
                ]
                name, _, parent, title, title_end = section[:5] if section is not None else _NO_SECTION
                values = [one.value for one in decisions.values()]
                for dimension, rule in matcher.defaults(span.text, _label(span), name, parent, values).items():
                    if dimension not in decisions:
                        words = doc[title:title_end] if rule.sections else span
                        value = getattr(rule, dimension)
                        rows.append((dimension, value, rule.name, words.start_char, words.end_char))
                data[_key(span)] = sorted(rows, key=lambda row: DIMENSIONS.index(row[0]))
            at = stop
        return doc

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """The rules as bytes."""
        return dump_rules(self.rules).encode()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkAssertion":
        """Read what :meth:`to_bytes` made."""
        self._set_rules(parse_rules(data.decode(), ContextRule))
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Write the rules into a folder."""
        to_disk(path, {"rules.jsonl": lambda p: write_text(p, dump_rules(self.rules))}, exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkAssertion":
        """Read what :meth:`to_disk` wrote."""
        from_disk(path, {"rules.jsonl": lambda p: self._set_rules(read_rules(p, ContextRule))}, exclude)
        return self


def get_assertion(span: Span) -> Assertion:
    """What the note says of a mention; the defaults where the component has not run."""
    data: dict[Any, Any] = span.doc.user_data
    rows = data.get(_key(span), ())
    triggers = []
    values: dict[str, Any] = {}
    for dimension, value, rule, start, end in rows:
        values[dimension] = value
        if value not in ("present", "current", "patient"):
            words = span.doc.char_span(start, end, alignment_mode="expand")
            assert words is not None  # expanding to whole tokens always succeeds inside the text
            triggers.append(Trigger(dimension, value, rule, words))
    return Assertion(**values, triggers=tuple(triggers))


def _label(span: Span) -> str:
    """Label of a mention; those of other finders ("PROBLEM", "DISEASE", …) count as conditions."""
    return span.label_ if span.label_ in LABELS else "CONDITION"


def _key(span: Span) -> tuple[str, int, int, str]:
    return (_KEY, span.start_char, span.end_char, span.label_)


if not Span.has_extension("assertion"):
    Span.set_extension("assertion", getter=get_assertion)
