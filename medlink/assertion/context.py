"""The ConText algorithm: triggers before and after mentions, each with a scope, decide what a sentence says of them.

After H. Harkema, J. N. Dowling, T. Thornblade and W. W. Chapman, "ConText: an algorithm for determining
negation, experiencer, and temporal status from clinical reports", J. Biomed. Inform. 42 (2009) 839-851.
Of several triggers that speak of a mention the nearest decides.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from medlink.assertion.rules import ContextRule, trigger_tokens
from medlink.document.relatives import RELATIVES

# Dots that lead to an answer are one.
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|\.{4,}|[^\w\s]|_")
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty several few "
    "couple many a".split()
)
_MONTHS = frozenset(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sept sep oct nov dec".split()
)
_RELATIVES = RELATIVES | {f"{relative}'s" for relative in (*RELATIVES, "child")}
# What infections that are tested for together are called, and what stands between them.
_SCREENED = frozenset(
    "hiv hav hbv hcv hep hepatitis a b c e ag ab igg igm antigen antibody pcr screen serology status rpr vdrl "
    "syphilis hsv htlv vzv varicella rubella measles mumps cmv ebv toxo toxoplasmosis gc ct gonorrhea gonorrhoea "
    "chlamydia trich trichomonas bv tb quantiferon flu influenza covid 19 rsv strep mono monospot lyme mrsa vre "
    "legionella mycoplasma pneumococcal adenovirus rotavirus norovirus giardia histoplasma cryptococcal galactomannan "
    "diff difficile swab swabs test tests rapid panel titers serologies antibodies".split()
)
# What is said of how a disease or an accident goes, as in "migraine without aura" and "fall without injury".
_COURSE = frozenset(
    "acute current with anemia anaemia esophagitis oesophagitis diverticulitis psychotic severe features behavioral "
    "behavioural disturbance disturbances deficit deficits residual residuals residua sequela exacerbation "
    "exacerbations complication complications aura flare flares recurrence decompensation rvr sequelae crisis "
    "injury injuries loc loss of consciousness sipe superimposed preeclampsia".split()
)
# Denied with the one kind, things of the other kind are there: "no acute infarct, old infarct".
_NEW = frozenset("acute new recent fresh interval".split())
_OLD = frozenset("chronic old stable unchanged remote healed longstanding known".split())
# What makes a size one that is looked for: "no nodules, masses over 1 cm".
_LEAST = frozenset("> < over above than least exceeding".split())
# How many of a thing there are, where no word for a time follows.
_COUNT = re.compile(r"x[1-9]")
_COUNT_ENDS = frozenset([",", ".", ";", ")"])
_SEEN = frozenset("noted present seen observed evident".split())
# What may stand between a denial and the words that it denies: "no new complaints", "denies any reports of".
_DENIED_TOO = frozenset("any new other further current".split())
_AND = frozenset(["and", "&", "/"])
_PARTS = frozenset([",", "(", "-", "–"])
_LISTED = _AND | {","}
# What stands behind a list of tests that are to be done.
_NO_RESULT = frozenset(". ; ) <end> sent ordered pending pend drawn today now tomorrow tmrw per".split())
# Tests that are for no disease that one has.
_ORDERED_ALONE = frozenset("rpr vdrl tpha gc upt hcg".split())
_BETWEEN = _AND | frozenset([",", "-", "(", ")"])
_WORDS_OF = {"<number>": _NUMBERS, "<month>": _MONTHS, "<relative>": _RELATIVES}
_YEAR = re.compile(r"(?:19|20)\d\d(?:s|'s)?|'\d\ds?")
# Of two triggers as near, the one with the value that stands first decides: "no fracture is seen" is absent.
_TIES = ("absent", "possible", "present", "hypothetical", "historical", "current", "other", "family", "patient")
# A question mark that is written before a word asks of what follows, not of what it is behind: "sepsis ?UTI, anemia".
_ASKS = "<asks>"
_ASKS_NEXT = re.compile(r"(?<![^\s(\[/,;:?-])\?[^\s?)\],.;]")
# One that is written behind a word asks of that word alone: "succinylcholine? (hives), penicillin".
_ASKED = "<asked>"
_ASKED_LAST = re.compile(r"(?<=[^\W_])\?")
# A minus sign before a word denies it where a plus sign affirms another, "ROS: -fever +cough": elsewhere it may be a
# bullet.
_DENIES = "<minus>"
_DENIES_NEXT = re.compile(r"(?<![^\s(\[/,;:])-(?=[^\W\d_])")
# With a space behind it, it denies all that follow: "+ cough, - fever, chills".
_DENIES_FOLLOWING = re.compile(r"(?<=[,;.] )[-–] (?=[^\W\d_])")
#: A plus sign that affirms what follows.
AFFIRMS = re.compile(r"(?<![^\s(\[/,;:])\+[ ]?(?=[^\W\d_])")
# "- fever, - cough": what begins such a list denies as well.
_DENIES_LIST = re.compile(r"-\s.*,\s*-\s*[^\W\d_]", re.DOTALL)
# Mentions, and last words of them, on which triggers stand all the same.
_VACCINES = frozenset(
    "menveo gardasil heplisav bexsero menactra menquadfi trumenba engerix boostrix adacel havrix vaxneuvance fluzone "
    "flublok abrysvo arexvy pcv pcv13 pcv15 pcv20 pcv21 ppsv23 prevnar pneumovax tdap mmr shingrix".split()
)
_TRIGGERS_TOO = frozenset(
    "vaccine vaccines vaccination vaccinations shot shots booster boosters jab jabs screen screens screening".split()
)
# The full stop behind the number of an item in a list that runs on in its line: "gout 2. Asthma".
_ITEM = "<item>"
_ITEM_NEXT = re.compile(r"(?:(?<=\s\d)|(?<=\s\d\d))\.(?=\s+[^\W\d_])")
# Before these a list of infections is one of those that were had, of which what is said of the last one does not speak.
_HAD = frozenset("of hx o with known has".split())
# Boxes behind what they are of: the line begins with words and ends with a box, and none is of a "yes" or "no".
_BOX = r"(?:\[[ x✓*+_-]?\]|\([ x]?\)|[☐☑☒□✓])"
_BOXES_BEHIND = re.compile(rf"(?!.*(?:\b(?:yes|no)\b|{_BOX})\s*{_BOX})[^\W_].*{_BOX}\s*$", re.DOTALL)
_BOX_ENDS = tuple("])☐☑☒□✓")
_TICKED, _UNTICKED = "<ticked>", "<unticked>"
_EMPTY_BOX = re.compile(r"[\[(][ _-]?[\])]|[☐□]")
_WORD_OR_BOX = re.compile(rf"(?P<box>{_BOX})|{_WORD.pattern}")
_MENTION = "<mention>"
# What may stand between a trigger and the colon before what it speaks of: "denies any of the following: …".
_FOLLOWING = frozenset("any all each one of the this these following symptoms signs findings or more".split())
_SIGNS = frozenset("?.-–")
_CLASSES = ("<number>", "<year>", "<relative>", "<month>", "*")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one dimension of a mention, and by which words.

    Arguments:
        value: The value.
        rule: The rule.
        start: First character of the words that triggered it.
        end: The character after the last one.
    """

    value: str
    rule: ContextRule
    start: int
    end: int


