"""FHIR R4: a Bundle for each document, its mentions as the resources that they are.

Source: https://hl7.org/fhir/R4/. The text is a DocumentReference; a condition is a Condition, a drug a
MedicationStatement, a procedure a Procedure, a measurement an Observation, and what a relative has a
FamilyMemberHistory. What is somebody else's, and labels without a resource, are left out. Each resource has an
extension with the place of the mention in the text; the chance of a concept is one of its coding.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, cast

from medlink.assertion.values import DIMENSIONS, Assertion
from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, MentionRecord, assertion_of, new_concept, new_document, new_mention

MENTION = "urn:medlink:fhir:mention"
SCORE = "urn:medlink:fhir:score"
_DOCUMENT = "urn:medlink:document"
#: Code systems of terminologies by name; that of any other is ``urn:medlink:terminology:NAME``.
SYSTEMS = {
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "hpo": "http://human-phenotype-ontology.org",
    "umls": "http://terminology.hl7.org/CodeSystem/umls",
    "snomedct": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "medic": "http://ctdbase.org/MEDIC",
    "drugbank": "http://go.drugbank.com",
}
_OTHER_SYSTEM = "urn:medlink:terminology:"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_UCUM = "http://unitsofmeasure.org"
_FAMILY_MEMBER = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_SUBJECT_KEYS = ("patient", "patient_id", "person_id", "subject")
_TAKEN = {"absent": "not-taken", "possible": "unknown"}
_DONE = {"absent": "not-done", "possible": "unknown"}
_FLAGS = {"high": "H", "low": "L", "normal": "N", "abnormal": "A", "critical": "AA"}


def write_fhir(record: DocumentRecord) -> str:
    """A document as a line of JSON with a Bundle, checked against FHIR's definitions.

    The subject is ``Patient/ID`` where the document's metadata have ``patient``, ``patient_id`` or ``person_id``.

    Raises:
        MedlinkError: The document cannot be said in FHIR.
    """
    from fhir.resources.R4B.bundle import Bundle

    bundle = to_bundle(record)
    try:
        Bundle.model_validate(bundle)
    except ValueError as error:
        raise MedlinkError(f"{record['id']}: cannot be said in FHIR ({error})") from None
    return json.dumps(bundle, ensure_ascii=False) + "\n"


def to_bundle(record: DocumentRecord) -> dict[str, Any]:
    """The Bundle of a document, as a dictionary."""
    document = _id(record["id"])
    owner = next((record["metadata"][key] for key in _SUBJECT_KEYS if record["metadata"].get(key)), "")
    subject = {"reference": f"Patient/{_id(owner)}"} if owner else {"display": "not given"}
    content = base64.b64encode(record["text"].encode()).decode()
    reference: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": document,
        "identifier": [{"system": _DOCUMENT, "value": record["id"]}],
        "status": "current",
        "subject": subject,
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": content}}],
    }
    if record["date"]:
        reference["content"][0]["attachment"]["creation"] = record["date"]
    resources = [reference]
    for number, mention in enumerate(record["mentions"], start=1):
        if (resource := _resource(mention, subject)) is not None:
            place = {"reference": f"DocumentReference/{document}"}
            resource["id"] = f"{document[:50]}-{number}"
            resource["extension"] = [_place(mention, place)]
            resources.append(resource)
    entries = [{"fullUrl": f"urn:medlink:{one['resourceType']}:{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _id(text: str) -> str:
    """A text as a FHIR id, of which two texts have different ones."""
    if re.fullmatch(r"[A-Za-z0-9\-.]{1,50}", text):
        return text
    return sha256(text.encode()).hexdigest()[:40]


def _place(mention: MentionRecord, document: dict[str, Any]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"url": "document", "valueReference": document},
        {"url": "start", "valueUnsignedInt": mention["start"]},
        {"url": "end", "valueUnsignedInt": mention["end"]},
        {"url": "label", "valueString": mention["label"]},
        {"url": "status", "valueCode": mention["assertion"]["status"]},
        {"url": "temporality", "valueCode": mention["assertion"]["temporality"]},
        {"url": "experiencer", "valueCode": mention["assertion"]["experiencer"]},
    ]
    if mention["section"]:
        parts.append({"url": "section", "valueString": mention["section"]})
    return {"url": MENTION, "extension": parts}


def _resource(mention: MentionRecord, subject: dict[str, Any]) -> dict[str, Any] | None:
    assertion = assertion_of(mention)
    if assertion.experiencer == "family":
        return _family(mention, subject)
    if assertion.experiencer == "other":
        return None
    attributes = mention["attributes"] or {}
    match mention["label"]:
        case "CONDITION":
            return _condition(mention, subject, assertion, attributes)
        case "DRUG":
            usual = {"historical": "completed", "hypothetical": "intended"}.get(assertion.temporality, "active")
            found: dict[str, Any] = {
                "resourceType": "MedicationStatement",
                "status": _TAKEN.get(assertion.status, usual),
                "medicationCodeableConcept": _concept(mention),
                "subject": subject,
            }
            return found | ({"dosage": [dosage]} if (dosage := _dosage(attributes)) else {})
        case "PROCEDURE":
            usual = "preparation" if assertion.temporality == "hypothetical" else "completed"
            status = _DONE.get(assertion.status, usual)
            return {"resourceType": "Procedure", "status": status, "code": _concept(mention), "subject": subject}
        case "MEASUREMENT":
            return _observation(mention, subject, attributes)
    return None


def _condition(
    mention: MentionRecord, subject: dict[str, Any], assertion: Assertion, attributes: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Condition", "code": _concept(mention), "subject": subject}
    if assertion.clinical_status:
        found["clinicalStatus"] = {"coding": [{"system": _CLINICAL, "code": assertion.clinical_status}]}
    if assertion.verification_status:
        found["verificationStatus"] = {"coding": [{"system": _VERIFICATION, "code": assertion.verification_status}]}
    if severity := attributes.get("severity"):
        found["severity"] = {"text": severity["value"]}
    sites = [attributes[name]["value"] for name in ("laterality", "body_site") if attributes.get(name)]
    return found | ({"bodySite": [{"text": " ".join(sites)}]} if sites else {})


def _family(mention: MentionRecord, subject: dict[str, Any]) -> dict[str, Any] | None:
    if mention["label"] != "CONDITION" or mention["assertion"]["status"] == "absent":
        return None
    return {
        "resourceType": "FamilyMemberHistory",
        "status": "partial",
        "patient": subject,
        "relationship": {"coding": [{"system": _FAMILY_MEMBER, "code": "FAMMEMB"}]},
        "condition": [{"code": _concept(mention)}],
    }


def _observation(mention: MentionRecord, subject: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Observation", "status": "unknown", "code": _concept(mention)}
    found["subject"] = subject
    if value := attributes.get("value"):
        found["valueQuantity"] = _quantity(value)
    elif result := attributes.get("result"):
        found["valueString"] = result["value"]
    if (flag := attributes.get("flag")) and flag["value"] in _FLAGS:
        coding = {"system": _INTERPRETATION, "code": _FLAGS[flag["value"]]}
        found["interpretation"] = [{"coding": [coding]}]
    return found


def _concept(mention: MentionRecord) -> dict[str, Any]:
    """The best concept of each terminology, and the words."""
    best = {concept["terminology"]: concept for concept in reversed(mention["concepts"])}
    codings = []
    for concept in mention["concepts"]:
        if best[concept["terminology"]] is concept:
            coding: dict[str, Any] = {
                "extension": [{"url": SCORE, "valueDecimal": concept["score"]}],
                "system": SYSTEMS.get(concept["terminology"], _OTHER_SYSTEM + concept["terminology"]),
                "code": concept["concept_id"],
            }
            codings.append(coding | ({"display": concept["name"]} if concept["name"] else {}))
    words = " ".join(mention["text"].split())
    return ({"coding": codings} if codings else {}) | {"text": words}


def _quantity(quantity: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"value": quantity["value"]}
    if quantity.get("comparator"):
        found["comparator"] = quantity["comparator"]
    return found | ({"unit": quantity["unit"], "system": _UCUM, "code": quantity["unit"]} if quantity["unit"] else {})


def _dosage(attributes: dict[str, Any]) -> dict[str, Any]:
    dosage: dict[str, Any] = {}
    if frequency := attributes.get("frequency"):
        dosage["asNeededBoolean"] = frequency["as_needed"]
        if frequency["times"] and frequency["period"]:
            repeat = {"frequency": frequency["times"], "period": frequency["period"], "periodUnit": frequency["unit"]}
            if frequency.get("period_max"):
                repeat["periodMax"] = frequency["period_max"]
            dosage["timing"] = {"repeat": repeat}
    if route := attributes.get("route"):
        dosage["route"] = {"text": route["value"]}
    if dose := attributes.get("dose"):
        dosage["doseAndRate"] = [{"doseQuantity": _quantity(dose)}]
    return dosage


def read_fhir(lines: Iterable[str], source: str) -> Iterator[DocumentRecord]:
    """Read Bundles, DocumentReferences and DiagnosticReports, one a line (NDJSON).

    The text is that of the attachment (``text/plain``); what medlink wrote about it in the same Bundle are its
    mentions.

    Arguments:
        lines: The lines.
        source: Where they come from, for errors.

    Raises:
        MedlinkError: A line is no such resource, or its text is not in it.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            resource = json.loads(line)
            entries = [resource]
            if resource["resourceType"] == "Bundle":
                entries = [entry["resource"] for entry in resource.get("entry", []) if "resource" in entry]
            found = [one for one in entries if one["resourceType"] in ("DocumentReference", "DiagnosticReport")]
            for one in found:
                yield _from_resource(one, entries)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise MedlinkError(
                f"{source}:{number}: cannot be read as FHIR ({error}); expected a Bundle, DocumentReference or "
                "DiagnosticReport with a text/plain attachment in each line"
            ) from None


