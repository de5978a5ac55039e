"""Dates in notes, absolute and relative, as ISO 8601."""

from __future__ import annotations

import re
from datetime import date

from dateutil.relativedelta import MO, relativedelta

from medlink.attributes.numbers import NUMBER, to_number
from medlink.attributes.values import DateValue

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_UNITS = {"day": "D", "week": "W", "wk": "W", "month": "M", "mo": "M", "year": "Y", "yr": "Y"}
_ABSOLUTE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<year>(?:19|20)\d\d)-(?P<m>0?[1-9]|1[0-2])-(?P<day>0?[1-9]|[12]\d|3[01])\b",
        r"(?<![\d/.])(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>(?:19|20)?\d\d)(?![\d/])",
        rf"\b{_MONTH}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s{_YEAR}\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\sof)?\s{_MONTH},?\s{_YEAR}\b",
        rf"\b{_MONTH},?\s(?:of\s)?{_YEAR}\b",
        r"(?<![\d/.])(?P<m>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)\b",
        rf"\b(?:in|since|circa|around|during|of|early|late|year|from|by|until|,)\s{_YEAR}\b(?![-/.])",
        rf"\({_YEAR}\)",
    )
)
_RELATIVE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:about\s|approximately\s|over\s)?(?P<n>{NUMBER}|an?|a\sfew|several|a\scouple\sof)\s(?P<u>days?|weeks?|wks?|months?|mos?|years?|yrs?)\s(?:ago|prior|earlier|back|before)\b",
        r"\b(?P<last>last|past|previous)\s(?P<u>week|month|year)\b",
        rf"\b(?P<next>in)\s(?P<n>{NUMBER}|an?)\s(?P<u>days?|weeks?|wks?|months?|mos?|years?|yrs?)\b",
        r"\b(?P<word>today|yesterday|tomorrow|this\smorning|this\safternoon|this\sevening|tonight|last\snight|the\sday\sbefore\syesterday)\b",
    )
)
_DIGIT = re.compile(r"\d")
_WORDS = {"yesterday": -1, "last night": -1, "tomorrow": 1, "the day before yesterday": -2}
_VAGUE = {"a": 1, "an": 1}


def find_dates(text: str, note_date: date | None = None, *, day_first: bool = False) -> list[DateValue]:
    """The dates in a text, in order.

    Arguments:
        text: The text.
        note_date: The day on which it was written, which relative dates count from.
        day_first: Whether 3/4/2020 is the third of April.

    Returns:
        Dates with the precision that is written; what is vague ("several weeks ago") has no value.
    """
    found: list[DateValue] = []
    # All absolute ones have digits, most sentences none.
    for pattern in (*_ABSOLUTE, *_RELATIVE) if _DIGIT.search(text) else _RELATIVE:
        for match in pattern.finditer(text):
            if any(match.start() < one.end and match.end() > one.start for one in found):
                continue
            value = _absolute(match, note_date, day_first) if pattern in _ABSOLUTE else _relative(match, note_date)
            if value is not None:
                found.append(value)
    return sorted(found, key=lambda one: one.start)


def _absolute(match: re.Match[str], note_date: date | None, day_first: bool) -> DateValue | None:
    groups = match.groupdict()
    if groups.get("a"):
        first, second, written = int(groups["a"]), int(groups["b"]), groups["y"]
        if not first or not second:
            return None  # "20-0-12" are doses.
        day, month = (first, second) if day_first else (second, first)
        if month > 12 >= day:
            day, month = month, day
        # Two digits: not after the note; where its day is not known, 1950 to 2049.
        latest = note_date.year + 1 if note_date else 2049
        year = int(written) if len(written) == 4 else int(written) + 2000
        year -= 100 if len(written) == 2 and year > latest else 0
    else:
        year = int(groups["year"])
        month = int(groups["m"]) if groups.get("m") else 0
        if groups.get("month"):
            month = _MONTHS.index(groups["month"][:3].lower()) + 1
        day = int(groups["day"]) if groups.get("day") else 0
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    value = f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else "")
    start = match.start("year") if not month else match.start()
    return DateValue(value, "", start, match.end())


def _relative(match: re.Match[str], note_date: date | None) -> DateValue | None:
    groups = match.groupdict()
    if groups.get("word"):
        days = _WORDS.get(" ".join(groups["word"].lower().split()), 0)
        value = (note_date + relativedelta(days=days)).isoformat() if note_date else ""
        return DateValue(value, f"{'-' if days < 0 else ''}P{abs(days)}D", match.start(), match.end())
    unit = next(code for name, code in _UNITS.items() if groups["u"].lower().startswith(name))
    written = (groups.get("n") or "one").lower()
    if written in ("a few", "several", "a couple of"):
        return DateValue("", "", match.start(), match.end())
    count = _VAGUE.get(written) or to_number(written)
    sign = 1 if groups.get("next") else -1
    whole = int(count)
    offset = f"{'-' if sign < 0 else ''}P{whole}{unit}"
    if note_date is None or whole != count:
        return DateValue("", offset, match.start(), match.end())
    keys = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}
    try:
        then = note_date + relativedelta(**{keys[unit]: sign * whole})
    except (ValueError, OverflowError):
        return DateValue("", offset, match.start(), match.end())  # Before the year 1.
    if groups.get("last") and unit == "W":
        then = then + relativedelta(weekday=MO(-1))
    # "Three months ago" names a month, "two years ago" a year.
    value = {"D": then.isoformat(), "W": then.isoformat(), "M": f"{then:%Y-%m}", "Y": f"{then:%Y}"}[unit]
    return DateValue(value, offset, match.start(), match.end())