@dataclass(slots=True)
class _Found:
    """A rule that matched in a sentence: tokens ``first`` to ``last``, exclusive; ``over`` where it holds mentions."""

    rule: ContextRule
    first: int
    last: int
    over: bool


class ContextMatcher:
    """Decides what sentences say of the mentions in them.

    Arguments:
        rules: The rules; of two with the same name the later one wins.
    """

    def __init__(self, rules: Sequence[ContextRule]) -> None:
        self.rules = list(rules)
        patterns: dict[tuple[str, ...], Sequence[ContextRule]] = {}
        stops: dict[tuple[str, ...], Sequence[ContextRule]] = {}
        self._by_section: dict[str, list[ContextRule]] = {}
        self._anywhere: list[ContextRule] = []
        self._in_lists: list[ContextRule] = []
        for rule in {rule.name: rule for rule in self.rules}.values():
            rules_of, alone = stops if rule.direction == "stop" else patterns, (rule,)
            for phrase in rule.phrases():
                tokens = trigger_tokens(phrase)
                rules_of[tokens] = (*rules_of[tokens], rule) if tokens in rules_of else alone
            if rule.beside:
                self._in_lists.append(rule)
            elif rule.mentions and not rule.triggers and not rule.sections:
                self._anywhere.append(rule)
            for section in rule.sections:
                self._by_section.setdefault(section, []).append(rule)
        self._until = {rule.name: [trigger_tokens(one) for one in rule.until] for rule in self.rules}
        self._mentions = {rule.name: [trigger_tokens(one) for one in rule.mentions] for rule in self.rules}
        self._triggers = _Index(patterns)
        self._stops = _Index(stops)

    def decide(self, sentence: str, mentions: Sequence[tuple[int, int, str]]) -> list[dict[str, Decision]]:
        """Decide what a sentence says of its mentions.

        Arguments:
            sentence: The sentence.
            mentions: First character, the character after the last one, and label of each.

        Returns:
            For each mention, by dimension, the decision; dimensions of which nothing is said are left out.
        """
        low = _lower(sentence)
        words, starts, ends = ["<start>"], [0], [0]
        affirms = AFFIRMS.search(low) is not None
        # Few sentences end with a box, which is told sooner.
        boxes_behind = low.rstrip().endswith(_BOX_ENDS) and _BOXES_BEHIND.match(low)
        for match in (_WORD_OR_BOX if boxes_behind else _WORD).finditer(low):
            words.append(_token(low, match, affirms=affirms))
            starts.append(match.start())
            ends.append(match.end())
        if len(words) == 1:
            return [{} for _ in mentions]
        # The two ends of the sentence are tokens too, which take no room.
        words.append("<end>")
        starts.append(ends[-1])
        ends.append(ends[-1])
        starts[0] = ends[0] = starts[1]
        places = [(bisect_right(ends, start), bisect_left(starts, end)) for start, end, _ in mentions]
        held = _inside([_held(place, words) for place in places])
        found = self._triggers.find(words, held)
        decisions: list[dict[str, Decision]] = [{} for _ in mentions]
        if not found:
            self._decide_lists(decisions, words, starts, ends, places, mentions)
            return decisions
        parts = [place for place, (*_, label) in zip(places, mentions, strict=True) if label == "ANATOMY"]
        depths = list(accumulate(((word == "(") - (word == ")") for word in words), initial=0))
        joined = [_joined(place, words, starts, ends) for place in places]
        stops = self._stops.find(words, held)
        stops_of_lists = [stop for stop in stops if words[stop.first] != ";"]
        distances: list[dict[str, tuple[int, int]]] = [{} for _ in mentions]
        denied = {one.last for one in found if one.rule.status == "absent" and one.rule.direction == "forward"}
        for one in found:
            rule = one.rule
            if rule.direction == "pseudo" or (rule.deniable and _is_denied(one, denied, words)):
                continue
            behind = _behind_colon(words, one.last)
            # "If: you have chest pain; fever": a list behind a colon may have semicolons.
            ends_it = stops_of_lists if words[behind - 1] == ":" else stops
            negated = _next(places, one.last) if rule.status == "absent" else None
            goes_on = len(words)
            tested = words[one.last - 1] == "for"  # "negative for glucose, infection"
            if negated is not None:
                goes_on = min(_denies_on(words, one, places[negated]), _turn(words, places[negated], parts))
            # The "without" of "migraine without aura" says nothing of what follows.
            around = next((place for place in places if place[0] < one.first and one.last < place[1]), None)
            for number, (first, last) in enumerate(joined):
                if around is not None and not around[0] <= first < last <= around[1]:
                    continue
                if first < one.last and one.first < last:
                    first, last = places[number]  # the trigger is a part of the list
                if one.first < first < one.last < last:
                    first = one.last  # "no prior" on "prior stroke", in which another finder saw a stroke
                label = mentions[number][2]
                if rule.labels and label and label not in rule.labels:
                    continue
                if rule.mentions and not _holds(words[slice(*places[number])], self._mentions[rule.name]):
                    continue
                bracketed = False
                if one.over and not rule.onwards:
                    if not one.first <= first < last <= one.last:
                        continue
                    away, span = 0, (first, first)
                elif first >= one.last and rule.direction != "backward":
                    away, span = first - behind, (behind, first)
                    # "Asthma (no intubations), anxiety": what a bracket says of its own it says of nothing behind it.
                    bracketed = depths[first] < depths[one.last]
                    # A list goes on with things of a kind, and what a bracket adds is something else: "no peritonism,
                    # ERCP tomorrow", "no heart failure (EF 55%)".
                    if negated is not None:
                        another = label != mentions[negated][2] and not (tested and label == "CONDITION")
                        if first >= goes_on or (another and not _PARTS.isdisjoint(words[places[negated][1] : first])):
                            continue
                elif last <= one.first and rule.direction != "forward":
                    away, span = one.first - last, (last, one.first)
                else:
                    continue
                if rule.within is not None and away > rule.within:
                    continue
                if rule.until and _holds(words[span[0] : span[1]], self._until[rule.name]):
                    continue
                for dimension, value in rule.values():
                    if bracketed and dimension != "experiencer":
                        continue
                    known = distances[number].get(dimension)
                    order = (away, _TIES.index(value))
                    if known is not None and known <= order:
                        continue
                    if _ended(ends_it, dimension, value, span, label, depths):
                        continue
                    distances[number][dimension] = order
                    decisions[number][dimension] = Decision(value, rule, starts[one.first], ends[one.last - 1])
        self._decide_lists(decisions, words, starts, ends, places, mentions)
        return decisions

    def _decide_lists(
        self,
        decisions: Sequence[dict[str, Decision]],
        words: Sequence[str],
        starts: Sequence[int],
        ends: Sequence[int],
        places: Sequence[tuple[int, int]],
        mentions: Sequence[tuple[int, int, str]],
    ) -> None:
        """Decide for the mentions of which no trigger speaks by what else is in their lists."""
        for listed in _without_results(places, words):
            # What a list begins with may be what its tests are for: "hepatitis C, LFTs today".
            tests = {word for number in listed for word in words[slice(*places[number])]}
            asked = listed if tests & _ORDERED_ALONE else listed[1:]
            for rule in self._in_lists:
                beside = next((number for number in listed if mentions[number][2] in rule.beside), None)
                if beside is None:
                    continue
                start, end = starts[places[beside][0]], ends[places[beside][1] - 1]
                for number in asked:
                    own = words[slice(*places[number])]
                    label = mentions[number][2]
                    if not decisions[number] and label in rule.labels and _holds(own, self._mentions[rule.name]):
                        decisions[number].update(
                            (dimension, Decision(value, rule, start, end)) for dimension, value in rule.values()
                        )

    def defaults(
        self, mention: str, label: str, section: str, parent: str, decided: Collection[str]
    ) -> dict[str, ContextRule]:
        """What holds of a mention where no trigger decides, by dimension: what its section says, and its words.

        Arguments:
            mention: The mention.
            label: Its label.
            section: Name of the section, or "".
            parent: Name of the section that this one is part of, or "".
            decided: The values that triggers decided.
        """
        said: dict[str, ContextRule] = {}
        rules = [*self._anywhere, *self._by_section.get(parent, ()), *self._by_section.get(section, ())]
        for rule in rules:
            if rule.labels and label and label not in rule.labels:
                continue
            if rule.when and not any(value in rule.when for value in decided):
                continue
            if rule.mentions and not _holds(_WORD.findall(_lower(mention)), self._mentions[rule.name]):
                continue
            said.update(dict.fromkeys((dimension for dimension, _ in rule.values()), rule))
        return said


