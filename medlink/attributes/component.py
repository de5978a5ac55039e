"""``medlink_attributes``: doses, values with units, sides, severity, course and dates of mentions."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import SimpleFrozenList

from medlink.attributes.conditions import course, laterality, severity
from medlink.attributes.dates import find_dates
from medlink.attributes.drugs import drug_attributes
from medlink.attributes.measurements import measurement_attributes
from medlink.attributes.values import (
    Attributes,
    ConditionAttributes,
    DateValue,
    DrugAttributes,
    Frequency,
    MeasurementAttributes,
    Quantity,
    Term,
)
from medlink.errors import MedlinkError
from medlink.extensions import span_key
from medlink.recognition.mentions import mentions_by_sentence

_KEY = "medlink.attributes"
_FARTHEST = 240
_LIST = re.compile(r"[\s,/&+]*(?:and|or)?\s*")
_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (DrugAttributes, MeasurementAttributes, ConditionAttributes, Term, Quantity, Frequency, DateValue)
}


@Language.factory(
    "medlink_attributes",
    requires=["doc.ents"],
    assigns=["span._.attributes"],
    default_config={"note_date": None, "day_first": False},
)
def make_attributes(nlp: Language, name: str, note_date: str | None, day_first: bool) -> "MedlinkAttributes":
    """Make the component."""
    return MedlinkAttributes(name, note_date=note_date, day_first=day_first)


class MedlinkAttributes:
    """Reads what a note gives with its mentions and sets ``span._.attributes``.

    Mentions labelled DRUG get :class:`~medlink.attributes.values.DrugAttributes`, MEASUREMENT
    :class:`~medlink.attributes.values.MeasurementAttributes`, CONDITION and PROCEDURE
    :class:`~medlink.attributes.values.ConditionAttributes`; others none.

    Arguments:
        name: Name in the pipeline.
        note_date: Day of the notes, ISO 8601, which relative dates count from; ``doc._.note_date`` of a document wins.
        day_first: Whether 3/4/2020 is the third of April.
    """

    def __init__(
        self, name: str = "medlink_attributes", *, note_date: str | date | None = None, day_first: bool = False
    ) -> None:
        self.name = name
        self.note_date = _to_date(note_date, name)
        self.day_first = day_first

    def __call__(self, doc: Doc) -> Doc:
        """Read the attributes of the mentions of a document."""
        text = doc.text
        note_date = _to_date(doc._.note_date, "doc._.note_date") or self.note_date
        data: dict[Any, Any] = doc.user_data
        for begin, end, group in mentions_by_sentence(doc, text):
            dates = find_dates(text[begin:end], note_date, day_first=self.day_first)
            tied = _tie(dates, [(span.start_char - begin, span.end_char - begin) for span in group])
            for number, span in enumerate(group):
                found = self._read(text, begin, end, group, number)
                if found is not None:
                    moved = tuple(DateValue(d.value, d.offset, d.start + begin, d.end + begin) for d in tied[number])
                    data[span_key(_KEY, span)] = _to_plain(type(found)(**{**_shallow(found), "dates": moved}))
        return doc

    def _read(self, text: str, begin: int, end: int, group: list[Span], number: int) -> Attributes | None:
        span = group[number]
        kind = "CONDITION" if span.label_ == "PROCEDURE" else span.label_
        if kind not in ("DRUG", "MEASUREMENT", "CONDITION"):
            return None
        start, stop = span.start_char, span.end_char
        rivals = (span.label_,) if kind in ("DRUG", "MEASUREMENT") else ("CONDITION", "PROCEDURE")
        others = [other for other in group if other.label_ in rivals]
        low = max(begin, start - _FARTHEST)
        at = start
        for other in reversed([one for one in others if one.end_char <= start]):
            # "Stopped aspirin and Plavix" is said of both drugs: only what parts them ends the reach.
            if kind != "DRUG" or not _LIST.fullmatch(text, other.end_char, at):
                low = max(low, other.end_char)
                break
            at = other.start_char
        high = min([max(end, stop), stop + _FARTHEST, *(one.start_char for one in others if one.start_char >= stop)])
        before, after = text[low:start], text[stop:high]
        if any(s.start_char == high for s in group):
            after += "…"  # The next mention goes on here: a word right before it describes that one.
        if kind == "DRUG":
            return drug_attributes(before, after, start, stop, follows=any(one.end_char == low for one in others))
        mention = text[start:stop]
        if kind == "MEASUREMENT":
            return measurement_attributes(mention, before, after, start, stop)
        return ConditionAttributes(
            laterality=laterality(mention, before, after, start, stop),
            body_site=_body_site(span, group, text),
            severity=severity(mention, before, after, start, stop),
            course=course(mention, before, after, start, stop),
        )

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Nothing: the settings are in the pipeline's config."""
        return b""

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkAttributes":
        """Nothing to read."""
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Nothing to write."""

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkAttributes":
        """Nothing to read."""
        return self


def get_attributes(span: Span) -> Attributes | None:
    """The attributes of a mention; None where its label has none or the component has not run."""
    data: dict[Any, Any] = span.doc.user_data
    plain = data.get(span_key(_KEY, span))
    return _from_plain(plain) if plain is not None else None


def _tie(dates: list[DateValue], mentions: list[tuple[int, int]]) -> list[list[DateValue]]:
    """The dates of a sentence with the mentions that they are nearest to, one behind a mention before one ahead."""
    tied: list[list[DateValue]] = [[] for _ in mentions]
    for one in dates:
        gaps = [
            (one.start - end) if end <= one.start else (start - one.end) * 2 if start >= one.end else 0
            for start, end in mentions
        ]
        # A date at the head of a sentence is said of all of it.
        if mentions and all(start >= one.end for start, _ in mentions):
            for row in tied:
                row.append(one)
        elif gaps:
            tied[gaps.index(min(gaps))].append(one)
    return tied


def _body_site(span: Span, group: list[Span], text: str) -> Term | None:
    """The anatomy mention inside a mention, or joined to it: "pain in the left knee", "osteoarthritis, left knee"."""
    for other in group:
        if other.label_ != "ANATOMY" or (other.start_char, other.end_char) == (span.start_char, span.end_char):
            continue
        if other.start_char >= span.start_char and other.end_char <= span.end_char:
            return Term(other.text, other.start_char, other.end_char)
        between = text[span.end_char : other.start_char] if other.start_char >= span.end_char else None
        if between is None or len(between) >= 40:
            continue
        if between.strip().split(" ")[0].lower() in _PREPOSITIONS or _LISTED_SIDE.fullmatch(between):
            return Term(other.text, other.start_char, other.end_char)
    return None


_LISTED_SIDE = re.compile(r",\s*(?:left|right|bilateral|both|lt\.?|rt\.?|[LR])\s+", re.IGNORECASE)
_PREPOSITIONS = ("of", "in", "on", "at", "to", "over", "from", "involving", "affecting", "within", "around", "near")


def _to_date(value: str | date | None, where: str) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise MedlinkError(f"{where}: {value!r} is no date; write it as 2026-11-21") from None


def _shallow(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _to_plain(value: Any) -> Any:
    """Dataclasses as lists that spaCy can write: their name and their fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_to_plain(getattr(value, field.name)) for field in fields(value))]
    return ["tuple", *map(_to_plain, value)] if isinstance(value, tuple) else value


def _from_plain(plain: Any) -> Any:
    if not isinstance(plain, (list, tuple)):
        return plain
    name, *values = plain
    if name == "tuple":
        return tuple(_from_plain(value) for value in values)
    return _KINDS[name](*(_from_plain(value) for value in values))


if not Doc.has_extension("note_date"):
    Doc.set_extension("note_date", default=None)
if not Span.has_extension("attributes"):
    Span.set_extension("attributes", getter=get_attributes)
