"""Writes sentences whose nouns are marked with what they are kinds of: ``{aardvark|mammal|animal}: it digs at night``.

They teach GLiNER some 4,500 names of types, so that it goes by what a name means and not by a few names that it knows.
Sentences are the definitions and examples of WordNet 3.0 and those of the notes and abstracts that models are trained
on; kinds come from WordNet (Miller, Communications of the ACM 38, 1995). A type is asked for in a sentence where each
noun either surely is of the type or surely is not; ``{|tool}`` says that none is. What is written holds text of WordNet
and of these corpora and is not part of the repository.

Run ``apt-get download wordnet-base && dpkg -x wordnet-base_*.deb build/wordnet`` and then ``python
corpora/word_kinds/generate.py build/wordnet/usr/share/wordnet build/word_kinds.txt``. With ``--without "body part"
--without tissue`` words of these types are marked with the widest types alone, and no kind of them is asked for. With
``--unlike configs/gliner.cfg`` no type is asked for whose name shares a word with a phrase there: what the corpora call
a disease or a drug is not what WordNet does.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from pathlib import Path

from spacy.lang.en.stop_words import STOP_WORDS
from wordnet import Nouns

from medlink.evaluation.marked import read_marked
from medlink.formats.pubtator import read_pubtator
from medlink.training.settings import GlinerSettings

SEED = 20270
#: Sentences that are written of WordNet's definitions, and of other texts.
DEFINITIONS, OTHERS = 70_000, 20_000
#: Types asked for in a sentence: of those it holds, and of those it does not.
PRESENT, ABSENT = 4, 5
#: How sure it must be that a word is of a type, and that it is not.
SURE, SURELY_NOT = 0.75, 0.05
#: How many kinds a type has at least; how often it is asked for together with another, "bird or fish".
LEAST, BOTH = 12, 0.15
#: Words in a sentence at least and at most, and in a noun at most.
SHORTEST, LONGEST, WORDS_OF_NOUN = 3, 50, 4
#: The widest types: asked for where types are left out, whose words are marked with nothing else.
WIDE = frozenset({"physical entity", "object", "physical object", "thing", "matter"})
#: Kinds that say nothing.
VAGUE = frozenset(
    "entity,abstraction,whole,psychological feature,causal agent,relation,part,"
    "attribute,cognition,content,measure,causal agency,group,state,act,event,artifact,unit,change,process,action,"
    "instrumentality,property,natural object,happening,communication,agent,condition,material,activity,quality,"
    "definite quantity,fundamental quantity,indefinite quantity,phenomenon,possession,creation,information,kind,idea,"
    "message,evidence,signal,arrangement,ordering,relative,series,extremity,point,line,form".split(",")
)
# Letters in a noun at least.
_LETTERS = 3
_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n+")
_HEAD_FORMS = ("{}: {}", "{} ({})", "{}, {}", "{} - {}", "{} means {}.")


class Kinds:
    """The types, and which words are of them.

    Arguments:
        nouns: WordNet's nouns.
        without: Types to leave out, with their kinds.
        unlike: Words that no type's name shall have.
    """

    def __init__(self, nouns: Nouns, without: Sequence[str], unlike: Set[str] = frozenset()) -> None:
        self.nouns = nouns
        left_out = {one for one, synset in nouns.synsets.items() if set(without) & set(synset.words[:2])}
        self.left_out = {one for one in nouns.synsets if not left_out.isdisjoint(nouns.kinds(one))}
        vague = VAGUE if without else VAGUE | WIDE
        below = Counter(kind for one in nouns.synsets for kind in nouns.kinds(one))
        # By type, what it is called: the first two words of it.
        self._names = {
            one: [
                name
                for name in map(str.lower, nouns.synsets[one].words[:2])
                if name not in vague and unlike.isdisjoint(name.split())
            ]
            for one, count in below.items()
            if count >= LEAST and one not in self.left_out and nouns.synsets[one].words[0] not in vague
        }
        self.names = sorted({name for names in self._names.values() for name in names})

    def of(self, senses: dict[str, float]) -> dict[str, float]:
        """How surely a word with these senses is of each type, by the type's name."""
        sure: dict[str, float] = {}
        left_out = self.is_left_out(senses)
        for sense, share in senses.items():
            names = {name for kind in self.nouns.kinds(sense) for name in self._names.get(kind, ())}
            for name in sorted(names & WIDE if left_out else names):
                sure[name] = sure.get(name, 0) + share
        return sure

    def is_left_out(self, senses: dict[str, float]) -> bool:
        """Whether a word may be of a type that is left out."""
        return sum(share for sense, share in senses.items() if sense in self.left_out) >= SURELY_NOT