def _token(text: str, match: re.Match[str], *, affirms: bool) -> str:
    """A word, or what a sign of several meanings means where it stands.

    ``affirms`` tells whether a plus sign affirms something in the sentence.
    """
    if match.lastgroup == "box":
        return _UNTICKED if _EMPTY_BOX.fullmatch(match[0]) else _TICKED
    if match[0] not in _SIGNS:
        return "…" if match[0].startswith("..") else match[0]
    at = match.start()
    if match[0] == "?":
        return _ASKS if _ASKS_NEXT.match(text, at) else _ASKED if _ASKED_LAST.match(text, at) else "?"
    if match[0] == ".":
        return _ITEM if _ITEM_NEXT.match(text, at) else "."
    if affirms and _DENIES_FOLLOWING.match(text, at):
        return "no"
    denies = (affirms and _DENIES_NEXT.match(text, at)) or (at == 0 and _DENIES_LIST.match(text))
    return _DENIES if denies else match[0]


def _is_denied(cue: _Found, denied: set[int], words: Sequence[str]) -> bool:
    """Whether a cue stands right behind a denial, which ends before one of the words ``denied``."""
    before = cue.first - 1
    return cue.first in denied or (words[before] in _DENIED_TOO and before in denied)


def _next(places: Sequence[tuple[int, int]], after: int) -> int | None:
    """The number of the mention that begins first at a token or behind it."""
    return min((i for i, (first, _) in enumerate(places) if first >= after), key=places.__getitem__, default=None)


