"""Headings of clinical notes in plain text, by rules: which words name a section, and where a heading can stand.

A heading stands at the start of a line (after a bullet, a number or Markdown's marks) or of a sentence,
and is followed by a colon, a dash or the end of the line. Words that no rule knows are a heading only in
capitals; their section has no name, but ends the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from medlink.document.letters import is_in_small_letters
from medlink.document.relatives import RELATIVES


class SectionRule(BaseModel):
    """A section and the headings that name it.

    Arguments:
        name: Name of the section, as ``past_medical_history``; "" for words that look like a heading
            and are none.
        title: Name for people.
        loinc: LOINC code of the section, or "".
        subsection: Whether it is a part of a section, as the organ systems of an examination are.
        headings: Its headings, in any case; order of punctuation, "of", "the" and the like do not matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str = ""
    loinc: str = ""
    subsection: bool = False
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in a text: characters ``start`` to ``end``, its section's text from ``body`` on.

    Vital signs at the start of a line begin a section without one: its heading has no characters, and it counts only
    where what comes before cannot go on with them. So has what ends a section without a heading.

    Arguments:
        lead: First character of the bullet, number or mark before it; where there is none, ``start``.
        start: First character of its words.
        end: Character after its words; colon and dash are not part.
        body: First character of the section's text.
        rule: The section it names, or None.
    """

    lead: int
    start: int
    end: int
    body: int
    rule: SectionRule | None


#: What an examination that has no heading ends.
BEFORE_EXAM = frozenset(
    {"past_medical_history", "past_surgical_history", "family_history", "social_history", "allergies", "medications"}
)
_LONGEST = 80
#: What may stand before a heading on its line: bullets, numbers, Markdown.
LEAD = re.compile(r"[ \t]*(?:(?:[-–•*+>#=_]+|\(?\d{1,2}[.)]|[A-Z][.)](?=[ \t]))[ \t]*)*")
_LINE = re.compile(r"[^\n]+")
# Where a heading may begin inside a line: after the end of a sentence, a comma, a bracket or a gap.
_INNER = re.compile(r"[.,;!?:)\]|](?=\W*[A-Z])|\t|[ ]{2,}|(?<=\d)(?=[A-Z]{4})")
# And in a text in small letters: after the end of a sentence.
_INNER_IN_SMALL = re.compile(r"[.;!?](?=\s+[a-z])|\t|[ ]{2,}")
_TEXT = re.compile(r"[^\S\n]*\S")
_SPACES = re.compile(r"[\s*_#]*")
_COLON = re.compile(r"[ \t]*(?:\*\*|__)?[ \t]*,?[ \t]*:(?!\d)|[ \t]+[-–—]{1,2}[ \t]+|[ \t]*,[ \t]*:")
_AFTER = re.compile(r"[ \t:*_]*(?:,(?=[ \t]*[A-Z\d])[ \t]*)?")
_CAPITALS = re.compile(r"[A-Z][A-Z/&,() -]{3,60}[A-Z)](?=[ \t]+(?:[A-Z][a-z]|\d|A[ \t][a-z]))")
# "VS 148/72 88 18": what follows tells that it is a heading.
_VITALS = re.compile(r"(?:VS|Vitals|VITALS)(?=[ \t]+(?:[A-Z]{1,4}[ \t]?)?\d)")
# "ROS negative except fatigue", "PMH HTN, DM": short forms that are headings without a colon, where the line before
# ends a sentence or has a heading itself; in the middle of one, "with PMH of HTN", they are none.
_BARE = re.compile(
    r"(?:ROS|HPI|PMHx?|PSHx?|FHx?|SHx?|SocHx|FamHx|Exam|O/E)"
    r"(?=[ \t]+\w)(?![ \t]+(?:of|for|and|in|is|was|under|table|room)\b)"
)
_LABELLED = re.compile(r"[A-Z][\w /&-]{0,40}:")
_LABELLED_IN_SMALL = re.compile(r"[a-z][\w /&-]{0,40}:")
#: Sections of which a line tells where their heading stands in it; a line below it that has a heading, which no rule
#: knows, is no part of them.
_OF_ONE_LINE = frozenset(
    {"family_history", "immunizations", "past_medical_history", "past_surgical_history", "allergies"}
)
_PAST = frozenset({"past_medical_history", "past_surgical_history"})
# But where one of these stands in it, it goes on: "Father: gout", "Reaction: hives".
_GOES_ON = re.compile(
    rf"\b(?:{'|'.join(sorted(RELATIVES))}|reactions?|latex|foods?|drugs?|environmental)\b", re.IGNORECASE
)
# Where its heading stands in a line, that ends with the line: what follows is no differential diagnosis any more.
_DIFFERENTIAL = "differential_diagnosis"
_ENDED = (".", ":", ";", "!", "?", ")", "]")
# Lines without a heading that are no part of a history.
_VITALS_LINE = re.compile(
    r"(?:BP|HR|Pulse)[ \t:]*\d{2,3}\b|T(?:emp|max)?[ \t:]*(?:3\d|9\d|10\d)(?:\.\d|[ \t]*°?[CF]\b)|VSS\b|Afebrile\b|"
    r"(?:ECOG|KPS)[ \t]+\d"
)
_AGE = re.compile(r"\d{1,3}[ -]?(?:[FM]\b|y/?o\b|yrs?\b|years?\b|mo\b|wks?\b)", re.IGNORECASE)
_SPELL = re.compile(r"\bx ?\d+ ?(?:h|hrs?|d|days?|wks?|weeks?)\b", re.IGNORECASE)
# What begins a report below the line with the history: "Hx: stroke. / There is no infarct."
_REPORTS = re.compile(r"(?:No|There (?:is|are|was|were)|The)\b")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_SENTENCE_END = re.compile(r"[.!?;][ ,]")
_WORD = re.compile(r"[a-z0-9]+(?:'s)?")
_MINOR = frozenset(
    "of the and or for to a an in on at by with s es this his her their patient patients's patient's".split()
)
_QUALIFIERS = frozenset(
    "current brief pertinent relevant significant other additional initial focused interval updated detailed final "
    "limited complete known repeat continued cont contd reviewed new recent primary secondary selected preliminary "
    "revised today's available prior previous further".split()
)


@lru_cache(maxsize=4096)
def heading_key(title: str) -> tuple[str, ...]:
    """The words of a heading that tell which one it is: no case, no number, no little words."""
    folded = _BRACKETS.sub(" ", title.lower().replace("’", "'")).replace("diagnoses", "diagnosis")
    folded = re.sub(r"(?<=[a-z])-(?=[a-z])", "", folded)
    every = [word.removesuffix("'s") for word in _WORD.findall(folded)]
    words = [word for word in every if word not in _MINOR] or every
    kept = [word for word in words if not word.isdigit() or len(words) == 1] or words
    return tuple(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in kept
    )


class HeadingFinder:
    """Finds the headings of notes.

    Arguments:
        rules: The sections; of two with the same heading the later one wins.
    """

    def __init__(self, rules: Sequence[SectionRule]) -> None:
        self.rules = list(rules)
        self._by_key: dict[tuple[str, ...], SectionRule] = {}
        # "Reasons to call" and "reason for call" have the same key.
        self._as_written: dict[str, SectionRule] = {}
        for rule in self.rules:
            for heading in rule.headings:
                self._as_written[heading.lower()] = rule
                self._by_key[heading_key(heading)] = rule
                self._by_key.setdefault(heading_key(heading.replace("-", " ")), rule)

    def find(self, text: str) -> list[Heading]:
        """The headings of a text in order.

        Arguments:
            text: The note.
        """
        found: list[Heading] = []
        current: Heading | None = None  # that of the section, and not of a part of it
        small = is_in_small_letters(text)
        for line in _LINE.finditer(text):
            headings = list(self._in_line(text, line.start(), line.end(), small=small))
            if not headings and current is not None:
                headings = list(_ending(text, line.start(), line.end(), current))
            for heading in headings:
                if heading.start == heading.end and heading.rule is not None and _name(current) not in BEFORE_EXAM:
                    continue
                found.append(heading)
                if heading.rule is None or not heading.rule.subsection:
                    current = heading if heading.rule else None
        return found

    def _in_line(self, text: str, start: int, end: int, *, small: bool) -> Iterator[Heading]:
        lead = LEAD.match(text, start, end)
        first = lead.end() if lead else start
        if first >= end:
            return
        vitals = _VITALS.match(text, first, end)
        whole = text[first:end].rstrip(" \t*_:#-–\r")
        if (
            whole
            and len(whole) <= _LONGEST
            and whole[-1] not in ".,;?!"
            and not vitals
            and (rule := self._alone(text, start, first, whole)) is not None
            and (rule.name or rule is _UNKNOWN)
        ):
            yield Heading(start, first, first + len(whole), end, rule if rule.name else None)
            return
        if _VITALS_LINE.match(text, first, end) and (known := self._known("vital signs")):
            yield Heading(first, first, first, first, known)
        at = first
        begins = vitals or _bare(text, start, first) or _CAPITALS.match(text, first, end)
        if begins and (known := self._known(begins[0])):
            at = begins.end()
            yield Heading(start, first, at, _AFTER.match(text, at, end).end(), known)  # type: ignore[union-attr]
        for mark in _COLON.finditer(text, at, end):
            if mark.start() < at:
                continue
            low = max(at, mark.start() - _LONGEST)
            found = self._before_mark(text, first, low, mark.start(), end, colon=":" in mark[0], small=small)
            if found is not None:
                begin, rule = found
                body = _AFTER.match(text, mark.end(), end).end()  # type: ignore[union-attr]
                if text[begin : mark.start()].strip().lower() == "hx" and (
                    _AGE.match(text, body, end) or _SPELL.search(text, body, end)
                ):
                    # "Hx: 56F with headache", "hx: fussy x1d" tell why a patient is seen.
                    rule = self._known("history")
                yield Heading(start if begin == first else begin, begin, mark.start(), body, rule)
                at = mark.end()

    def _alone(self, text: str, line: int, first: int, whole: str) -> SectionRule | None:
        """The rule of a line that is a heading and nothing else; a nameless rule for unknown capitals."""
        if not (
            whole[0].isupper() or text[first + len(whole) : first + len(whole) + 1] == ":" or "#" in text[line:first]
        ):
            return None
        if ":" in whole:
            return None
        if (rule := self._known(whole)) is not None:
            return rule
        after = text[first + len(whole) : first + len(whole) + 3]
        marked = "#" in text[line:first] or "**" in text[line:first] or ":" in after
        # Capitals that no rule knows are a heading with a mark, or between an empty line and a text in small letters.
        if not _is_title(whole) or whole.upper() != whole:
            return None
        below = text.find("\n", first) + 1
        alone = line == 0 or text[max(0, line - 2) : line].strip(" \t\r\n") == ""
        small = bool(below) and re.search(r"[a-z]{2}", text[below : below + 200]) is not None
        return _UNKNOWN if marked or (alone and small and first == line and len(whole.split()) > 1) else None

    def _before_mark(
        self, text: str, first: int, low: int, mark: int, end: int, *, colon: bool, small: bool
    ) -> tuple[int, SectionRule | None] | None:
        """The heading that ends at a colon or dash: where it begins and what it names."""
        starts = [low] if low == first or text[low - 1 : low] in ":" else []
        starts += [m.end() for m in (_INNER_IN_SMALL if small else _INNER).finditer(text, low, mark)]
        for position in starts[-8:]:
            begin = _SPACES.match(text, position, mark).end()  # type: ignore[union-attr]
            words = text[begin:mark].rstrip()
            if not words or _SENTENCE_END.search(words):
                continue
            if not (words[0].isupper() or (colon and (small or begin == first))):
                continue
            if not colon and not (begin == first or words.isupper()):
                continue
            rule = self._known(words)
            if rule is not None:
                if not rule.name:
                    return None
                if begin != first and not _stands_out(text, begin, words):
                    continue
                return begin, rule
            if colon and words.isupper() and _is_title(words) and not re.match(r"[\s,]*\d", text[mark + 1 : end]):
                before = text[max(0, begin - 2) : begin]
                if len(words) > 4 and (begin == first or before == ". " or before[-1:] in (",", "\t")):
                    return begin, None
        return None

    def _known(self, title: str) -> SectionRule | None:
        if (rule := self._as_written.get(title.lower())) is not None:
            return rule
        key = heading_key(title)
        if (rule := self._by_key.get(key) or self._by_key.get(heading_key(title.replace("-", " ")))) is not None:
            return rule
        if len(key) > 6:
            return None
        bare = tuple(word for word in key if word not in _QUALIFIERS)
        return self._by_key.get(bare) if bare and len(bare) >= len(key) - 2 else None


_UNKNOWN = SectionRule(name="", headings=())


def _bare(text: str, line: int, first: int) -> re.Match[str] | None:
    """A heading without a colon at the start of a line."""
    before = text[text.rfind("\n", 0, max(0, line - 1)) + 1 : line].rstrip()
    ended = not before or before.endswith(_ENDED) or _BARE.match(before) or _LABELLED.match(before)
    return _BARE.match(text, first) if ended else None


def _name(heading: Heading | None) -> str:
    return heading.rule.name if heading is not None and heading.rule is not None else ""


def _ending(text: str, start: int, end: int, current: Heading) -> Iterator[Heading]:
    """What a line without a heading that a rule knows begins, where it is no part of the section before.

    Arguments:
        text: The note.
        start: First character of the line.
        end: The character after its last one.
        current: The heading of the section.
    """
    name = _name(current)
    # Whether the section's text begins in the line of its heading.
    run_in = _TEXT.match(text, current.body) is not None
    if run_in and name in _OF_ONE_LINE:
        if name in _PAST and _REPORTS.match(text, start) and _end_before(text, start).endswith("."):
            yield Heading(start, start, start, start, None)
        else:
            yield from _unknown(text, start, end)
        return
    if run_in and name == _DIFFERENTIAL:
        # What was broken because the line was full goes on, and so do the items of a list.
        ended = _follows_gap(text, start) or _end_before(text, start).endswith(_ENDED)
        lead = LEAD.match(text, start)
        ends = ended and (lead is None or not lead[0].strip())
    else:
        ends = _is_resolved(text, current) and _follows_gap(text, start) and bool(text[current.body : start].strip())
    if ends:
        yield Heading(start, start, start, start, None)


def _end_before(text: str, start: int) -> str:
    """The end of what stands before a line."""
    return text[max(0, start - _LONGEST) : start].rstrip()


def _is_resolved(text: str, heading: Heading) -> bool:
    """Whether a heading is that of a record's list of resolved problems, below which stand those that are treated."""
    return text[heading.start : heading.end].lower().startswith("resolved")


