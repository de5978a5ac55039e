"""The attributes of mentions, as typed objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Term:
    """A value in words, normalised.

    Arguments:
        value: The value, as ``"oral"`` or ``"left"``.
        start: First character of the words in the document.
        end: The character after the last one.
    """

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit.

    Arguments:
        value: The number; the lower one of a range.
        unit: UCUM code of the unit (https://ucum.org); "" where none is written and none is understood.
        start: First character in the document.
        end: The character after the last one.
        high: The higher number of a range, or None.
        comparator: ``"<"``, ``"<="``, ``">"`` or ``">="``, or "".
    """

    value: float
    unit: str
    start: int
    end: int
    high: float | None = None
    comparator: str = ""

    def pint(self) -> Any:
        """The lower number as a ``pint.Quantity``, which converts it: ``dose.pint().to("gram")``.

        `ucumvert <https://pypi.org/project/ucumvert/>`_ reads the UCUM code.
        """
        from medlink.attributes.units import to_pint

        return to_pint(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often, as FHIR's ``Timing.repeat`` says it: so many times in a period.

    Arguments:
        times: How many times in the period; 0 where only "as needed" is said.
        period: Length of the period in ``unit``; 0 for a single dose.
        unit: UCUM code of the period: ``min``, ``h``, ``d``, ``wk`` or ``mo``.
        start: First character in the document.
        end: The character after the last one.
        period_max: The longest period, in "every 4 to 6 hours", or None.
        as_needed: Whether it is taken only when needed.
    """

    times: int
    period: float
    unit: str
    start: int
    end: int
    period_max: float | None = None
    as_needed: bool = False


@dataclass(frozen=True, slots=True)
class DateValue:
    """A date near a mention.

    Arguments:
        value: ISO 8601: ``2009``, ``2009-03`` or ``2009-03-14``; "" for a relative one without a note date.
        offset: For a relative one, its distance from the note date as an ISO 8601 duration: ``-P3W``; else "".
        start: First character in the document.
        end: The character after the last one.
    """

    value: str
    offset: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DrugAttributes:
    """What is said of a drug: each None where nothing is.

    Arguments:
        dose: Amount taken at a time.
        strength: Amount in a unit of the product, where it is given beside the dose.
        route: oral, intravenous, intramuscular, subcutaneous, sublingual, inhalation, rectal, topical, …
        frequency: How often.
        duration: For how long; its unit is a time.
        status: started, stopped, held, changed or continued.
        dates: Dates tied to the mention.
    """

    dose: Quantity | None = None
    strength: Quantity | None = None
    route: Term | None = None
    frequency: Frequency | None = None
    duration: Quantity | None = None
    status: Term | None = None
    dates: tuple[DateValue, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasurementAttributes:
    """What is said of a measurement: each None where nothing is.

    Arguments:
        value: The value; the systolic one of a blood pressure.
        second: The diastolic value of a blood pressure; the number behind the stroke in "pain 5/10".
        result: A result in words: positive, negative, normal, abnormal, reactive, nonreactive, …
        flag: high, low, normal, abnormal or critical: as written, or by the reference range beside the value.
        reference_range: That range.
        dates: Dates tied to the mention.
    """

    value: Quantity | None = None
    second: Quantity | None = None
    result: Term | None = None
    flag: Term | None = None
    reference_range: Quantity | None = None
    dates: tuple[DateValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionAttributes:
    """What is said of a condition, or of a procedure: each None where nothing is.

    Arguments:
        laterality: left, right or bilateral.
        body_site: The words of an anatomy mention inside it or joined to it.
        severity: mild, moderate, severe, …
        course: acute, chronic, worsening, stable, …
        dates: Dates tied to the mention.
    """

    laterality: Term | None = None
    body_site: Term | None = None
    severity: Term | None = None
    course: Term | None = None
    dates: tuple[DateValue, ...] = ()


Attributes = DrugAttributes | MeasurementAttributes | ConditionAttributes