def _behind_colon(words: Sequence[str], last: int) -> int:
    """The token from which a trigger speaks of what follows: the one behind it, or behind a colon that ends it."""
    at = last
    while at < len(words) and words[at] in _FOLLOWING:
        at += 1
    return at + 1 if words[at : at + 1] == [":"] else last


def _denies_on(words: Sequence[str], cue: _Found, negated: tuple[int, int]) -> int:
    """The token up to which a denial goes on behind the first mention that it denies.

    Arguments:
        words: All tokens.
        cue: The denial.
        negated: First token of that mention, and the one behind it.
    """
    after = negated[1]
    before = words[cue.first - 1]
    attached = (
        words[cue.first] in ("without", "w") or (before[0].isalnum() and words[cue.first] == "no") or before == ")"
    )
    # "Stroke with no residual deficits, gout": how the one before went is denied, and nothing of it is a mention.
    if attached and "," in words[cue.last : negated[0]]:
        comma = words.index(",", cue.last)
        if _COURSE.issuperset(words[cue.last : comma]):
            return comma
    # "No acute fracture, chronic L1 deformity": of a list of new things those that are old are no part.
    if not _NEW.isdisjoint(words[cue.last : after]):
        for at in range(after, len(words) - 1):
            if words[at] in _OLD and words[at - 1] in (",", "and", "an", "a"):
                return at
    if "," not in words[after:]:
        return len(words)
    comma = words.index(",", after)
    # "No adenopathy, renal cyst 2 cm", "no rash, nevi x3": what is measured or counted is there.
    for at in range(comma, len(words)):
        measured = words[at] in ("cm", "mm") and words[at - 1].isdigit() and _LEAST.isdisjoint(words[at - 5 : at])
        counted = _COUNT.fullmatch(words[at]) and (*words, ".")[at + 1] in _COUNT_ENDS
        if measured or counted:
            return max(i for i in range(comma, at) if words[i] == ",")
    # "Or" is before the last of what is denied: "no warmth or swelling, rash noted", "without swelling, abrasion".
    ended = "or" in words[after:comma] and "or" not in words[comma:]
    if attached:
        # "Asthma w/o exacerbation, gallstones": what is denied is how the one before went, and not what follows.
        ended = ended or _COURSE.issuperset(words[slice(*negated)])
    else:
        ended = ended and not _SEEN.isdisjoint(words[comma:])
    return comma if ended else len(words)