def find_nouns(words: list[str], kinds: Kinds) -> list[tuple[int, int, dict[str, float]]]:
    """The nouns of a sentence, the longest at each place, as first word, word after the last, and senses.

    Nouns that follow each other are one, which means what the last of them does: "paper mill".
    """
    found: list[tuple[int, int, dict[str, float]]] = []
    at = 0
    while at < len(words):
        for end in range(min(len(words), at + WORDS_OF_NOUN), at, -1):
            text = " ".join(words[at:end])
            senses = {} if len(text) < _LETTERS or text.lower() in STOP_WORDS else kinds.nouns.senses(text)
            if senses:
                if found and found[-1][1] == at and min(sum(found[-1][2].values()), sum(senses.values())) >= SURE:
                    at = found.pop()[0]
                found.append((at, end, senses))
                break
        else:
            end = at + 1
        at = end
    return found


def mark(sentence: str, head: tuple[str, str] | None, kinds: Kinds, rng: random.Random, weights: Counter[str]) -> str:
    """A sentence with marks, or nothing where it is too short or too long, has marks already, or no type is sure.

    Arguments:
        sentence: The sentence.
        head: Its first words and what they mean, if that is known.
        kinds: The types.
        rng: Source of chance.
        weights: How often each type was asked for; counted on.
    """
    tokens = list(_WORD.finditer(sentence))
    if not SHORTEST <= len(tokens) <= LONGEST or re.search(r"[{}|]", sentence):
        return ""
    skip = len(_WORD.findall(head[0])) if head else 0
    nouns = [(0, skip, {head[1]: 1.0})] if head else []
    nouns += [(a + skip, b + skip, of) for a, b, of in find_nouns([token[0] for token in tokens[skip:]], kinds)]
    sure = [kinds.of(senses) for _, _, senses in nouns]
    shares: dict[str, list[float]] = {}
    for of in sure:
        for name, share in of.items():
            shares.setdefault(name, []).append(share)
    present = [
        name
        for name, of in shares.items()
        if max(of) >= SURE and all(share >= SURE or share <= SURELY_NOT for share in of)
    ]
    if any(kinds.is_left_out(senses) for _, _, senses in nouns):
        present = [name for name in present if name in WIDE]
    if not present:
        return ""
    # Types that were asked for seldom come first, by and large.
    present.sort(key=lambda name: rng.random() ** (1 + weights[name] / 50), reverse=True)
    drawn = rng.sample(kinds.names, min(len(kinds.names), 3 * ABSENT))
    absent = [name for name in drawn if name not in shares][:ABSENT]
    asked = _in_pairs(present, absent, rng)
    weights.update(asked.keys())
    text, at = "", 0
    for (start, end, _), of in zip(nouns, sure, strict=True):
        types = [name for name, parts in asked.items() if any(of.get(part, 0) >= SURE for part in parts)]
        if types:
            first, last = tokens[start].start(), tokens[end - 1].end()
            text += f"{sentence[at:first]}{{{sentence[first:last]}|{'|'.join(types)}}}"
            at = last
    used = {part for parts in asked.values() for part in parts}
    return text + sentence[at:] + "".join(f"{{|{name}}}" for name in absent if name not in used)


