"""Assertions and attributes in a few words, as tables and marked texts show them."""

from __future__ import annotations

from medlink.assertion.values import DEFAULTS, Assertion
from medlink.attributes.values import Attributes, DateValue, Frequency, Quantity, Term

# UCUM codes as people write them.
_UNITS = {
    "ug": "mcg",
    "[iU]": "units",
    "mm[Hg]": "mmHg",
    "[degF]": "°F",
    "Cel": "°C",
    "meq": "mEq",
    "a": "years",
    "mo": "months",
    "wk": "weeks",
    "d": "days",
    "h": "hours",
    "1": "",
}
_SKIPPED = ("reference_range",)


def assertion_words(assertion: Assertion) -> str:
    """What is said of a mention where it is not simply present, current and the patient's: "absent, historical"."""
    values = (assertion.status, assertion.temporality, assertion.experiencer)
    return ", ".join(value for value, default in zip(values, DEFAULTS, strict=True) if value != default)


def attribute_words(attributes: Attributes | None) -> str:
    """The attributes of a mention: "40 mg, oral, 2 per d"."""
    if attributes is None:
        return ""
    values = [getattr(attributes, name) for name in attributes.__slots__ if name not in _SKIPPED]
    return ", ".join(filter(None, map(_words, values)))


def _words(value: object) -> str:
    if isinstance(value, Term):
        return value.value
    if isinstance(value, Quantity):
        high = f"–{value.high:.10g}" if value.high is not None else ""
        unit = "/".join(_UNITS.get(part, part.strip("{}[]")) for part in value.unit.split("/"))
        return f"{value.comparator}{value.value:.10g}{high} {unit}".strip()
    if isinstance(value, Frequency):
        return _frequency(value)
    if isinstance(value, tuple):
        return ", ".join(filter(None, map(_words, value)))
    if isinstance(value, DateValue):
        return value.value or value.offset
    return ""


def _frequency(value: Frequency) -> str:
    longest = f"–{value.period_max:g}" if value.period_max else ""
    if not value.times:
        said = ""
    elif not value.period:
        said = "once"
    elif value.period == 1 and not longest:
        said = f"{value.times} per {value.unit}"
    else:
        said = f"every {value.period:g}{longest} {value.unit}"
    return " ".join(filter(None, [said, "as needed" if value.as_needed else ""]))
