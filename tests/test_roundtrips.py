"""What a format can hold comes back from it as it was; what others wrote is read right."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.formats.bioc import read_bioc, write_bioc
from medlink.formats.brat import read_brat, write_brat
from medlink.formats.conll import read_conll, write_conll
from medlink.formats.fhir import read_fhir, to_bundle, write_fhir
from medlink.formats.jsonl import read_lines, write_line
from medlink.formats.omop import note_nlp_rows, read_note_nlp
from medlink.formats.pubtator import read_pubtator, write_pubtator
from medlink.formats.records import doc_to_record, new_concept, new_document, new_mention
from medlink.formats.tables import read_csv, read_parquet, write_csv, write_parquet
from medlink.formats.xmi import read_xmi, write_xmi

# The first call imports the format's package, which takes its time.
untimed = settings(deadline=None)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)
LABELS = st.sampled_from(["CONDITION", "DRUG", "ANATOMY"])


@st.composite
def concepts(draw):
    concept = new_concept(draw(st.sampled_from(["icd10cm", "hpo"])), draw(NAMES.filter(lambda n: ":" not in n)))
    concept["name"], concept["alias"] = draw(NAMES), draw(NAMES)
    concept["score"] = draw(st.floats(0, 1))
    concept["stages"] = {"exact": 1.0}
    return concept


@st.composite
def documents(draw, texts=WORDS, overlapping=True):
    """A document with any text, and mentions that begin and end in a word."""
    text = draw(texts)
    record = new_document(draw(NAMES), text, date="2024-02-29", metadata={"ward": draw(NAMES)})
    places = [i for i, c in enumerate(text) if c.isalnum()]
    taken = -1
    for _ in range(draw(st.integers(0, 4)) if places else 0):
        start, end = sorted((draw(st.sampled_from(places)), draw(st.sampled_from(places))))
        if start > taken or overlapping:
            mention = new_mention(text, start, end + 1, draw(LABELS))
            mention["entity"] = start > taken
            mention["assertion"]["status"] = draw(st.sampled_from(["present", "absent", "possible"]))
            mention["assertion"]["experiencer"] = draw(st.sampled_from(["patient", "family"]))
            mention["finders"] = draw(st.dictionaries(st.sampled_from(["ner", "gliner"]), st.floats(0, 1)))
            mention["concepts"] = draw(st.lists(concepts(), max_size=2))
            mention["attributes"] = draw(st.sampled_from([None, {"dose": {"value": 5.0, "unit": "mg"}}]))
            record["mentions"].append(mention)
            taken = max(taken, end)
    record["mentions"].sort(key=lambda mention: (mention["start"], mention["end"]))
    return record


def spans(record):
    return [(m["start"], m["end"], m["text"], m["label"]) for m in record["mentions"]]


@given(st.lists(documents(), max_size=3))
def test_json_lines_hold_everything(records):
    lines = "".join(map(write_line, records)).split("\n")
    assert list(read_lines(lines, "x")) == records


@given(documents())
def test_brat_holds_all_but_what_the_document_has_besides(record):
    again = read_brat(record["id"], record["text"], write_brat(record))
    assert again["mentions"] == record["mentions"]


@given(st.lists(documents(), max_size=3))
@untimed
def test_bioc_json_holds_everything(records):
    assert list(read_bioc(write_bioc(records, "json"), "json", "x")) == records


@given(st.lists(documents(), max_size=3))
@untimed
def test_bioc_xml_holds_everything_that_xml_can(records):
    again = list(read_bioc(write_bioc(records, "xml"), "xml", "x"))
    assert [spans(one) for one in again if "\ufffd" not in one["text"]] == [
        spans(one) for one, read in zip(records, again, strict=True) if "\ufffd" not in read["text"]
    ]
    assert [len(one["text"]) for one in again] == [len(one["text"]) for one in records]
    plain = [one for one in records if one["text"].isprintable()]
    assert [one for one in again if one["text"].isprintable() and "\ufffd" not in one["text"]] == plain or not plain


@given(documents())
def test_pubtator_holds_offsets_and_best_concepts(tmp_path_factory, record):
    path = tmp_path_factory.mktemp("pubtator") / "x.txt"
    path.write_bytes(write_pubtator(record).encode())
    (again,) = read_pubtator(path)
    assert [(m.start, m.end, m.label) for m in again.mentions] == [(s, e, label) for s, e, _, label in spans(record)]
    assert again.text.split() == record["text"].split()
    assert len(again.text) in (len(record["text"]), len(record["text"]) + 1)


@given(documents(overlapping=False))
@settings(max_examples=200)
def test_conll_holds_entities_and_their_best_concepts(record):
    (again,) = read_conll(write_conll(record).split("\n"), "x")
    assert [(s, e, label) for s, e, _, label in spans(again)] == [(s, e, label) for s, e, _, label in spans(record)]
    for one, other in zip(again["mentions"], record["mentions"], strict=True):
        best = [(c["terminology"], c["concept_id"]) for c in other["concepts"][:1]]
        assert [(c["terminology"], c["concept_id"]) for c in one["concepts"]] == best
        assert one["text"].split() == other["text"].split()


@given(documents())
@settings(max_examples=30, deadline=None)
def test_fhir_holds_the_mentions_of_the_patient_and_the_best_concept_of_each_terminology(record):
    (again,) = read_fhir([write_fhir(record)], "x")
    assert (again["id"], again["text"], again["date"]) == (record["id"], record["text"], record["date"])
    held = [
        m
        for m in record["mentions"]
        if m["label"] != "ANATOMY" and (m["assertion"]["experiencer"] == "patient" or relatives(m))
    ]
    assert [(m["start"], m["end"], m["label"], m["assertion"]) for m in again["mentions"]] == [
        (m["start"], m["end"], m["label"], m["assertion"]) for m in held
    ]
    for one, other in zip(again["mentions"], held, strict=True):
        best = {c["terminology"]: (c["concept_id"], c["name"], c["score"]) for c in reversed(other["concepts"])}
        assert {c["terminology"]: (c["concept_id"], c["name"], c["score"]) for c in one["concepts"]} == best


def relatives(mention):
    return mention["label"] == "CONDITION" and mention["assertion"]["status"] != "absent"


def test_fhir_says_what_the_note_says(nlp):
    text = "Denies chest pain. Possible pneumonia. Mother had breast cancer. Takes metoprolol 25 mg PO BID as needed."
    bundle = to_bundle(doc_to_record(nlp(text), "a b", date="2024-02-29", metadata={"patient_id": "7"}))
    entries = [entry["resource"] for entry in bundle["entry"]]
    told = {
        (one.get("code") or one.get("medicationCodeableConcept") or one["condition"][0]["code"])["text"]: one
        for one in entries[1:]
    }
    assert entries[0]["subject"] == {"reference": "Patient/7"}
    assert told["chest pain"]["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert "clinicalStatus" not in told["chest pain"]
    assert told["pneumonia"]["verificationStatus"]["coding"][0]["code"] == "provisional"
    assert told["breast cancer"]["resourceType"] == "FamilyMemberHistory"
    dosage = told["metoprolol"]["dosage"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["code"] == "mg"
    assert dosage["timing"]["repeat"]["frequency"] == 2
    assert dosage["asNeededBoolean"] is True


def test_fhir_of_others_is_read():
    attachment = {"contentType": "text/plain", "data": "RmV2ZXIu"}
    report = {"resourceType": "DiagnosticReport", "id": "r1", "presentedForm": [attachment]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}, {"resource": report}]}
    reference = {"resourceType": "DocumentReference", "id": "d1", "content": [{"attachment": attachment}]}
    lines = [json.dumps(bundle), "", json.dumps(reference | {"date": "2024-01-02T03:04:05Z"})]
    first, second = read_fhir(lines, "x")
    assert (first["id"], first["text"]) == ("r1", "Fever.")
    assert (second["id"], second["date"]) == ("d1", "2024-01-02T03:04:05Z")
    with pytest.raises(MedlinkError, match=r"x:1: cannot be read as FHIR .*no text/plain attachment"):
        list(read_fhir(['{"resourceType": "DocumentReference", "id": "d"}'], "x"))


@given(st.lists(documents(), max_size=3, unique_by=lambda record: record["id"]))
@untimed
def test_tables_hold_every_mention(records):
    expected = {record["id"]: record["mentions"] for record in records if record["mentions"]}
    assert read_csv(write_csv(records), "x") == expected
    assert read_parquet(write_parquet(records)) == expected


@given(documents())
@untimed
def test_xmi_holds_everything_that_xml_can(record):
    again = read_xmi(write_xmi(record), "x")
    if "\ufffd" not in again["text"] + again["id"]:
        assert again == record
    assert len(again["text"]) == len(record["text"])


def test_xmi_of_others_is_read():
    xmi = """<?xml version="1.0" encoding="UTF-8"?>