def _in_pairs(present: list[str], absent: list[str], rng: random.Random) -> dict[str, tuple[str, ...]]:
    """What is asked for: the first few types that are there, and what they are made of, some with another."""
    asked: dict[str, tuple[str, ...]] = {name: (name,) for name in present[: rng.randint(1, PRESENT)]}
    for name in list(asked):
        other = rng.choice(present + absent)
        if rng.random() < BOTH and other not in asked:
            del asked[name]
            asked[f"{name} or {other}"] = (name, other)
    return asked


def definitions(nouns: Nouns, rng: random.Random) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Words with their definitions, and examples, of all fields of WordNet alike as far as they go; without end."""
    fields: dict[int, list[str]] = {}
    for one, synset in nouns.synsets.items():
        fields.setdefault(synset.field, []).append(one)
    while True:
        field = rng.choices(list(fields), [len(of) ** 0.6 for of in fields.values()])[0]
        one = rng.choice(fields[field])
        synset = nouns.synsets[one]
        word = rng.choice(synset.words[:3])
        if synset.examples and rng.random() < 0.3:
            yield rng.choice(synset.examples), None
        else:
            form = rng.choice(_HEAD_FORMS)
            yield form.format(word, synset.gloss), (word, one)


def sentences(paths: Sequence[Path], rng: random.Random) -> Iterator[str]:
    """The sentences of folders of marked notes and of PubTator files, shuffled."""
    found: set[str] = set()
    for path in paths:
        texts = (text for text, _ in read_marked(path)) if path.is_dir() else (one.text for one in read_pubtator(path))
        for text in texts:
            found.update(one.strip() for one in _SENTENCE.split(text))
    yield from rng.sample(sorted(found), len(found))


def words_of_phrases(config: Path) -> frozenset[str]:
    """The words of the phrases of a training config."""
    phrases = GlinerSettings.load(config).phrases.values()
    return frozenset(word for names in phrases for name in names for word in _WORD.findall(name)) - STOP_WORDS


def write(kinds: Kinds, texts: Sequence[Path], sizes: tuple[int, int], rng: random.Random) -> tuple[list[str], int]:
    """The marked sentences, and how many types they ask for.

    Arguments:
        kinds: The types.
        texts: Folders of marked notes, and PubTator files.
        sizes: How many sentences of WordNet's and of the texts there are, at most.
        rng: Source of chance.
    """
    weights: Counter[str] = Counter()
    written: dict[str, None] = {}
    # Of some definitions nothing is sure, and they are drawn again and again.
    drawn = islice(definitions(kinds.nouns, rng), 20 * sizes[0])
    for most, source in zip(sizes, (drawn, ((one, None) for one in sentences(texts, rng))), strict=True):
        most += len(written)
        for sentence, head in source:
            if len(written) == most:
                break
            if line := mark(sentence, head, kinds, rng, weights):
                written[line] = None
    return list(written), len(weights)


def main() -> None:
    """Write the sentences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wordnet", type=Path, help="the folder with data.noun")
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--texts", type=Path, action="append", default=[], help="a folder of marked notes, or PubTator")
    parser.add_argument("--without", action="append", default=[], help="a type to leave out with all its kinds")
    parser.add_argument("--unlike", type=Path, help="a training config, of whose phrases no type's name has a word")
    given = parser.parse_args()
    kinds = Kinds(Nouns(given.wordnet), given.without, words_of_phrases(given.unlike) if given.unlike else frozenset())
    lines, types = write(kinds, given.texts, (DEFINITIONS, OTHERS), random.Random(SEED))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    head = "# Sentences with what their nouns are kinds of; see corpora/README.md."
    given.out.write_text("\n".join([head, *lines, ""]), "utf-8")
    print(f"{len(lines)} sentences with {types} types and pairs of types in {given.out}")


if __name__ == "__main__":
    main()
