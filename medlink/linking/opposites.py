"""Names that say the opposite of a mention: "alcoholic cirrhosis" of a non-alcoholic one, "left" of the right.

To encoders of names opposites are near each other, and to a search by words they differ by one word of many. So what is
searched for is no candidate where it names the other pole of something that the mention names. The numbers of types are
left out: codes take many together, and name one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from medlink.terminology.words import stem, words_of

# Words, by what they tell: a name with one of them is not meant by a mention that has only others of the group.
_GROUPS = """
acute | chronic
benign | malignant
congenital | acquired
primary | secondary
left | right
unilateral | bilateral
upper | lower
anterior | posterior
medial | lateral
proximal | distal
internal | external
open | closed
systolic | diastolic
male | female
positive | negative
dominant | recessive
maternal | paternal
increased elevated raised high | decreased reduced diminished low
inhaler inhalers | inhalant inhalants
"""
_POLES = {
    word: (f"group {number}", pole)
    for number, line in enumerate(_GROUPS.strip().splitlines())
    for pole, words in enumerate(line.split("|"))
    for word in words.split()
}
# Beginnings of words that have the same end.
_PAIRS = "hyper/hypo macro/micro tachy/brady poly/oligo pre/post intra/extra".split()
_STARTS = [(start, pair, pole) for pair in _PAIRS for pole, start in enumerate(pair.split("/"))]
# Words of which a name has one that is meant by a mention with one: who carries a disease does not have it.
_CHANGING = (frozenset(("carrier", "carriers")), frozenset(("borderline",)))
_LEAST_REST = 4
_NON = "non"

Poles = Mapping[str, frozenset[int]]


def without_opposites(names: Mapping[int, str], mention: str) -> dict[int, str]:
    """The names, by whatever number, but for those that say the opposite of a mention."""
    # Of thousands of names few hold what may contradict.
    hint = _hint(mention)
    return {
        number: name
        for number, name in names.items()
        if not (hint.search(folded := name.casefold()) and contradicts(mention, folded))
    }


def contradicts(mention: str, name: str) -> bool:
    """Whether a name says the opposite of a mention.

    Arguments:
        mention: The mention.
        name: A name of a concept.
    """
    if own := _poles(mention):
        other = _poles(name)
        if any(key in other and values.isdisjoint(other[key]) for key, values in own.items()):
            return True
    if not _changed(mention) <= _changed(name):
        return True
    if _NON not in mention.casefold() and _NON not in name.casefold():
        return False
    denied, plain = _denied(mention)
    denied_too, plain_too = _denied(name)
    if denied & plain_too or denied_too & plain:
        return True
    return bool(denied and denied_too and not denied & denied_too)


@lru_cache(maxsize=1 << 12)
def _hint(mention: str) -> re.Pattern[str]:
    """What is found in any name, in lower case, that contradicts a mention, and in few others."""
    if _NON in mention.casefold() or _changed(mention):
        return re.compile("")
    other = [_NON]
    for key, poles in _poles(mention).items():
        other += [word for word, (group, pole) in _POLES.items() if group == key and pole not in poles]
        other += [start for start, pair, pole in _STARTS if key.split()[0] == pair and pole not in poles]
    return re.compile("|".join(other))


@lru_cache(maxsize=1 << 16)
def _poles(text: str) -> Poles:
    """What a text tells of what has opposites: by the opposition, the poles that it names."""
    found: dict[str, set[int]] = {}
    for word in words_of(text.casefold()):
        if word in _POLES:
            key, pole = _POLES[word]
            found.setdefault(key, set()).add(pole)
        for start, key, pole in _STARTS:
            rest = word.removeprefix(start)
            if rest != word and len(rest) >= _LEAST_REST:
                found.setdefault(f"{key} {stem(rest)}", set()).add(pole)
    return {key: frozenset(values) for key, values in found.items()}


@lru_cache(maxsize=1 << 16)
def _changed(text: str) -> frozenset[frozenset[str]]:
    """The kinds of words in a text without which it would name something else."""
    words = set(words_of(text.casefold()))
    return frozenset(kind for kind in _CHANGING if not kind.isdisjoint(words))


@lru_cache(maxsize=1 << 16)
def _denied(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of a text's words that "non" stands before, joined to them or not, and of the others."""
    denied, plain = set(), set()
    before = ""
    for word in words_of(text.casefold()):
        rest = word.removeprefix(_NON)
        if before == _NON:
            denied.add(stem(word))
        elif rest != word and len(rest) >= _LEAST_REST:
            denied.add(stem(rest))
        elif word != _NON:
            plain.add(stem(word))
        before = word
    return frozenset(denied), frozenset(plain - denied)