def _follows_gap(text: str, start: int) -> bool:
    """Whether an empty line stands before a line."""
    return not text[text.rfind("\n", 0, max(0, start - 1)) + 1 : start].strip()


def _unknown(text: str, start: int, end: int) -> Iterator[Heading]:
    """The heading that a line begins with, whatever it is, unless its line goes on with the section."""
    lead = LEAD.match(text, start, end)
    first = lead.end() if lead else start
    labelled = _LABELLED.match(text, first, end)
    if labelled is None and _end_before(text, start).endswith("."):
        labelled = _LABELLED_IN_SMALL.match(text, first, end)
    if labelled and not _GOES_ON.search(text, first, end):
        body = _AFTER.match(text, labelled.end(), end).end()  # type: ignore[union-attr]
        yield Heading(start, first, labelled.end() - 1, body, None)


def _is_title(words: str) -> bool:
    letters = sum(character.isalpha() for character in words)
    return letters >= 4 and letters * 2 > len(words) and len(words.split()) <= 8


def _stands_out(text: str, begin: int, words: str) -> bool:
    """Whether words inside a line are a heading: capitals, or title case after the end of a sentence."""
    before = text[max(0, begin - 3) : begin].rstrip(" *_")
    return words.isupper() or before[-1:] in ".!?)]|\t" or before.endswith(".,") or text[begin - 2 : begin] == "  "
