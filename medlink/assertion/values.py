"""The assertion of a mention, and how FHIR R4 and the OMOP common data model say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from spacy.tokens import Span

Status = Literal["present", "absent", "possible"]
Temporality = Literal["current", "historical", "hypothetical"]
Experiencer = Literal["patient", "family", "other"]

DIMENSIONS = ("status", "temporality", "experiencer")
#: The values of each dimension, the default first.
VALUES: tuple[str, ...] = (*get_args(Status), *get_args(Temporality), *get_args(Experiencer))
DEFAULTS: tuple[Status, Temporality, Experiencer] = ("present", "current", "patient")


@dataclass(frozen=True, slots=True)
class Trigger:
    """The words that decided one dimension of an assertion.

    Arguments:
        dimension: ``"status"``, ``"temporality"`` or ``"experiencer"``.
        value: What they decided.
        rule: Name of the rule.
        span: The words; for a section, its heading.
    """

    dimension: str
    value: str
    rule: str
    span: Span


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the note says of a mention.

    Arguments:
        status: ``"present"``, ``"absent"`` or ``"possible"``.
        temporality: ``"current"``; ``"historical"``, over or part of the history; ``"hypothetical"``, what may
            come: conditions, risks, prophylaxis, screening.
        experiencer: ``"patient"``, ``"family"`` (relatives by blood or marriage) or ``"other"`` (donors, contacts, …).
        triggers: What decided, one for each dimension that is not the default.
    """

    status: Status = DEFAULTS[0]
    temporality: Temporality = DEFAULTS[1]
    experiencer: Experiencer = DEFAULTS[2]
    triggers: tuple[Trigger, ...] = ()

    @property
    def verification_status(self) -> str | None:
        """FHIR R4 ``Condition.verificationStatus``: confirmed, refuted, provisional or unconfirmed.

        None where the mention is of somebody else, who has no ``Condition`` of this patient
        (https://hl7.org/fhir/R4/valueset-condition-ver-status.html).
        """
        if self.experiencer != "patient":
            return None
        if self.status == "absent":
            return "refuted"
        if self.temporality == "hypothetical":
            return "unconfirmed"
        return "provisional" if self.status == "possible" else "confirmed"

    @property
    def clinical_status(self) -> str | None:
        """FHIR R4 ``Condition.clinicalStatus``: active or inactive; None where the patient does not have it.

        See https://hl7.org/fhir/R4/valueset-condition-clinical.html.
        """
        if self.experiencer != "patient" or self.status == "absent" or self.temporality == "hypothetical":
            return None
        return "inactive" if self.temporality == "historical" else "active"

    @property
    def term_exists(self) -> str:
        """OMOP ``NOTE_NLP.term_exists``: ``"Y"`` only for what the patient has or had, for sure.

        See https://ohdsi.github.io/CommonDataModel/cdm54.html#note_nlp.
        """
        sure = self.status == "present" and self.temporality != "hypothetical" and self.experiencer == "patient"
        return "Y" if sure else "N"

    @property
    def term_temporal(self) -> str:
        """OMOP ``NOTE_NLP.term_temporal``: ``"Past"``, ``"Present"`` or, where it may come, ``"Future"``."""
        return {"historical": "Past", "current": "Present", "hypothetical": "Future"}[self.temporality]

    @property
    def term_modifiers(self) -> str:
        """OMOP ``NOTE_NLP.term_modifiers``: every dimension as ``name=value``, parted by semicolons."""
        return (
            f"negation={'true' if self.status == 'absent' else 'false'};"
            f"certainty={'low' if self.status == 'possible' else 'high'};"
            f"conditional={'true' if self.temporality == 'hypothetical' else 'false'};"
            f"history={'true' if self.temporality == 'historical' else 'false'};"
            f"subject={self.experiencer}"
        )
