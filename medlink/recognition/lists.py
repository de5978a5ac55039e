"""Lists that share a word, "renal, otic and branchial anomalies", and names that commas part, "anemia, aplastic".

A dictionary finds the part that stands whole, "branchial anomalies" and "anemia". Here it is widened by the parts
before or behind it that are names together with the shared words, and by what commas add; what lists mean the linker
reads (:mod:`medlink.linking.composite`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from medlink.terminology.words import STOP_WORDS

_AND = frozenset(("and", "or", "&", "and/or"))
_OF = frozenset(("of", "in"))
_ARTICLES = frozenset(("the", "a", "an"))
_MOST_ITEMS = 5
# Words of the names that a part before the shared words is looked up as the end of.
_LONGEST_NAME = 4
# Most words that a comma adds to a name, and most commas: "depression, recurrent, severe with psychotic features".
_LONGEST_ADDED = 4
_MOST_ADDED = 3
_ENDS = frozenset((",", ";", ".", "(", ")", ":"))

#: Tells whether words are a name.
IsName = Callable[[Sequence[str]], bool]


def widen(tokens: Sequence[str], start: int, end: int, is_name: IsName) -> tuple[int, int]:
    """The list that a name in a text is a part of.

    A word that is a name by itself is no part that lacks one: "stroke" in "stroke and pulmonary embolism".

    Arguments:
        tokens: The tokens of the text.
        start: First token of the name.
        end: Token after its last one.
        is_name: Tells whether words are a name.

    Returns:
        First token of the list and token after its last one; those of the name where it is in none.
    """
    if end - start < 2:
        return start, end
    first, last = start, end
    for item in _items_before(tokens, start):
        # "Bowel disease or mouth ulcers": the word ends a name of its own, it is no part of "ulcer disease".
        if any(is_name(tokens[max(0, item - before) : item + 1]) for before in range(_LONGEST_NAME)):
            break
        if is_name([tokens[item], *tokens[start + 1 : end]]):
            first = item
    of = next((i for i in range(end - 2, start, -1) if tokens[i].lower() in _OF), None)
    for item in _items_behind(tokens, end) if of is not None else ():
        if is_name([tokens[item]]):
            break
        if is_name([*tokens[start:of], tokens[item]]):
            last = item + 1
    return first, last


def with_added(tokens: Sequence[str], start: int, end: int, is_name: IsName) -> tuple[int, list[str]]:
    """The end of a name with what commas add to it, as in "Hernia, umbilical" or "MDD, recurrent, moderate".

    What is a name by itself is added to none, "anxiety, depression" are two conditions, but an adjective is:
    "gastroparesis, diabetic". The short form in brackets behind a name is passed over: "chronic kidney disease (CKD),
    stage 3".

    Arguments:
        tokens: The tokens of the text.
        start: First token of the name.
        end: Token after its last one.
        is_name: Tells whether words are a name.

    Returns:
        Token after the last one of the longest such name, ``end`` where there is none, and its words.
    """
    words, at = list(tokens[start:end]), end
    best = end, words
    if tokens[at : at + 3 : 2] == ["(", ")"]:
        at += 3
    for _ in range(_MOST_ADDED):
        if at >= len(tokens) or tokens[at] != ",":
            break
        first = at + 1
        at = next((i for i in range(first, len(tokens)) if tokens[i] in _ENDS or tokens[i].isspace()), len(tokens))
        added = tokens[first:at]
        if not 0 < len(added) <= _LONGEST_ADDED or (is_name(added) and not _is_adjective(added)):
            break
        words = [*words, *added]
        if is_name(words):
            best = at, words
    return best


def _is_adjective(words: Sequence[str]) -> bool:
    return len(words) <= 2 and words[-1].lower().endswith(("ic", "oid", "al", "ous", "ive"))


def _items_before(tokens: Sequence[str], start: int) -> Iterator[int]:
    """The words that a list with "and" joins to its last part, from right to left."""
    at = start - 1
    if at < 0 or tokens[at].lower() not in _AND:
        return
    at -= 1
    at -= at >= 0 and tokens[at] == ","
    for _ in range(_MOST_ITEMS - 1):
        if at < 0 or not tokens[at].isalpha() or tokens[at].lower() in STOP_WORDS:
            return
        yield at
        if at == 0 or tokens[at - 1] != ",":
            return
        at -= 2


def _items_behind(tokens: Sequence[str], end: int) -> Iterator[int]:
    """The words that a list joins to its first part and that end a phrase, from left to right."""
    at = end
    for _ in range(_MOST_ITEMS - 1):
        comma = at < len(tokens) and tokens[at] == ","
        at += comma
        joined = at < len(tokens) and tokens[at].lower() in _AND
        at += joined
        at += at < len(tokens) and tokens[at].lower() in _ARTICLES
        if not (joined or comma) or at >= len(tokens) or not tokens[at].isalpha():
            return
        after = tokens[at + 1] if at + 1 < len(tokens) else "."
        if after.isalnum() and after.lower() not in STOP_WORDS | _AND:
            return
        yield at
        if joined:
            return
        at += 1
