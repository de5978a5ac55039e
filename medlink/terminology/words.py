"""Words of names and of text in one form: spelling, inflection and derivation taken away.

The same function is applied to the names of a terminology and to the text searched, so a form need not be
a word; it only has to be the same for words that mean the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from itertools import takewhile

import snowballstemmer

#: Words that a name may have or lack without changing its meaning. Never a negation. "Morphology" is
#: HPO's: "Abnormal clavicle morphology" is what a text calls an abnormal clavicle.
STOP_WORDS = frozenset("a an the of in on at to for by my your his her our their morphology".split())

#: What joins the parts of a compound.
HYPHENS = "-\u2010\u2011"

# A "#" is a fracture, but not before a number.
_WORD = re.compile(r"[^\W_]+(?:(?<=\d)[.,](?=\d)[^\W_]+)*|#s?(?![^\W_]|\s*\d)|#(?=[^\W\d_])")
_SPELLING = re.compile(r"[a-z]{5,}")
_HYPHEN = re.compile(f"[{HYPHENS}]")
# What an abbreviation with a number is a kind of.
_KIND = re.compile(r"[A-Z]{2,}(?=\d)")
_NOT_SPACE = re.compile(r"\S+")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_QUOTES = re.compile("[\u2018\u2019\u201b\u00b4`]")
# British spelling to American. Applied to both sides, so an overreach is harmless unless two words fall together.
_BRITISH = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\w)ae$", "a"),  # Latin plural: vertebrae
        (r"ae(?!r)", "e"),  # haemorrhage, anaemia; not aerobic
        (r"oe(?=\w)", "e"),  # oedema, diarrhoea, foetus
        (r"(?<=\w{3})our(?=$|s$|ed$|al$|ing$|less$)", "or"),  # tumour, behavioural
        (r"(?<=\w{3})is(?=e$|ed$|es$|ing$|ation$|ations$)", "iz"),  # hospitalised
        (r"ys(?=ed$|ing$)", "yz"),  # paralysed
        (r"sulph", "sulf"),
        (r"leuco(?!v)", "leuko"),
        (r"(?<=\w{2})tre$", "ter"),  # litre, centre
        (r"^fibre", "fiber"),
        (r"^grey", "gray"),
    )
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_PLACES = "distal proximal upper lower left right mid middle medial lateral anterior posterior superior inferior both"
_IRREGULAR = {"teeth": "tooth", "feet": "foot", "children": "child", "women": "woman", "men": "man", "bled": "bleed"}
# After the Snowball stemmer: what medical Latin and Greek still keep apart.
_ENDINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\w{2})(?:osis|osi|oses|otic|ot)$", "os"),  # stenosis, stenoses, stenotic
        (r"(?<=\w{3})plast$", "plas"),  # dysplastic, dysplasia
        (r"(?<=\w{3})trophi?c?$", "troph"),  # atrophy, atrophic
        (r"(?<=\w{3})leps?i$", "lept"),  # epilepsy, epileptic
        (r"(?<=\w{2})(?:lysi|lyt|lyz)$", "lys"),  # hemolysis, hemolytic; paralyzed
        (r"(?<=\w{3})mat$", "m"),  # edematous, edema
        (r"(?<=\w{3})arian$", "ar"),  # ovarian
        (r"(?<=\w{3})(?:ia|ic|iac|i|a|ium|um|us|e)$", ""),  # ataxia, ataxic; bronchus, bronchi
    )
)
# Endings, behind what two words begin with alike, that leave the meaning as it is, "-" for none; a line goes together.
_SAME_MEANING = tuple(
    frozenset(line.replace("-", "").split(" "))
    for line in (
        "- s es d ed ing ion ions ive",
        "e es ed ing ion ive ity",
        "- ness ity",
        "y iness",
        "ia ic y ies",
        "a c s",
        "c as es sm",
        "sis tic ses is es ed zed zes",
        "- s tic tous",
        "- s e ous",
        "e a ic",
        "tic sy",
        "- s al ful",
        "us i ic al",
        "um a",
        "on ons ve ng us",
        "t ce ces cy cies",
    )
)
# Parts of the names of bacteria that are no plural of a disease: "Klebsiella pneumoniae" is found without a pneumonia.
_EPITHETS = frozenset({"influenzae", "pneumoniae"})
# Words of one stem of which no ending tells that they mean different things.
_UNLIKE = frozenset({frozenset({"tear", "tearful"})})
# What one feels or does, and what else a stemmer takes it for: a burn, a tear, a bite.
_DOINGS = frozenset("biting burning cutting falling stinging tearing".split())
_INFLAMMATION = re.compile(r"(\w{2,})it(?:is|ides|ic)")
_stemmer = snowballstemmer.stemmer("english")


def verbatim_key(text: str) -> str:
    """A name as it stands, but for case, Unicode variants, dashes, quotes and white space."""
    text = _QUOTES.sub("'", _DASHES.sub("-", unicodedata.normalize("NFKC", text)))
    return " ".join(text.casefold().split())


def spelled(text: str) -> str:
    """A name but for case, number, spelling, stop words, hyphens and the spaces between words.

    "Pre-auricular pits" is the name "Preauricular pit"; words in another order or derivation make another name.
    """
    return "".join(spellings_of(text))


def spellings_of(text: str) -> list[str]:
    """The words of a name but for case, number and spelling, stop words left out."""
    return [spelling(word) for word in words_of(text) if word.casefold() not in STOP_WORDS]


def words_of(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, decimal numbers whole, and the sign for a fracture ("# ankle").

    A text without any letter or digit ("++") is its signs instead, so that no name is empty.
    """
    return _WORD.findall(text) or _NOT_SPACE.findall(text)