<xmi:XMI xmlns:cas="http:///uima/cas.ecore" xmlns:xmi="http://www.omg.org/XMI" xmlns:t="http:///org/other.ecore"
  xmi:version="2.0"><cas:NULL xmi:id="0"/><t:Finding xmi:id="3" sofa="1" begin="0" end="5" polarity="-1"/>
  <cas:Sofa xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text" sofaString="Fever 🙂&#10;gone."/>
  <cas:View sofa="1" members="3"/></xmi:XMI>"""
    assert read_xmi(xmi, "a")["text"] == "Fever 🙂\ngone."
    with pytest.raises(MedlinkError, match="a: not a UIMA CAS"):
        read_xmi("Fever", "a")
    with pytest.raises(MedlinkError, match="a: the CAS has no text"):
        read_xmi("<html/>", "a")


@given(documents())
def test_note_nlp_holds_place_assertion_and_best_concept(record):
    rows = list(note_nlp_rows(record, date="2024-01-01"))
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, list(rows[0]) if rows else ["note_id"])
    writer.writeheader()
    writer.writerows(rows)
    content.seek(0)
    again = read_note_nlp(content, {record["id"]: record["text"]}, "x").get(record["id"], [])
    for one, other in zip(again, record["mentions"], strict=True):
        assert (one["start"], one["end"], one["label"]) == (other["start"], other["end"], other["label"])
        assert one["assertion"] == other["assertion"]
        assert [c["concept_id"] for c in one["concepts"]] == [c["concept_id"] for c in other["concepts"][:1]]


def test_what_the_pipeline_finds_comes_back(nlp):
    text = "PMH: heart attack 2019.\r\n\r\nDenies chest\npain. Mother had breast cancer 🙂. Metoprolol 25 mg BID."
    record = json.loads(json.dumps(doc_to_record(nlp(text), "note", metadata={"ward": "3"})))
    assert {m["assertion"]["status"] for m in record["mentions"]} == {"present", "absent"}
    assert any(m["attributes"] for m in record["mentions"])
    assert list(read_lines([write_line(record)], "x")) == [record]
    assert read_brat("note", text, write_brat(record))["mentions"] == record["mentions"]
    for kind in ("json", "xml"):
        assert list(read_bioc(write_bioc([record], kind), kind, "x")) == [record]
    assert read_xmi(write_xmi(record), "x") == record
    assert read_parquet(write_parquet([record])) == read_csv(write_csv([record]), "x") == {"note": record["mentions"]}
