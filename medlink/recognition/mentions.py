"""Where mentions are kept on a document, and which of them become entities.

Every finder (token classifier, GLiNER, dictionary) adds its mentions to ``doc.spans["medlink"]``, where they may
overlap; ``span._.finders`` says which of them found a mention, with the score of each. ``doc.ents`` holds a choice
without overlaps: the longest first; of two as long, the one that more finders found; then the label that comes first in
:data:`medlink.types.LABELS` (others come last, by name), then the one that starts first. A mention that is a list of
others with its label ("hepatitis, gout", where both were found as well) gives way to them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, repeat

from spacy.tokens import Doc, Span

from medlink.document.sections import section_rows
from medlink.document.sentences import sentence_bounds
from medlink.errors import MedlinkError
from medlink.extensions import add_finder, get_finders
from medlink.terminology.words import HYPHENS, is_abbreviation
from medlink.types import LABELS

GROUP = "medlink"
_RANK = {label: number for number, label in enumerate(LABELS)}
# Words that no mention ends with. In capitals they may be names: "WAS" is a syndrome, "A" a blood group.
_NO_END = frozenset(
    "of the as with and or into to in for by from left right without complicated multifactorial POA - / ( , ; :".split()
)
# What a mention does not begin with, as in "s/s of infection", "history of stroke", "s/p fall" and "STOP - CKD".
_LEADING = re.compile(
    r"(?:s/s(?:x|\s+of)?|(?:history|hx)\s+of|h/o|s/p|status\s+post|(?:stop|hold|start|continue|cont|d/c)\s*[-–])\s",
    re.IGNORECASE,
)
# Words that no mention begins with, unless in capitals; the last of them decide whether it is there. But "a fib", "a
# line" and "a-line" are short for other words.
_NO_START = frozenset(
    "the an a pt patient cont se incl including known baseline suspected possible poss probable presumed "
    "questionable query eval evaluate abt".split()
)
# Nor does one begin with these. But of "no periods" and "not eating" what is missing is what a patient has.
_DENIALS = frozenset("not no denies".split())
_MISSING = frozenset("eating sleeping taking talking voiding walking periods period menses appetite voice".split())
_CARRIERS = frozenset(("carrier", "carriers"))
_CARRIERS_OF = frozenset(f"{carrier} {word}" for carrier in _CARRIERS for word in ("of", "for"))
_AFTER_A = frozenset("fib flutter line lines".split()) | frozenset(HYPHENS)
# Words that tell how a condition is, or whether it is there, behind a dash: "asthma - stable", "seizures - N".
_STATES = frozenset(
    "controlled uncontrolled stable resolved resolving improved improving worsening active quiescent remission "
    "n y no yes neg pos none denies".split()
)
# Words between "acute" or "chronic" and a condition, with which a mention then begins: "acute non-recurrent sinusitis".
_ONSETS = frozenset("acute subacute chronic".split())
_BEHIND_ONSET = frozenset("non - recurrent nonrecurrent severe moderate mild persistent intermittent bilateral".split())
# What makes another word of the one behind a hyphen: "extra-pulmonary tuberculosis" is not pulmonary,
_PREFIXES = frozenset(
    "ante anti contra extra hyper hypo infra inter intra meta non para peri post pre pseudo retro sub supra".split()
)
# what says nothing alone ("psycho-oncology"),
_COMBINING = _PREFIXES | frozenset("cardio gastro hepato immuno nephro neuro onco psycho uro".split())
# and what makes another word without a hyphen too.
_DENYING = frozenset({"anti", "non", "pre", "pseudo"})
_HYPHENS = frozenset(HYPHENS)
# What stands before the name of a person.
_TITLES = frozenset("Mr Mrs Ms Miss Dr Prof".split())
# In notes of capitals or small letters alone "MR" and "MS" are diseases, too.
_TITLES_OF_ONE_CASE = frozenset("MRS DR PROF mrs dr prof".split())
# Behind these stands a person's name, and behind the last where a first name follows: "PATIENT: DOE, JOHN  MRN 12".
_NAME_FIELD = re.compile(
    r"(?i:(?:(?:patient|pt|last|first|full)[ ]|^|\n|[ ]{2})name"
    r"|\b(?:provider|physician|attending|surgeon|author|resident))[ \t]*:[ \t]*$"
)
_PATIENT_FIELD = re.compile(r"(?i:\b(?:patient|pt))[ \t]*:[ \t]*$")
_FIRST_NAME = re.compile(r",[ ]?[A-Z][A-Za-z]+(?:[ ][A-Z]\.?)?[ \t]*(?:\n|$|[ ]{2}|\t|[(|]|(?:MRN|DOB|Age|AGE)\b)")
# Least characters of a line that was broken because it was full; shorter ones are headings and items.
_FULL_LINE = 40
# The number of an item has fewer digits.
_ITEM_DIGITS = 3
# "(HCC)", "(CMS/HCC)": Medicare's Hierarchical Condition Categories; and the most tokens looked at before.
_CATEGORY = frozenset(("HCC", "CMS", "/", "-"))
_LONG_FORM = 4
# "Sats 91% OA", "88 on RA": room air behind a saturation of 50 to 100.
_AIR = frozenset(("RA", "OA"))
_SATURATION = re.compile(r"(?<!\d)(?:[5-9]\d|100)\s*%?\s*(?:on\s*)?$")
# What stands between the members of a list.
_BETWEEN = frozenset(", ; / & and or".split())


def mentions_of(doc: Doc) -> list[Span]:
    """The mentions of a document, each once: those in ``doc.spans["medlink"]``, and entities from elsewhere."""
    return list({(s.start, s.end, s.label_): s for s in [*doc.spans.get(GROUP, ()), *doc.ents]}.values())


def mentions_by_sentence(doc: Doc, text: str) -> Iterator[tuple[int, int, list[Span]]]:
    """The mentions of a document in order, those that start in one sentence together.

    Arguments:
        doc: The document.
        text: Its text, which is put together anew at each access.

    Returns:
        First character of each sentence that has mentions, the character after its last one, and the mentions.
    """
    mentions = sorted(mentions_of(doc), key=lambda span: (span.start, span.end))
    if not mentions:
        return
    bounds = [*sentence_bounds(doc, text), len(text)]
    for place, group in groupby(mentions, key=lambda span: bisect_right(bounds, span.start_char) - 1):
        yield bounds[place], bounds[place + 1], list(group)


def add_mentions(doc: Doc, spans: Iterable[Span], finder: str = "", scores: Iterable[float] | None = None) -> None:
    """Add mentions to a document and choose its entities anew.

    Arguments:
        doc: The document.
        spans: The new mentions. One with the tokens and label of a mention that is already there is
            passed over, but that it was found again is kept. One inside the heading of a known section is no
            mention ("Psychiatric:", "PAIN ASSESSMENT"), unless it is a body part ("Abdomen:") or the abbreviation of an
            examination ("CXR:"); nor is the name of a person ("Mrs. Crohn"), the sign of a payer's risk category
            behind a diagnosis ("(HCC)", "(CMS/HCC)"), the air behind a saturation ("88% RA"), or what helps one to hear
            ("wears aids").
        finder: Name of the component that found them; empty to keep none.
        scores: How sure it is of each, 0 to 1; 1 where they are not given.
    """
    mentions = {(span.start, span.end, span.label_): span for span in [*doc.ents, *doc.spans.get(GROUP, ())]}
    titles = [(start, end) for name, _, _, start, end, *_ in section_rows(doc) if name]
    for span, score in zip(spans, repeat(1.0) if scores is None else scores, strict=False):
        if _inside(span, titles) and not _stands_as_heading(span):
            continue
        if _names_person(span) or _is_risk_category(span) or _is_air(span) or _is_help(span):
            continue
        mentions.setdefault((span.start, span.end, span.label_), span)
        if finder:
            add_finder(span, finder, score)
    set_mentions(doc, mentions.values())


def _stands_as_heading(span: Span) -> bool:
    """Whether a mention is one as a heading, too: what follows was found there, or by it."""
    return span.label_ == "ANATOMY" or (span.label_ == "PROCEDURE" and is_abbreviation(span.text))


def _names_person(span: Span) -> bool:
    """Whether a mention is the name of somebody: "Mr. Parkinson", "Dr. J. Graves"."""
    doc, at = span.doc, span.start
    before = doc[max(0, span.start - 4) : span.start].text
    if _NAME_FIELD.search(before):
        return True
    if _PATIENT_FIELD.search(before) and _FIRST_NAME.match(doc[span.end : span.end + 8].text_with_ws):
        return True
    # Before it may stand an initial, which is a token, as its full stop and the title's are.
    while at > max(0, span.start - 3) and (doc[at - 1].text == "." or (len(doc[at - 1]) == 1 and doc[at - 1].is_upper)):
        at -= 1
    if at == 0:
        return False
    title, name = doc[at - 1], doc[span.start]
    if title.text in _TITLES:
        return name.is_title
    same_case = (title.is_upper and name.is_upper) or (title.is_lower and name.is_lower)
    return title.text in _TITLES_OF_ONE_CASE and same_case and len(span) == 1


def _is_air(span: Span) -> bool:
    """Whether a mention is short for the air that a patient breathes with a saturation: "91% OA", "88 on RA"."""
    return span.text in _AIR and _SATURATION.search(span.doc[max(0, span.start - 3) : span.start].text) is not None


def _is_help(span: Span) -> bool:
    """Whether a mention in small letters is no disease, but what helps one to hear or to walk: "HOH w aids"."""
    before = span.doc[max(0, span.start - 3) : span.start].text.lower()
    return span.text == "aids" and not before.endswith(("hiv/", "hiv /", "hiv"))


def _is_risk_category(span: Span) -> bool:
    """Whether a mention is the sign of a Hierarchical Condition Category, as records put it behind a diagnosis.

    In "hepatocellular carcinoma (HCC)" it is the short form of that.
    """
    doc, first, last = span.doc, span.start, span.end
    if not _CATEGORY.issuperset(token.text for token in span):
        return False
    while first > 0 and doc[first - 1].text in _CATEGORY:
        first -= 1
    while last < len(doc) and doc[last].text in _CATEGORY:
        last += 1
    if first == 0 or last == len(doc) or (doc[first - 1].text, doc[last].text) != ("(", ")"):
        return False
    return not any(token.lower_.startswith(("hepatoc", "hepatom")) for token in doc[max(0, first - _LONG_FORM) : first])


def _inside(span: Span, places: Sequence[tuple[int, int]]) -> bool:
    """Whether a span lies in one of some places, which are in order."""
    at = bisect_right(places, (span.start, len(span.doc))) - 1
    return at >= 0 and span.end <= places[at][1]


def set_mentions(doc: Doc, spans: Iterable[Span]) -> None:
    """Make these the mentions of a document, but for lists of others, and choose its entities among them."""
    mentions = {(span.start, span.end, span.label_): span for span in spans}
    ordered = [mentions[key] for key in sorted(mentions.keys() - _lists(mentions.values()))]
    doc.spans[GROUP] = ordered
    taken = [False] * len(doc)
    chosen = []
    for span in sorted(ordered, key=_preference):
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = [True] * (span.end - span.start)
            chosen.append(span)
    doc.ents = chosen


def _lists(spans: Collection[Span]) -> set[tuple[int, int, str]]:
    """Start, end and label of the spans that are lists of others with the same label."""
    ends: dict[tuple[int, str], list[int]] = {}
    for span in spans:
        ends.setdefault((span.start, span.label_), []).append(span.end)

    def goes_on(span: Span, at: int) -> bool:
        """Whether the rest of a span, after a member that ends here, is made of further members."""
        if at == span.end:
            return True
        follows = at
        while follows < span.end and span.doc[follows].text in _BETWEEN:
            follows += 1
        others = ends.get((follows, span.label_), ()) if follows > at else ()
        return any(end <= span.end and goes_on(span, end) for end in others)

    return {
        (span.start, span.end, span.label_)
        for span in spans
        if any(end < span.end and goes_on(span, end) for end in ends[span.start, span.label_])
    }


def cut_at_line_ends(doc: Doc, start: int, end: int, label: str) -> Iterator[Span]:
    """A mention as spans, cut where a line ends, which models of words do not see, unless the text just runs on there.

    Arguments:
        doc: The document.
        start: First token.
        end: Token after the last one.
        label: The mention's label.
    """
    first = start
    for i in range(start, end):
        if doc[i].is_space and "\n" in doc[i].text and not _runs_on(doc, i):
            if i > first:
                yield Span(doc, first, i, label)
            first = i + 1
            while first < end and not any(map(str.isalpha, doc[first].text)):  # a bullet, a number
                first += 1
    if end > first:
        yield Span(doc, first, end, label)


def _runs_on(doc: Doc, at: int) -> bool:
    """Whether a line was only broken because it was full: what follows is in lower case, or looks like no beginning and
    the line is long.
    """
    if doc[at].text.count("\n") > 1 or at + 1 == len(doc) or doc[at + 1].is_punct or _begins_item(doc, at + 1):
        return False
    if doc[at + 1].text[0].islower():
        return True
    if doc[at + 1].is_title and not doc[at - 1].is_title:
        return False
    start = at
    while start > 0 and "\n" not in doc[start - 1].text:
        start -= 1
    return doc[at].idx - doc[start].idx >= _FULL_LINE


def _begins_item(doc: Doc, at: int) -> bool:
    """Whether a token is the number of an item, as in "2. Asthma"."""
    behind = doc[at + 1 : at + 2].text
    return doc[at].text.isdigit() and len(doc[at]) < _ITEM_DIGITS and behind in (".", ")") and not doc[at].whitespace_


def trim(span: Span) -> Span | None:
    """A mention without an article or a word of certainty before it, and without words behind it that begin more.

    A "d/o" or "carrier" behind it belongs to it, and so do before it "borderline", "carrier of", and an "acute" that
    other words part from it.

    Arguments:
        span: The mention.

    Returns:
        What is left of it; None where nothing is, or where it is a part of a compound.
    """
    doc, start, end = span.doc, span.start, span.end
    if doc[end - 1].text == "&" and end < len(doc) and doc[end].text.isalpha() and doc[end].idx == span.end_char:
        end += 1  # "T&A" is three tokens.
    while end > start and (doc[end - 1].is_space or doc[end - 1].text in _NO_END or _is_state(doc, start, end - 1)):
        end -= 1
    if doc[end : end + 3].text.lower() == "d/o":
        end += 3
    if leading := _LEADING.match(doc[start:end].text):
        start = next(i for i in range(start, end) if doc[i].idx >= doc[start].idx + leading.end())
    if start < end and not doc[start].text.isupper():
        first, second = doc[start].lower_, doc[start + 1 : start + 2].text
        start += (first in _NO_START and second not in _AFTER_A) or (first in _DENIALS and second not in _MISSING)
    if span.label_ == "CONDITION":
        start = _with_onset(doc, start)
        # "Borderline diabetes" is not diabetes, and who carries a disease does not have it.
        start -= start > 0 and doc[start - 1].lower_ == "borderline"
        end += doc[end : end + 1].text.lower() in _CARRIERS
        start -= 2 * (doc[max(0, start - 2) : start].text.lower() in _CARRIERS_OF)
    said = any(map(str.isalnum, doc[start:end].text))
    return Span(doc, start, end, span.label) if said and not in_compound(doc, start, end) else None


def _with_onset(doc: Doc, start: int) -> int:
    at = start
    while at > 0 and doc[at - 1].lower_ in _BEHIND_ONSET:
        at -= 1
    return at - 1 if 0 < at < start and doc[at - 1].lower_ in _ONSETS else start


def _is_state(doc: Doc, start: int, at: int) -> bool:
    """Whether a word behind a dash tells how a condition is, or whether it is there."""
    dashed = at - start > 1 and doc[at - 1].text in _HYPHENS and doc[at - 2].whitespace_
    return bool(dashed) and doc[at].lower_ in _STATES


def in_compound(doc: Doc, start: int, end: int) -> bool:
    """Whether words are part of a compound that means something else: "flu" in "flu-like", "normal" in "non-normal".

    A prefix alone, "non" in "non-displaced", is such a part too.

    Arguments:
        doc: The document.
        start: First token.
        end: Token after the last one.
    """
    if _joins(doc, end) and (doc[end + 1].lower_ == "like" or (end == start + 1 and doc[start].lower_ in _COMBINING)):
        return True
    if _joins(doc, start - 1):
        return doc[start - 2].lower_ in _PREFIXES
    return start > 0 and doc[start - 1].lower_ in _DENYING


def _joins(doc: Doc, at: int) -> bool:
    """Whether a token is a hyphen between two words."""
    if not 0 < at < len(doc) - 1 or doc[at].text not in _HYPHENS:
        return False
    return not doc[at - 1].whitespace_ and not doc[at].whitespace_


def check_share(name: str, setting: str, value: float) -> None:
    """Raise :class:`MedlinkError` where a component's setting is not from 0 to 1."""
    if not 0 <= value <= 1:
        raise MedlinkError(f"{name}: {setting} must be from 0 to 1, not {value}")


def _preference(span: Span) -> tuple[int, int, int, str, int]:
    rank = _RANK.get(span.label_, len(_RANK))
    return span.start - span.end, -len(get_finders(span)), rank, span.label_, span.start