@lru_cache(maxsize=1 << 18)
def stem(word: str) -> str:
    """The form that a word shares with its inflections, derivations and other spellings.

    Arguments:
        word: One word, in any case.

    Returns:
        Its form; words of up to three letters and words with digits are only lower-cased.
    """
    own = _derivation(word)
    return _equivalents().get(own, own)


@lru_cache(maxsize=1 << 16)
def spelling(word: str) -> str:
    """The form that a word shares with its plural and with other spellings, but not with its derivations.

    Arguments:
        word: One word, in any case.
    """
    word = _plain(word)
    if len(word) > 3 and word.isalpha() and word not in _EPITHETS:
        word = _american(word)
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word.removesuffix("s")
            word = word[:-2] + "y" if word.endswith("ie") else word
    return word


@lru_cache(maxsize=1)
def _equivalents() -> dict[str, str]:
    """From the stem of a word to the stem that stands for it, of body parts and of other things."""
    lines = [*_lines_of_words("equivalents.txt"), *_lines_of_words("body-parts.txt")]
    return {_derivation(word): _derivation(line[0]) for line in lines for word in line}


@lru_cache(maxsize=1)
def _body_parts() -> frozenset[str]:
    """The stems that stand for body parts."""
    return frozenset(_derivation(line[0]) for line in _lines_of_words("body-parts.txt"))


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    """The stems of words that tell which part of a body part."""
    return frozenset(map(_derivation, _PLACES.split()))