def _turn(words: Sequence[str], negated: tuple[int, int], parts: Iterable[tuple[int, int]]) -> int:
    """The token up to which a list goes on that turns to a body part and what that is like.

    "No phimosis, testes descended, left varicocele" denies no varicocele.

    Arguments:
        words: All tokens.
        negated: First token of the first mention that is denied, and the one behind it.
        parts: The same of the body parts.
    """
    for first, last in parts:
        if negated[1] <= first and words[first - 1] == "," and words[last] not in _BETWEEN:
            return first
    return len(words)


def _joined(
    place: tuple[int, int], words: Sequence[str], starts: Sequence[int], ends: Sequence[int]
) -> tuple[int, int]:
    """The tokens of a mention and of what is joined to it, of which the same is said.

    That is what slashes join, as in "fever/chills negative", and the infections of a list that are tested for, as in
    "HIV, HBV and HCV negative".
    """
    first, last = place
    tested = _SCREENED.issuperset(words[first:last])
    if tested and words[first - 1] in _HAD:
        return place

    def joins(at: int) -> bool:
        if tested and (words[at] in _SCREENED or words[at] in _BETWEEN):
            return True
        close = ends[at - 1] == starts[at]  # "myalgia/ diabetes risk"
        return words[at] == "/" and close and words[at - 1][0].isalnum() and words[at + 1][0].isalnum()

    low, high = first, last
    while high < len(words) - 1 and joins(high):
        high += 1 if tested else 2
    while low > 1 and joins(low - 1):
        low -= 1 if tested else 2
    while high > last and words[high - 1] in _BETWEEN:
        high -= 1
    while low < first and words[low] in _BETWEEN:
        low += 1
    # "Drug use, hepatitis C, HIV negative": in a list of diseases one was tested for.
    if tested and words[low - 1] == "," and "hepatitis" in words[low:high] and _AND.isdisjoint(words[low:high]):
        return place
    # "Serologies (HIV, HCV) negative": the bracket belongs to the list.
    if tested and words[high] == ")" and "(" in words[low - 1 : high]:
        high += 1
    return low, high