def _from_resource(resource: dict[str, Any], entries: list[dict[str, Any]]) -> DocumentRecord:
    attachments = [one["attachment"] for one in resource.get("content", [])] + resource.get("presentedForm", [])
    plain = [
        one for one in attachments if one.get("contentType", "text/plain").startswith("text/plain") and "data" in one
    ]
    if not plain:
        raise ValueError(f"{resource['resourceType']} {resource.get('id', '')} has no text/plain attachment with data")
    identifiers = [
        one["value"] for one in resource.get("identifier", []) if one.get("system") == "urn:medlink:document"
    ]
    date = plain[0].get("creation") or resource.get("date") or resource.get("effectiveDateTime") or ""
    text = base64.b64decode(plain[0]["data"], validate=True).decode()
    record = new_document((identifiers or [resource.get("id", "")])[0], text, date=date)
    subject = resource.get("subject", {}).get("reference", "")
    if subject:
        record["metadata"]["patient"] = subject.removeprefix("Patient/")
    for one in entries:
        for extension in one.get("extension", []):
            if extension["url"] == MENTION:
                parts = {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
                if parts["document"]["reference"] == f"{resource['resourceType']}/{resource['id']}":
                    record["mentions"].append(_mention(text, parts, one))
    return record


def _mention(text: str, parts: dict[str, Any], resource: dict[str, Any]) -> MentionRecord:
    mention = new_mention(text, parts["start"], parts["end"], parts["label"])
    mention["section"] = parts.get("section", "")
    for dimension in DIMENSIONS:
        cast(dict[str, Any], mention["assertion"])[dimension] = parts[dimension]
    told = resource.get("condition", [resource])[0] if resource["resourceType"] == "FamilyMemberHistory" else resource
    names = {system: name for name, system in SYSTEMS.items()}
    for coding in (told.get("code") or told.get("medicationCodeableConcept") or {}).get("coding", []):
        system = names.get(coding["system"], coding["system"].removeprefix(_OTHER_SYSTEM))
        score = next((one["valueDecimal"] for one in coding.get("extension", []) if one["url"] == SCORE), 1.0)
        mention["concepts"].append(new_concept(system, coding["code"], coding.get("display", ""), score))
    return mention
