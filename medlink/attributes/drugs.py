"""Dose, route, frequency, duration and status of drugs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from medlink.attributes.numbers import NUMBER, quantity_pattern, to_number, to_quantity
from medlink.attributes.values import DrugAttributes, Frequency, Quantity, Term

_TIMES = {"min": "min", "h": "h", "d": "d", "w": "wk", "mo": "mo"}
_DURATION_UNITS = {"d": "d", "n": "d", "w": "wk", "m": "mo", "y": "a", "h": "h"}
_COUNTS = (
    "{tbl}",
    "{cap}",
    "{puff}",
    "{spray}",
    "[drp]",
    "{patch}",
    "{suppository}",
    "{application}",
    "{vial}",
    "{ampule}",
    "{packet}",
    "{neb}",
    "{lozenge}",
    "[tsp_us]",
    "[tbs_us]",
)
_AMOUNTS = ("g", "mg", "ug", "ng", "[iU]", "U", "meq", "mmol", "mL", "L", "m[iU]", "10*6", "Gy", "cGy")
_BELOW = ("kg", "min", "h", "d", "m2", "{dose}")
_N = rf"(?P<n>{NUMBER})"
_UNIT_OF_TIME = r"(?P<u>min(?:ute)?s?|h(?:ou)?rs?|h|days?|d|w(?:ee)?ks?|w|mo(?:nth)?s?)\b\.?"
_DAYS = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?"
_EVERY = r"(?:every|each|q\.?)"
# In order: of two that begin at one place the first wins.
_FREQUENCIES: tuple[tuple[str, tuple[int, float, str] | None], ...] = (
    (rf"{_EVERY}\s?other\s(?:day|night|morning)|\bq\.?o\.?d\b\.?", (1, 2, "d")),
    (rf"{_EVERY}\s?other\sweek|\bbiweekly\b", (1, 2, "wk")),
    (rf"{_EVERY}\s?{_N}\s?(?:-|–|to)\s?(?P<m>{NUMBER})\s?{_UNIT_OF_TIME}", None),
    (rf"{_EVERY}\s?{_N}\s?{_UNIT_OF_TIME}", None),
    (r"\bq(?P<hours>4|6|8|12|24)\b(?!\s?(?:w|d|m|h))", None),
    (
        (
            rf"(?:{_N}|(?P<w>once|twice|thrice))\s?(?:x|times)?\s?(?:/|per|an?|each|every)?\s?(?P<u>d(?:ai)?ly|day|"
            rf"week(?:ly)?|wk|month(?:ly)?)\b"
        ),
        None,
    ),
    (
        (
            rf"\b(?:on\s)?(?P<days>{_DAYS}(?:(?:,\s?|\s?/\s?|\sand\s|,\sand\s|\s){_DAYS})*)\b|\b(?P<mwf>mwf|tts|"
            rf"tths)\b"
        ),
        None,
    ),
    (r"\bq\.?i\.?d\b\.?", (4, 1, "d")),
    (r"\bt\.?i\.?d\b\.?", (3, 1, "d")),
    (r"\bb\.?i\.?d\b\.?", (2, 1, "d")),
    (
        r"\bq\.?\s?h\.?s\b\.?|\bh\.s\.|\bqhs\b|\bat\s(?:bed\s?time|night)|\bnightly\b|\bevery\snight\b|"
        r"\bqpm\b|\bq\.?p\.?m\b\.?|\b(?:every|each|in\sthe)\sevening\b|\bbefore\sbed\b",
        (1, 1, "d"),
    ),
    (
        r"\bq\.?\s?a\.?m\b\.?|\b(?:every|each|in\sthe)\smorning\b|\b(?:before|with|after)\s(?:breakfast|lunch|"
        r"dinner|supper)\b|\bat\snoon\b",
        (1, 1, "d"),
    ),
    (r"\b(?:once\s)?daily\b|\bq\.?\s?d\b\.?|\bq\.?\s?day\b|\b(?:every|per|each)\sday\b", (1, 1, "d")),
    (r"\b(?:once\s)?weekly\b|\bq\.?\s?w(?:ee)?k\b|\b(?:every|per|each)\sweek\b", (1, 1, "wk")),
    (r"\b(?:once\s)?monthly\b|\bq\.?\s?month\b|\b(?:every|per|each)\smonth\b", (1, 1, "mo")),
    (r"\bhourly\b", (1, 1, "h")),
    (
        r"\bx\s?1\b(?!\d)|\bonce\b(?!\s(?:the|she|he|they|it|her|his|patient|there|a|an|you|your)\b)|"
        r"\bone\stime\b|\bsingle\sdose\b|\bstat\b|\bone\sdose\b",
        (1, 0, "d"),
    ),
)
_AS_NEEDED = re.compile(r"\bas\s(?:needed|necessary)\b|\bp\.?r\.?n\b\.?", re.IGNORECASE)
_DURATION = re.compile(
    rf"(?:\bx\s?|\bfor\s(?:a\stotal\sof\s|the\snext\s|another\s|about\s|up\sto\s)?(?:an?\sadditional\s)?){_N}\s?-?"
    r"(?P<u>days?|d|nights?|w(?:ee)?ks?|mo(?:nth)?s?|hours?|years?)\b"
    rf"|(?<![\w.]){_N.replace('<n>', '<n2>')}[\s-](?P<u2>day|week|month)\s(?:course|supply|taper)",
    re.IGNORECASE,
)
_ROUTES = (
    ("vaginal", r"\b(?:intra)?vaginal(?:ly)?\b|\bper\svagina\b"),
    ("otic", r"\botic\b|\b(?:left|right|each|both|affected)\sears?\b|\bear\sdrops\b|\b(?-i:A[DSU])\b"),
    (
        "ophthalmic",
        r"\bophthalmic\b|\b(?:left|right|each|both|affected)\seyes?\b|\beye\sdrops\b|\b(?-i:O\.?[UDS])\b\.?",
    ),
    ("nasal", r"\b(?:intra)?nasal(?:ly)?\b|\bnostrils?\b"),
    ("nasogastric", r"\bN\.?G\.?\s?tube\b|\bNGT\b|\bnasogastric\b"),
    ("gastrostomy", r"\b(?:PEG|G)[\s-]?tube\b|\bper\sPEG\b|\bgastrostomy\b"),
    ("intravenous", r"\bi\.?v\b\.?(?:\s?(?:push|bolus|piggyback|drip))?|\bivp(?:b)?\b|\bintravenous(?:ly)?\b"),
    ("intramuscular", r"\bi\.?m\b\.?|\bintramuscular(?:ly)?\b"),
    ("subcutaneous", r"\bs\.?[qc]\b\.?|\bsubq\b|\bsub-?\s?cut(?:aneous(?:ly)?)?\b|\bsub\sq\b"),
    ("sublingual", r"\bs\.?l\b\.?|\bsublingual(?:ly)?\b|\bunder\sthe\stongue\b"),
    ("buccal", r"\bbuccal(?:ly)?\b"),
    ("rectal", r"\bp\.?r\b\.?(?!\.?n)|\bper\srectum\b|\brectal(?:ly)?\b|\bsuppositor(?:y|ies)\b"),
    ("epidural", r"\bepidural(?:ly)?\b"),
    ("intrathecal", r"\bintrathecal(?:ly)?\b"),
    ("intra-articular", r"\bintra-?articular(?:ly)?\b"),
    ("intradermal", r"\bintradermal(?:ly)?\b"),
    ("transdermal", r"\btransdermal(?:ly)?\b"),
    ("inhalation", r"\binhal(?:ed|ation|er)\b|\binh\b|\bneb(?:s|uliz(?:er|ed))?\b|\bMDI\b|\bpuffs?\b"),
    ("topical", r"\btopical(?:ly)?\b|\bapply\b|\bapplied\b|\bcream\b|\bointment\b"),
    ("oral", r"\bp\.?o\b\.?|\bby\smouth\b|\boral(?:ly)?\b|\bswish\sand\sswallow\b|\bper\sos\b"),
    ("transdermal", r"\bpatch(?:es)?\b"),
)
_STATUSES = (
    (
        "stopped",
        r"\b(?:stop(?:ped|s|ping)?|discontinu(?:ed?|es|ing)|d/c(?:'?e?d)?|dc'?d|ceased?|quit|"
        r"no\slonger\s(?:taking|on)|(?:taken|weaned|come|came|been|now)\soff|finished|completed)\b|(?:^|"
        r"[.;,]\s?)off\b",
    ),
    ("held", r"\b(?:hold(?:ing)?|held|on\shold|withheld)\b"),
    (
        "changed",
        r"\b(?:increas(?:ed?|es|ing)|decreas(?:ed?|es|ing)|reduc(?:ed?|ing)|titrat(?:ed?|ing)|"
        r"up-?titrat(?:ed?|ing)|adjust(?:ed|ing)?|chang(?:ed?|ing)|taper(?:ed|ing)?|doubled?|lower(?:ed|"
        r"ing))\b",
    ),
    (
        "started",
        r"\b(?:(?:re)?start(?:ed|s|ing)?|beg[iau]n|initiat(?:ed?|ing)|resum(?:ed?|ing)|add(?:ed|ing)?|"
        r"placed\son|put\son|switched\sto|prescrib(?:ed?|ing)|commenced)\b",
    ),
    ("continued", r"\b(?:continu(?:ed?|es|ing)|remain(?:s|ed)?\son|maintain(?:ed)?\son|stays?\son|keep)\b"),
)
# What ends the reach of a drug: another clause.
_BARRIER = re.compile(
    r";|\b(?:and|with|but|then)\s(?:[a-z]+ed|lost|had|has|was|were|is|she|he|they|the)\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"[;.]\s|\bbut\b|\bbecause\b|\balthough\b|\bwhile\b|\buntil\b", re.IGNORECASE)


def drug_attributes(before: str, after: str, start: int, end: int, *, follows: bool) -> DrugAttributes:
    """What the words around a drug say of it.

    Arguments:
        before: The words of its sentence before it, from the last other drug on.
        after: The words after it, up to the next drug.
        start: Where the drug begins in the document.
        end: Where ``after`` begins in the document.
        follows: Whether ``before`` begins right behind another drug, whose dose may stand there.
    """
    dose, strength = _dose(before, after, start - len(before), end, follows)
    return DrugAttributes(
        dose=dose,
        strength=strength,
        route=_route(after, end) or _route(before[-24:], start - len(before[-24:])),
        frequency=_frequency(after, end),
        duration=_duration(after, end),
        status=_status(before, after, start - len(before), end),
    )


def _dose(
    before: str, after: str, before_at: int, after_at: int, follows: bool
) -> tuple[Quantity | None, Quantity | None]:
    """The dose and, where there are both, the strength of a tablet or solution."""
    taken = [match.span() for match in _busy(after)]
    amounts: list[Quantity] = []
    counts: list[Quantity] = []
    barrier = _BARRIER.search(after)
    for match in quantity_pattern().finditer(after, 0, barrier.start() if barrier else len(after)):
        if not match["unit"] or any(match.start() < stop and match.end() > begin for begin, stop in taken):
            continue
        quantity = to_quantity(match, after_at)
        if quantity.unit == "U":  # Of a drug, "24U" are international units.
            quantity = replace(quantity, unit="[iU]")
        if quantity.unit in _COUNTS:
            counts.append(quantity)
        elif _is_amount(quantity.unit):
            amounts.append(quantity)
        elif quantity.unit.split("/")[0] in _AMOUNTS and "/" in quantity.unit:
            amounts.insert(0, quantity)  # a concentration: the strength
    if not amounts and not counts:
        ahead = _quantity_ahead().search(before)
        if ahead and ahead["unit"] and not (follows and not before[: ahead.start()].strip()):
            quantity = to_quantity(ahead, before_at)
            if quantity.unit in _COUNTS or _is_amount(quantity.unit):
                return quantity, None
        return None, None
    if counts:
        return counts[0], amounts[0] if amounts else None
    if _is_amount(amounts[0].unit):
        return amounts[0], None
    return next((one for one in amounts if _is_amount(one.unit)), None), amounts[0]


@lru_cache(maxsize=1)
def _quantity_ahead() -> re.Pattern[str]:
    """A quantity right before a drug: "81 mg aspirin", "4 mg of ondansetron"."""
    return re.compile(rf"(?:{quantity_pattern().pattern})\s*(?:of\s+|oral\s+|iv\s+)?$", re.IGNORECASE)


def _is_amount(unit: str) -> bool:
    above, *below = unit.split("/")
    return above in _AMOUNTS and all(part in _BELOW for part in below)


def _busy(text: str) -> Iterator[re.Match[str]]:
    """Where numbers belong to a frequency or duration."""
    yield from _DURATION.finditer(text)
    for pattern, _ in _frequency_patterns():
        yield from pattern.finditer(text)


@lru_cache(maxsize=1)
def _frequency_patterns() -> list[tuple[re.Pattern[str], tuple[int, float, str] | None]]:
    return [(re.compile(rf"(?<![\w.])(?:{pattern})", re.IGNORECASE), value) for pattern, value in _FREQUENCIES]


def _frequency(text: str, offset: int) -> Frequency | None:
    needed = _AS_NEEDED.search(text)
    best: tuple[tuple[bool, int, int], re.Match[str], tuple[int, float, str] | None] | None = None
    for rank, (pattern, value) in enumerate(_frequency_patterns()):
        match = pattern.search(text)
        if match:
            # "IV once, then every 8 hours": what repeats says more than "once".
            key = (value is not None and value[1] == 0, match.start(), rank)
            if best is None or key < best[0]:
                best = (key, match, value)
    if best is None:
        if needed is None:
            return None
        return Frequency(0, 0, "d", offset + needed.start(), offset + needed.end(), None, True)
    _, match, value = best
    longest = None
    if value is None:
        groups = match.groupdict()
        if groups.get("days") or groups.get("mwf"):
            days = len(re.findall(_DAYS, groups.get("days") or "", re.IGNORECASE)) or 3
            value = (days, 1, "wk")
        elif groups.get("hours"):
            value = (1, float(groups["hours"]), "h")
        elif groups.get("m") or match[0].lower().startswith(("every", "each", "q")):
            value = (1, to_number(match["n"]), _time(match["u"]))
            longest = to_number(groups["m"]) if groups.get("m") else None
        else:
            times = {"once": 1, "twice": 2, "thrice": 3}.get((groups.get("w") or "").lower())
            value = (times or max(1, int(to_number(match["n"]))), 1, _time(match["u"]))
    return Frequency(
        value[0], value[1], value[2], offset + match.start(), offset + match.end(), longest, needed is not None
    )


def _time(word: str) -> str:
    word = word.lower()
    return next(code for start, code in _TIMES.items() if word.startswith(start))


def _duration(text: str, offset: int) -> Quantity | None:
    match = _DURATION.search(text)
    if not match:
        return None
    code = _DURATION_UNITS[(match["u"] or match["u2"])[0].lower()]
    return Quantity(to_number(match["n"] or match["n2"]), code, offset + match.start(), offset + match.end())


@lru_cache(maxsize=1)
def _route_patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _ROUTES]


def _route(text: str, offset: int) -> Term | None:
    found = []
    for rank, (name, pattern) in enumerate(_route_patterns()):
        if match := pattern.search(text):
            # "cream", "puffs" and "patch" say the route only where nothing else does.
            vague = match[0].lower() in (
                "cream",
                "ointment",
                "apply",
                "applied",
                "patch",
                "patches",
                "puff",
                "puffs",
                "inhaler",
            )
            found.append((vague, rank, name, match))
    if not found:
        return None
    _, _, name, match = min(found, key=lambda one: (one[0], one[1]))
    return Term(name, offset + match.start(), offset + match.end())


@lru_cache(maxsize=1)
def _status_patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _STATUSES]


def _status(before: str, after: str, before_at: int, after_at: int) -> Term | None:
    """The status by the nearest verb: before the drug in its clause, or in the first words after it."""
    breaks = list(_CLAUSE.finditer(before))
    skip = breaks[-1].end() if breaks else 0
    found: list[tuple[int, Term]] = []
    stop = _CLAUSE.search(after)
    near = after[: stop.start() if stop else None][:60]
    for name, pattern in _status_patterns():
        for match in pattern.finditer(before, skip):
            found.append((len(before) - match.end(), Term(name, before_at + match.start(), before_at + match.end())))
        if match_after := pattern.search(near):
            words = near[: match_after.start()].split()
            if len(words) <= 8:
                term = Term(name, after_at + match_after.start(), after_at + match_after.end())
                said = not words or words[-1].lower() in _AUXILIARIES
                found.append((match_after.start() + (0 if said else 20), term))
    return min(found, key=lambda one: one[0])[1] if found else None


_AUXILIARIES = frozenset("was is were been be being to will".split())
