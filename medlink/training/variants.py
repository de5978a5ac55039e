"""Other ways to write a name: what notes do to the names of a terminology."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

#: Words that notes abbreviate, with what they write.
SHORT_FORMS = {
    "acute": ("ac",),
    "arthritis": ("arth",),
    "bacterial": ("bact",),
    "bilateral": ("b/l", "bilat"),
    "carcinoma": ("ca",),
    "cancer": ("ca",),
    "chronic": ("chr", "chron"),
    "congenital": ("cong",),
    "deficiency": ("def",),
    "degenerative": ("degen",),
    "diabetes mellitus": ("dm",),
    "diabetes": ("dm",),
    "disease": ("dz", "dis"),
    "disorder": ("d/o", "dis"),
    "due to": ("2/2", "d/t"),
    "fracture": ("fx", "frac"),
    "gastrointestinal": ("gi",),
    "hemorrhage": ("hem", "bleed"),
    "hereditary": ("hered",),
    "history": ("hx",),
    "hypertension": ("htn",),
    "idiopathic": ("idio",),
    "infection": ("inf", "infxn"),
    "insufficiency": ("insuff",),
    "left": ("l", "lt"),
    "lymphoma": ("lymph",),
    "metastatic": ("met", "mets"),
    "neoplasm": ("neo", "tumor"),
    "obstructive": ("obstr",),
    "pulmonary": ("pulm",),
    "respiratory": ("resp",),
    "right": ("r", "rt"),
    "secondary to": ("2/2", "sec to"),
    "severe": ("sev",),
    "syndrome": ("synd", "sx"),
    "symptoms": ("sx",),
    "with": ("w/", "w"),
    "without": ("w/o",),
}
_ROMAN = {"1": "i", "2": "ii", "3": "iii", "4": "iv"}
_BRITISH = (
    ("hemo", "haemo"),
    ("emia", "aemia"),
    ("edema", "oedema"),
    ("esoph", "oesoph"),
    ("leuk", "leuc"),
    ("pedi", "paedi"),
    ("gyne", "gynae"),
    ("tumor", "tumour"),
    ("orrhea", "orrhoea"),
    ("estr", "oestr"),
    ("fetal", "foetal"),
    ("anes", "anaes"),
    ("ization", "isation"),
    ("fiber", "fibre"),
)
_COMMA = re.compile(r"^([^,]+), ([^,]+)$")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vary(name: str, rng: Random) -> str:
    """Write a name in another way: order, number, spelling, a short form or a typing error.

    Arguments:
        name: The name.
        rng: Source of chance.

    Returns:
        The variant; the name itself where the way that was drawn does not apply to it.
    """
    return rng.choice(_WAYS)(name, rng)


def _order(name: str, rng: Random) -> str:
    if inverted := _COMMA.match(name):
        return f"{inverted[2]} {inverted[1]}"
    words = name.replace(",", "").split()
    if len(words) == 2:
        return f"{words[1]}, {words[0]}"
    if len(words) > 2:
        cut = rng.randrange(1, len(words))
        return " ".join(words[cut:] + words[:cut])
    return name


def _number(name: str, rng: Random) -> str:
    if len(name) < 5 or not name[-1].isalpha():
        return name
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith("s"):
        return name if name.endswith(("ss", "us", "is")) else name[:-1]
    return name[:-1] + "ies" if name.endswith("y") else name + "s"


def _spelling(name: str, rng: Random) -> str:
    lower = name.lower()
    for one, other in _BRITISH:
        if other in lower:
            return lower.replace(other, one)
        if one in lower:
            return lower.replace(one, other)
    return name


def _short_form(name: str, rng: Random) -> str:
    lower = name.lower()
    there = [word for word in SHORT_FORMS if re.search(rf"\b{word}\b", lower)]
    if not there:
        return re.sub(r"\b[1-4]\b", lambda digit: _ROMAN[digit[0]], lower)
    word = rng.choice(there)
    return re.sub(rf"\b{word}\b", rng.choice(SHORT_FORMS[word]), lower)


def _typing_error(name: str, rng: Random) -> str:
    places = [match.span() for match in re.finditer(r"[A-Za-z]{5,}", name)]
    if not places:
        return name
    start, end = rng.choice(places)
    i = rng.randrange(start + 1, end - 1)
    way = rng.randrange(4)
    if way == 0:
        return name[:i] + name[i + 1 :]
    if way == 1:
        return name[:i] + name[i + 1] + name[i] + name[i + 2 :]
    if way == 2:
        return name[:i] + name[i] + name[i:]
    return name[:i] + rng.choice(_LETTERS) + name[i + 1 :]


def _dashes(name: str, rng: Random) -> str:
    return name.replace("-", " ") if "-" in name else name.replace(" ", "-", 1)


_WAYS: tuple[Callable[[str, Random], str], ...] = (
    _order,
    _number,
    _spelling,
    _short_form,
    _typing_error,
    _typing_error,
    _dashes,
)
