"""What abbreviations stand for: defined in the document, or one of the senses that a rule file gives, by context."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydantic import BaseModel, ConfigDict, Field

from medlink.document.rules import own_rules
from medlink.document.schwartz_hearst import find_definitions

#: A sense is taken when its share of the evidence is at least this.
SURE = 0.6
# Evidence of a cue: in the same sentence within so many words, in it farther off, close by in another, in the document.
_CLOSE, _NEAR, _AROUND = 5, 12, 400
_WORTH = (3.0, 2.0, 1.3, 1.15)
_WORD = re.compile(r"[A-Za-z0-9%<>][\w&/+.-]*\w|[A-Za-z0-9%<>]")
_PART = re.compile(r"[^/]+")
# Of abbreviations in small letters these are words, units and titles as often.
_WORDS_TOO = frozenset(
    "age aids all am an ap as bed cap clad cm come crest cri de des di dish dr dress du ed er et fib gave gist he "
    "hi hit hm ho hs hz id ie im iris lam last lid mac me men mg mm mr ms net ns od odd or os pa pad pec peg pet pin "
    "pm pr pt rd sa sad sib st ten tips us va vs war won".split()
)
_PLURAL = re.compile(r"(?:(?<=[A-Z])|(?<=^[a-z]{3}))['’]?s$")
# By section, the labels that it speaks of more than others do.
_SECTION_LABELS: Mapping[str, Mapping[str, float]] = {
    "past_medical_history": {"CONDITION": 2},
    "problem_list": {"CONDITION": 2},
    "family_history": {"CONDITION": 3},
    "discharge_diagnosis": {"CONDITION": 2},
    "admission_diagnosis": {"CONDITION": 2},
    "impression": {"CONDITION": 1.5},
    "assessment": {"CONDITION": 1.5},
    "assessment_and_plan": {"CONDITION": 1.5},
    "medications": {"DRUG": 3},
    "discharge_medications": {"DRUG": 3},
    "admission_medications": {"DRUG": 3},
    "physical_exam": {"MEASUREMENT": 1.5, "ANATOMY": 1.5},
    "vital_signs": {"MEASUREMENT": 2},
    "results": {"MEASUREMENT": 2},
}


class Sense(BaseModel):
    """One thing that an abbreviation stands for.

    Arguments:
        long: The words it stands for.
        label: Label of a mention of it, or "".
        weight: How often it is meant, against the other senses of the abbreviation.
        cues: Words that are found near it when this is meant, in small letters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    long: str
    label: str = ""
    weight: float = Field(default=1.0, gt=0)
    cues: tuple[str, ...] = ()

    @cached_property
    def cue_set(self) -> frozenset[str]:
        """The cues, to look up."""
        return frozenset(self.cues)


