"""``medlink_assertion``: what a note says of each mention."""

from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.assertion.context import ContextMatcher
from medlink.assertion.rules import ContextRule, default_context_rules
from medlink.assertion.values import DEFAULTS, DIMENSIONS, Assertion, Trigger
from medlink.document.carrying import RuleCarrier
from medlink.document.headings import LEAD
from medlink.document.sections import sections_of
from medlink.extensions import span_key
from medlink.recognition.mentions import mentions_by_sentence
from medlink.types import LABELS

_KEY = "medlink.assertion"
_NO_SECTION = ("", "", "", 0, 0, 0)
# Letters of a heading in capitals that may be an abbreviation.
_SHORT = 5


@Language.factory(
    "medlink_assertion", requires=["doc.ents"], assigns=["span._.assertion"], default_config={"rules": None}
)
def make_assertion(nlp: Language, name: str, rules: str | None) -> "MedlinkAssertion":
    """Make the component."""
    return MedlinkAssertion(name, rules=rules)


class MedlinkAssertion(RuleCarrier[ContextRule]):
    """Tells of each mention whether it is present, absent or possible, when, and of whom.

    Sets ``span._.assertion`` of all mentions in ``doc.ents`` and ``doc.spans["medlink"]``, whichever component
    found them. Uses the sections of ``medlink_sections`` and the sentences of the document where there are any,
    and finds them for itself where there are none.

    Arguments:
        name: Name in the pipeline.
        rules: A file with further rules, JSON Lines of :class:`~medlink.assertion.rules.ContextRule`; one that
            bears the name of a rule that medlink brings replaces it.
    """

    rule_kind = ContextRule

    def __init__(self, name: str = "medlink_assertion", *, rules: str | Path | None = None) -> None:
        super().__init__(name, default_context_rules(), rules)

    def _changed(self) -> None:
        self._matcher: ContextMatcher | None = None

    @property
    def matcher(self) -> ContextMatcher:
        """The rules at work: some 35,000 triggers, put together as they are met."""
        if self._matcher is None:
            self._matcher = ContextMatcher(self.rules)
        return self._matcher

    def __call__(self, doc: Doc) -> Doc:
        """Decide for the mentions of a document."""
        text = doc.text
        groups = list(mentions_by_sentence(doc, text))
        if not groups:
            return doc
        data: dict[Any, Any] = doc.user_data
        matcher = self.matcher
        sections = iter(sections_of(doc, [span.start for _, _, group in groups for span in group]))
        for begin, end, group in groups:
            local = [(span.start_char - begin, span.end_char - begin, _label(span)) for span in group]
            decided = matcher.decide(text[begin : max(end, *(span.end_char for span in group))], local)
            for span, decisions in zip(group, decided, strict=True):
                section = next(sections)
                rows = [
                    (dimension, one.value, one.rule.name, begin + one.start, begin + one.end)
                    for dimension, one in decisions.items()
                ]
                name, _, parent, title, title_end, body = section[:6] if section is not None else _NO_SECTION
                if (
                    title_end
                    and body <= span.start
                    and doc[body].idx < begin
                    and _is_run_in(doc[title:title_end], text)
                ):
                    name = parent = ""
                values = [one.value for one in decisions.values()]
                for dimension, rule in matcher.defaults(span.text, _label(span), name, parent, values).items():
                    if dimension not in decisions:
                        words = doc[title:title_end] if rule.sections else span
                        value = getattr(rule, dimension)
                        rows.append((dimension, value, rule.name, words.start_char, words.end_char))
                data[span_key(_KEY, span)] = sorted(rows, key=lambda row: DIMENSIONS.index(row[0]))
        return doc


def get_assertion(span: Span) -> Assertion:
    """What the note says of a mention; the defaults where the component has not run."""
    data: dict[Any, Any] = span.doc.user_data
    rows = data.get(span_key(_KEY, span), ())
    triggers = []
    values: dict[str, Any] = {}
    for dimension, value, rule, start, end in rows:
        values[dimension] = value
        if value not in DEFAULTS:
            words = span.doc.char_span(start, end, alignment_mode="expand")
            assert words is not None  # expanding to whole tokens always succeeds inside the text
            triggers.append(Trigger(dimension, value, rule, words))
    return Assertion(**values, triggers=tuple(triggers))


def _is_run_in(title: Span, text: str) -> bool:
    """Whether a heading stands in running text: "FHx: mother breast ca. Options discussed." tells of one sentence only.

    Words in capitals are a heading wherever they stand.
    """
    before = text[text.rfind("\n", 0, title.start_char) + 1 : title.start_char]
    return not LEAD.fullmatch(before) and not (title.text.isupper() and len(title.text) > _SHORT)


def _label(span: Span) -> str:
    """Label of a mention; those of other finders ("PROBLEM", "DISEASE", …) count as conditions."""
    return span.label_ if span.label_ in LABELS else "CONDITION"


if not Span.has_extension("assertion"):
    Span.set_extension("assertion", getter=get_assertion)
