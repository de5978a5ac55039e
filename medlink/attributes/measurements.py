"""Values of measurements: number and unit, flag, reference range, results in words."""

from __future__ import annotations

import re
from functools import lru_cache

from medlink.attributes.numbers import COMPARATOR, NUMBER, quantity_pattern, to_number, to_quantity
from medlink.attributes.values import MeasurementAttributes, Quantity, Term

# Units that go without saying.
_UNDERSTOOD = (
    (r"b\.?p|blood\spressure|systolic|diastolic|map|mean\sarterial", "mm[Hg]"),
    (r"h\.?r|heart\srate|pulse(?:\srate)?|p|r\.?r|resp(?:irat)?(?:ion)?s?|respiratory\srate|r", "/min"),
    (r"o2\s?sats?|spo2|sao2|(?:oxygen\s|o2\s)?sat(?:uration)?s?|pulse\sox(?:imetry)?|lvef|ef|ejection\sfraction", "%"),
    (r"inr", "1"),
    (r"ph|arterial\sph", "[pH]"),
)
_TEMPERATURE = re.compile(r"t|temp\.?|temperature|tmax|t-?max|body\stemperature", re.IGNORECASE)
# Words that may stand between a measurement and its value.
_BETWEEN = (
    r"(?:\s|[:=,~(]|->|→|\b(?:was|is|were|are|of|at|to|be|been|being|a|an|the|in|level|levels|count|value|reading|result|"
    r"measured|found|noted|today|now|currently|initially|recently|still|only|approximately|about|around|up|down|elevated|"
    r"increased|decreased|low|high|normal|stable|dropped|rose|fell|improved|trending|peaked|remains|remained|came|back|"
    r"on|admission|discharge|arrival|presentation|showed|has|had|from|significantly|markedly|mildly|slightly|"
    r"therapeutic|supratherapeutic|subtherapeutic|estimated|"
    r"fasting|random|highest|lowest|with|this|morning|and|last|most|recent)\b){0,12}?"
)
# The words of a flag, and the letters that laboratories print.
_FLAGS = tuple(
    (name, re.compile(words, re.IGNORECASE), re.compile(letters))
    for name, words, letters in (
        ("critical", r"\bcritical(?:ly)?\b|\bpanic\b", r"\(?(?:H{2,}|L{2,})\b\)?"),
        ("high", r"\bhigh\b|\belevated\b|\bincreased\b|\babove\snormal\b|\braised\b", r"\(H\)|H\b|↑"),
        ("low", r"\blow\b|\bdecreased\b|\bbelow\snormal\b|\breduced\b|\bdepressed\b", r"\(L\)|L\b|↓"),
        ("abnormal", r"\babnormal\b|\boutside\sthe\snormal\b", r"\(A\)"),
        ("normal", r"\bnormal\b|\bWNL\b|\bwithin\snormal\slimits\b|\bunremarkable\b", r"\(N\)"),
    )
)
_JOIN = re.compile(r"^[\s,;:*(-]*(?:(?:and|which\sis|is)\s)?")
_RESULT = re.compile(
    r"\b(positive|negative|normal|abnormal|nonreactive|non-reactive|reactive|detected|not\sdetected|undetectable|pending|"
    r"unremarkable|trace|elevated|therapeutic|subtherapeutic|supratherapeutic|within\snormal\slimits)\b",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"\s*[(\[](?:(?:ref(?:erence)?|normal)(?:\srange)?:?\s*)?(?P<low>{NUMBER})\s?(?:-|–|to)\s?(?P<high>{NUMBER})[^)\]]{{0,12}}[)\]]",
    re.IGNORECASE,
)


def measurement_attributes(name: str, before: str, after: str, start: int, end: int) -> MeasurementAttributes:
    """What the words around a measurement say of it.

    Arguments:
        name: The measurement, as written.
        before: The words of its sentence before it, from the last other measurement on.
        after: The words after it, up to the next measurement.
        start: Where the measurement begins in the document.
        end: Where ``after`` begins in the document.
    """
    match = _value_pattern().match(after)
    value = second = reference = None
    rest = 0
    if match:
        number = quantity_pattern().match(after, match.end("lead"))
        if number is not None:
            rest = number.end()
            value = to_quantity(number, end)
            below = re.compile(rf"\s?/\s?({NUMBER})(?:\s?(?:mm\s?Hg)\b)?", re.IGNORECASE).match(
                after, number.end("low")
            )
            unit = _understood(name)
            if below and not number["unit"] and unit in ("mm[Hg]", ""):
                rest = below.end()
                value = Quantity(value.value, unit, value.start, end + number.end("low"))
                second = Quantity(to_number(below[1]), unit, end + below.start(1), end + below.end())
            elif not value.unit:
                # "in the 120s"
                plural = re.compile(r"'?s\b").match(after, number.end())
                rest = plural.end() if plural else rest
                if _TEMPERATURE.fullmatch(name.strip()):
                    unit = "[degF]" if value.value > 45 else "Cel"
                value = Quantity(value.value, unit, value.start, value.end, value.high, value.comparator)
            if limits := _RANGE.match(after, rest):
                reference = Quantity(
                    to_number(limits["low"]),
                    value.unit,
                    end + limits.start(),
                    end + limits.end(),
                    to_number(limits["high"]),
                )
                rest = limits.end()
    return MeasurementAttributes(
        value=value,
        second=second,
        result=None if value else _result(after, end),
        flag=_flag(before, after, rest, start, end) or _by_range(value, reference),
        reference_range=reference,
    )


@lru_cache(maxsize=1)
def _value_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?P<lead>{_BETWEEN}\s*)(?=(?:{COMPARATOR}\s*)?{NUMBER})", re.IGNORECASE)


def _understood(name: str) -> str:
    for pattern, unit in _UNDERSTOOD:
        if re.fullmatch(pattern, name.strip(), re.IGNORECASE):
            return unit
    return ""


def _result(after: str, offset: int) -> Term | None:
    match = _RESULT.search(after[:40])
    return Term(match[1].lower(), offset + match.start(), offset + match.end()) if match else None


def _flag(before: str, after: str, rest: int, start: int, end: int) -> Term | None:
    """A flag right behind the value, between name and value, or before the name."""
    place = rest + len(after[rest:]) - len(_JOIN.sub("", after[rest:], count=1))
    tail = before[-24:]
    for name, words, letters in _FLAGS:
        match = (
            words.match(after, place) or (letters.match(after, place) if rest else None) or words.search(after, 0, rest)
        )
        if match:
            return Term(name, end + match.start(), end + match.end())
        last = [
            one
            for one in words.finditer(tail)
            if not tail[one.end() :].strip() or tail[one.end() :].split() in (["serum"], ["total"])
        ]
        if last:
            at = start - len(tail)
            return Term(name, at + last[-1].start(), at + last[-1].end())
    return None


def _by_range(value: Quantity | None, reference: Quantity | None) -> Term | None:
    if value is None or reference is None or reference.high is None:
        return None
    name = "low" if value.value < reference.value else "high" if value.value > reference.high else "normal"
    return Term(name, reference.start, reference.end)