def _without_results(places: Sequence[tuple[int, int]], words: Sequence[str]) -> list[list[int]]:
    """The numbers of mentions in lists that tell no results, by list.

    "CBC, HIV, RPR." tells none, "CBC, HIV negative" and "HIV, CD4 450" do.
    """
    lists: list[list[int]] = []
    run: list[int] = []
    for number in sorted(range(len(places)), key=places.__getitem__):
        first, last = places[number]
        if run and not (places[run[-1]][1] < first and _LISTED.issuperset(words[places[run[-1]][1] : first])):
            run = []
        run.append(number)
        if words[last] in _NO_RESULT:
            lists.append(run)
            run = []
    return lists


def _held(place: tuple[int, int], words: Sequence[str]) -> tuple[int, int]:
    """The tokens of a mention on which no trigger may stand.

    On the name of a vaccine one may, and on "vaccines" or "screen" at the end of a mention.
    """
    first, last = place
    if _VACCINES.issuperset(words[first:last]):
        return first, first
    return first, last - (last - first > 1 and words[last - 1] in _TRIGGERS_TOO)


def _inside(places: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The tokens of mentions, on which no trigger stands, each with the end of its mention; of mentions that overlap
    only those of the shortest.

    So a finder that takes "no fever" for a mention does not hide the "no" from "fever".
    """
    inside: dict[int, int] = {}
    for first, last in sorted(places, key=lambda place: place[1] - place[0]):
        if inside.keys().isdisjoint(range(first, last)):
            inside.update(dict.fromkeys(range(first, last), last))
    return inside


def _holds(words: Sequence[str], phrases: list[tuple[str, ...]]) -> bool:
    """Whether any of some phrases is among words."""
    for phrase in phrases:
        size = len(phrase)
        if any(tuple(words[at : at + size]) == phrase for at in range(len(words) - size + 1)):
            return True
    return False


def _ended(
    stops: list[_Found], dimension: str, value: str, span: tuple[int, int], label: str, depths: Sequence[int]
) -> bool:
    """Whether a "stop" rule stands between a trigger and a mention, and in no bracket of its own there."""
    low, high = span
    outside = max(depths[low], depths[high])
    for stop in stops:
        if low <= stop.first < high and depths[stop.first + 1] <= outside:
            rule = stop.rule
            if (dimension in rule.ends or value in rule.ends) and (not rule.labels or label in rule.labels):
                return True
    return False


_Triggers = Mapping[tuple[str, ...], Sequence[ContextRule]]


class _Node:
    """The tokens with which triggers begin: those that end there, and the tokens that may follow.

    What follows is put together when a text first gets there: of tens of thousands of triggers it meets a few.

    Arguments:
        rules_of: Of all triggers, the rules.
        triggers: The triggers that begin so.
        depth: With how many tokens.
    """

    def __init__(self, rules_of: _Triggers, triggers: Collection[tuple[str, ...]], depth: int = 0) -> None:
        self._rules_of, self._triggers, self._depth = rules_of, triggers, depth

    @cached_property
    def rules(self) -> Sequence[ContextRule]:
        rules = next((self._rules_of[tokens] for tokens in self._triggers if len(tokens) == self._depth), ())
        # Words that one rule calls a pseudo-trigger are none, whatever another says.
        return [rule for rule in rules if rule.direction == "pseudo"] or rules

    @cached_property
    def children(self) -> Mapping[str, _Node]:
        following: dict[str, list[tuple[str, ...]]] = {}
        for tokens in self._triggers:
            if len(tokens) > self._depth:
                following.setdefault(tokens[self._depth], []).append(tokens)
        return {token: _Node(self._rules_of, triggers, self._depth + 1) for token, triggers in following.items()}

    @cached_property
    def classes(self) -> Sequence[tuple[str, _Node]]:
        return [(token, node) for token, node in self.children.items() if token in _CLASSES]


class _Index:
    """Triggers as a trie of their tokens."""

    def __init__(self, patterns: _Triggers) -> None:
        self._root = _Node(patterns, patterns)
        # The words at which a trigger can begin, so that all others are passed over at once.
        self._begin = set(self._root.children)
        for name, _ in self._root.classes:
            self._begin |= _WORDS_OF.get(name, frozenset())
        self._begin_digit = any(name in ("<number>", "<year>") for name, _ in self._root.classes)

    def find(self, words: list[str], inside: Mapping[int, int]) -> list[_Found]:
        """The triggers among words, from left to right, none on the words ``inside``."""
        begin = self._begin
        matches: list[tuple[int, int, Sequence[ContextRule]]] = []
        for at, word in enumerate(words):
            if (word in begin or (self._begin_digit and word[0].isdigit())) and at not in inside:
                longest = self._longest(self._root, words, at, inside)
                if longest is not None:
                    matches.append((at, *longest))
        if len(matches) > 1:
            # Of triggers that overlap the one with more words stands, of two the later: "were negative for" is
            # "negative for", not "were negative".
            taken: set[int] = set()
            kept = []
            for match in sorted(matches, key=lambda one: (-_words(words, one), one[0] - one[1], -one[0])):
                span = range(match[0], match[1])
                if taken.isdisjoint(span):
                    taken.update(span)
                    kept.append(match)
            matches = sorted(kept, key=lambda one: one[0])
        return [
            _Found(rule, first, last, over=not inside.keys().isdisjoint(range(first, last)))
            for first, last, rules in matches
            for rule in rules
        ]

    def _longest(
        self, node: _Node, words: list[str], at: int, inside: Mapping[int, int]
    ) -> tuple[int, Sequence[ContextRule]] | None:
        best = (at, node.rules) if node.rules else None
        if at in inside:
            over = node.children.get(_MENTION)
            return (over and self._longest(over, words, inside[at], inside)) or best
        if at < len(words):
            word = words[at]
            following = [child for name, child in node.classes if _belongs(word, name)] if node.classes else []
            if (exact := node.children.get(word)) is not None:
                following.append(exact)
            for child in following:
                further = self._longest(child, words, at + 1, inside)
                # Of two as long the one that names its words wins over the one with a class.
                if further is not None and (best is None or further[0] >= best[0]):
                    best = further
        return best


def _words(words: list[str], match: tuple[int, int, Sequence[ContextRule]]) -> int:
    """How many of the tokens of a match are words."""
    return sum(word[0].isalnum() for word in words[match[0] : match[1]])


def _belongs(word: str, name: str) -> bool:
    if name == "<relative>":
        return word in _RELATIVES
    if name == "<number>":
        return word.isdigit() or word in _NUMBERS
    if name == "<year>":
        return _YEAR.fullmatch(word) is not None
    if name == "<month>":
        return word in _MONTHS
    return word[0].isalnum()


def _lower(text: str) -> str:
    low = text.lower().replace("’", "'")
    # A few capitals have small letters of two characters; offsets must stay.
    return (
        low
        if len(low) == len(text)
        else "".join(c.lower() if len(c.lower()) == 1 else c for c in text).replace("’", "'")
    )