def _lines_of_words(name: str) -> list[list[str]]:
    text = files("medlink.terminology").joinpath(f"data/{name}").read_text("utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def _plain(word: str) -> str:
    word = unicodedata.normalize("NFKC", word).casefold()
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _american(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    for pattern, replacement in _BRITISH:
        word = pattern.sub(replacement, word)
    return word


def _derivation(word: str) -> str:
    word = _plain(word)
    if len(word) <= 3 or not word.isalpha():
        return _ROMAN.get(word, word)
    word = _american(word)
    # The stemmer would make hepatitis and hepatic, meningitis and meningeal one.
    if inflammation := _INFLAMMATION.fullmatch(word):
        return f"{inflammation[1]}itis"
    stemmed = str(_stemmer.stemWord(word))
    for pattern, replacement in _ENDINGS:
        shorter, changed = pattern.subn(replacement, stemmed)
        if changed:
            # The last rule would leave a torso of a short word.
            return shorter if len(shorter) >= 4 else stemmed
    return stemmed


def stems_of(text: str) -> list[str]:
    """The stems of a name, stop words left out unless there is nothing else."""
    words = words_of(text)
    stems = [stem(word) for word in words if word.casefold() not in STOP_WORDS]
    return stems or [stem(word) for word in words]


def runs_of_letters(text: str) -> list[str]:
    """The words of a text by which typing errors are told: runs of five or more letters from a to z, in small ones."""
    return _SPELLING.findall(text.lower())


@lru_cache(maxsize=1 << 18)
def hash64(text: str) -> int:
    """A 64-bit number for a text, the same on every machine."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def is_abbreviation(name: str) -> bool:
    """Whether a name is short and has capitals as no word has them: "MI", "IgA", "T2DM"."""
    return len(name) <= 6 and " " not in name and sum(c.isupper() for c in name) >= 2


def misreads_abbreviation(text: str, name: str) -> bool:
    """Whether a text has the stems of a name that is an abbreviation, but not its letters, or the other way round.

    To a stemmer "APDS" is the plural of "APD", and "MIS-A" a "MIS": each is something else.
    """
    # Two or three capitals hardly are a word: LUE is an arm and not lues.
    few = 2 <= len(text) <= 3 and text.isalpha() and text.isupper()
    if not (few or is_abbreviation(name)) or sorted(stems_of(text)) != sorted(stems_of(name)):
        return False
    return text.casefold() != name.casefold() if few else not same_letters(text, name)


def same_letters(text: str, name: str) -> bool:
    """Whether a text is a name, or the plural of one, but for case and what is neither letter nor digit."""
    own, other = ("".join(filter(str.isalnum, one)).casefold() for one in (text, name))
    return own in (other, f"{other}s")


def is_kin(text: str, name: str) -> bool:
    """Whether an abbreviation is a name, or a kind of it or beside it: IF-GLD is a GLD and CMT4X is near CMT2A, but
    HNPCC only looks like HNSCC.
    """
    kind = _KIND.match(text)
    parts = [text, *_HYPHEN.split(text)]
    return any(same_letters(part, name) for part in parts) or (kind is not None and name.startswith(kind[0]))


def is_body_part(text: str) -> bool:
    """Whether all words of a text are body parts: "renal pelvis", "femoral neck"."""
    return _body_parts().issuperset(stems_of(text))


def is_place_of_body(text: str) -> bool:
    """Whether a text names a body part, or a place of one, and nothing else: "distal radius", "left lower leg"."""
    return not set(stems_of(text)).isdisjoint(_body_parts()) and (_body_parts() | _places()).issuperset(stems_of(text))


def names_other_part(text: str, name: str) -> bool:
    """Whether a text and a name with the same words are each a body part and another: no "renal pelvis" is a "pelvic
    kidney".
    """
    return stems_of(text)[-1] != stems_of(name)[-1] and is_body_part(text)


def tells_of_other(text: str, name: str) -> bool:
    """Whether one of text and name tells of a feeling or doing, the other of an injury: "burning feet" are no burn."""
    differing = _doings(text) ^ _doings(name)
    if not differing:
        return False
    shared = set(map(stem, words_of(text))) & set(map(stem, words_of(name)))
    return any(stem(word) in shared for word in differing)


def _doings(text: str) -> frozenset[str]:
    # Every candidate of a search is looked at, and few have such an ending.
    return _DOINGS.intersection(map(str.casefold, words_of(text))) if "ing" in text.lower() else frozenset()


def means_other(text: str, name: str) -> bool:
    """Whether a name with the stems of a text means something else all the same."""
    return misreads_abbreviation(text, name) or names_other_part(text, name) or tells_of_other(text, name)


def is_another_word(text: str, name: str) -> bool:
    """Whether a text and a name are each one word, of one stem and yet of different meaning: alcohol is no alcoholism,
    a spot no spotting, "prev" no previa and "closed" no clot, though a stemmer takes each pair for one.
    """
    first, second = ([word for word in words_of(one) if word.casefold() not in STOP_WORDS] for one in (text, name))
    if len(first) != 1 or len(second) != 1:
        return False
    (word,), (called,) = first, second
    # Almost all differ here, and both forms are remembered.
    if stem(word) != stem(called) or spelling(word) == spelling(called):
        return False
    own, other = _american(_plain(word)), _american(_plain(called))
    if _derivation(own) != _derivation(other):
        return False  # "tumor" and "neoplasm" have one stem by the list of words that mean the same
    if {spelling(word), spelling(called)} in _UNLIKE:
        return True
    begin = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(own, other, strict=False)))
    return not any({own[begin:], other[begin:]} <= endings for endings in _SAME_MEANING)


def bag_hash(stems: list[str]) -> int:
    """A 64-bit number for words in any order: the sum of theirs."""
    return sum(map(hash64, stems)) & 0xFFFFFFFFFFFFFFFF