class AbbreviationRule(BaseModel):
    """An abbreviation and its senses.

    Arguments:
        short: The abbreviation, in the case in which it is written; in small letters it is found as well.
        senses: What it may stand for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    short: str = Field(min_length=1)
    senses: tuple[Sense, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class AbbreviationUse:
    """An abbreviation where it stands in a text.

    Arguments:
        start: Its first character.
        end: The character after its last one.
        long: What it stands for; "" where the context does not tell.
        label: Label of the sense, or "".
        source: ``"document"`` where the text defines it, ``"rules"`` where it does not.
        probability: Share of the evidence that speaks for the sense, 0 to 1.
        alternatives: All senses, the likeliest first.
    """

    start: int
    end: int
    long: str
    label: str
    source: str
    probability: float
    alternatives: tuple[str, ...]


@lru_cache(maxsize=1)
def default_abbreviations() -> AbbreviationFinder:
    """The finder with the abbreviations that medlink brings."""
    return AbbreviationFinder(own_rules("medlink.document", "abbreviations.jsonl", AbbreviationRule))


class AbbreviationFinder:
    """Finds the abbreviations of a text and tells what they stand for.

    Arguments:
        rules: Abbreviations with their senses; of two for the same one the later wins.
    """

    def __init__(self, rules: Sequence[AbbreviationRule]) -> None:
        self.rules = list(rules)
        self._by_short = {rule.short: rule for rule in self.rules}
        small = {rule.short.lower(): rule for rule in self.rules if rule.short.lower() not in _WORDS_TOO}
        # "Denies cp, sob": many write them small, and the case tells apart only what is written with capitals.
        self._by_word = small | self._by_short

    def find(self, text: str, sections: Sequence[tuple[int, str]] = ()) -> list[AbbreviationUse]:
        """The abbreviations of a text in order.

        Arguments:
            text: The text.
            sections: Where sections begin and their names, in order, where known.
        """
        defined: dict[str, str] = {}
        for definition in find_definitions(text):
            defined.setdefault(definition.short, definition.long)
        words = _words(text, {*self._by_word, *defined})
        uses: list[AbbreviationUse] = []
        place = 0
        for number, (word, start, _) in enumerate(words):
            while place < len(sections) and sections[place][0] <= start:
                place += 1
            short = word
            if word.istitle() and word not in defined and word not in self._by_short:
                short = word.lower()  # "Chf worse."
            if short not in defined and short not in self._by_word:
                # "UTIs" and "MI's" stand for the plural.
                short = _PLURAL.sub("", word)
                if short == word or (short not in defined and short not in self._by_word):
                    continue
            end = start + len(word)
            if short in defined:
                long = defined[short]
                uses.append(AbbreviationUse(start, end, long, "", "document", 1.0, (long,)))
                continue
            rule = self._by_word[short]
            section = sections[place - 1][1] if place else ""
            uses.append(self._decide(rule, words, number, start, end, section))
        return _agree(uses, text)

    def _decide(
        self, rule: AbbreviationRule, words: list[tuple[str, int, int]], number: int, start: int, end: int, section: str
    ) -> AbbreviationUse:
        if len(rule.senses) == 1 and not rule.senses[0].cues:
            only = rule.senses[0]
            return AbbreviationUse(start, end, only.long, only.label, "rules", 1.0, (only.long,))
        cues = _surroundings(words, number)
        worth = _SECTION_LABELS.get(section, {})
        scores = []
        for sense in rule.senses:
            score = sense.weight * worth.get(sense.label, 1.0)
            for cue in sorted(sense.cue_set & cues.keys(), key=cues.__getitem__)[:8]:
                score *= _WORTH[cues[cue]]
            scores.append(score)
        # A rule with one sense and cues is an everyday word as well: it needs a cue.
        total = sum(scores) + (4.0 if len(scores) == 1 else 0.0)
        ranked = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        best = rule.senses[ranked[0]]
        share = scores[ranked[0]] / total
        alternatives = tuple(rule.senses[i].long for i in ranked)
        sure = share >= SURE
        return AbbreviationUse(
            start, end, best.long if sure else "", best.label if sure else "", "rules", round(share, 4), alternatives
        )


def _words(text: str, known: Collection[str]) -> list[tuple[str, int, int]]:
    """The words of a text, where each starts, and the number of its sentence, roughly.

    "PT/INR" is two words, "N/V" one, for it is known.
    """
    words: list[tuple[str, int, int]] = []
    end = sentence = 0
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        sentence += any(mark in gap for mark in ".;!?\n")
        end = match.end()
        if "/" in match[0] and match[0] not in known:
            words += [(part[0], match.start() + part.start(), sentence) for part in _PART.finditer(match[0])]
        else:
            words.append((match[0], match.start(), sentence))
    return words


def _surroundings(words: list[tuple[str, int, int]], number: int) -> dict[str, int]:
    """The words around one, in small letters, with how near they stand: an index of ``_WORTH``."""
    cues: dict[str, int] = {}
    home = words[number][2]
    low = max(0, number - _AROUND)
    for place, (word, _, sentence) in enumerate(words[low : number + _AROUND + 1], low):
        away = abs(place - number)
        if not away:
            continue
        kind = 3 if away > _NEAR else 2 if sentence != home else 1 if away > _CLOSE else 0
        word = word.lower()
        if kind < cues.get(word, 4):
            cues[word] = kind
    return cues


def _agree(uses: list[AbbreviationUse], text: str) -> list[AbbreviationUse]:
    """What one place leaves open takes the sense that all other places of the document agree on."""
    known: dict[str, set[tuple[str, str]]] = {}
    for use in uses:
        if use.long:
            known.setdefault(text[use.start : use.end], set()).add((use.long, use.label))
    settled = []
    for use in uses:
        options = known.get(text[use.start : use.end], set())
        if not use.long and len(options) == 1:
            long, label = next(iter(options))
            use = AbbreviationUse(use.start, use.end, long, label, use.source, use.probability, use.alternatives)
        settled.append(use)
    return settled
