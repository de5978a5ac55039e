"""medlink_attributes: drugs, measurements, conditions, dates, units."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.attributes.dates import find_dates
from medlink.attributes.units import to_ucum, unit_rules
from medlink.attributes.values import ConditionAttributes, DrugAttributes, MeasurementAttributes
from medlink.evaluation.attributes import evaluate_attributes
from medlink.evaluation.marked import docs_with_mentions, parse_marked
from medlink.models import blank_pipeline

LINES = Path(__file__).resolve().parents[1] / "corpora" / "attributes" / "lines.tsv"
PIPELINE = blank_pipeline("medlink_sentences", "medlink_attributes")


def attributes(marked, pipeline=PIPELINE):
    doc = next(iter(docs_with_mentions(pipeline, [parse_marked(marked)])))
    return doc.text, [entity._.attributes for entity in doc.ents]


def test_the_hand_written_lines():
    scores = evaluate_attributes(LINES)
    assert sum(scores.gold.values()) > 300
    for name in ("dose", "route", "frequency", "value", "laterality", "status", "duration", "flag"):
        assert scores.right[name] / scores.gold[name] >= 0.9, name


def test_attributes_are_typed_and_have_offsets():
    text, (drug,) = attributes("{furosemide|DRUG} 40 mg IV q12h for 3 days")
    assert isinstance(drug, DrugAttributes)
    assert text[drug.dose.start : drug.dose.end] == "40 mg"
    assert text[drug.route.start : drug.route.end] == "IV"
    assert text[drug.frequency.start : drug.frequency.end] == "q12h"
    text, (measurement,) = attributes("{Troponin|MEASUREMENT} < 0.01 ng/mL (0.00-0.04)")
    assert isinstance(measurement, MeasurementAttributes)
    assert (measurement.value.comparator, measurement.value.unit) == ("<", "ng/mL")
    assert (measurement.reference_range.value, measurement.reference_range.high) == (0, 0.04)
    assert measurement.flag.value == "normal"
    text, (condition, _) = attributes("severe {pain|CONDITION} in the {left knee|ANATOMY}")
    assert isinstance(condition, ConditionAttributes)
    assert text[condition.laterality.start : condition.laterality.end] == "left"
    assert condition.body_site.value == "left knee"


def test_blood_pressure_has_two_values():
    _, (pressure,) = attributes("{BP|MEASUREMENT} 142/88")
    assert (pressure.value.value, pressure.second.value, pressure.second.unit) == (142, 88, "mm[Hg]")


def test_a_pain_score_is_no_pressure():
    _, (score,) = attributes("{Pain score|MEASUREMENT} 5/10")
    assert (score.value.value, score.value.unit, score.second.value) == (5, "", 10)


def test_results_in_words():
    _, (strep, culture) = attributes("{Rapid strep|MEASUREMENT}: positive, {culture|MEASUREMENT} negative")
    assert (strep.result.value, culture.result.value) == ("positive", "negative")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{creatinine|DRUG} 2.1 mg/dL", "dose"),
        ("{furosemide|DRUG} was given and she lost 2 L", "dose"),
        ("She had run out of {furosemide|DRUG} a week before", "frequency"),
        ("{lisinopril|DRUG} restarted once the kidneys recovered", "frequency"),
        ("{fatigue|CONDITION}, mild {cough|CONDITION}", "severity"),
        ("{pain|CONDITION} and left the hospital", "laterality"),
        ("{pain|CONDITION} on both flexion and extension", "laterality"),
        ("{fever|CONDITION}. Left arm normal", "laterality"),
        ("{LTBI|CONDITION}", "laterality"),
        ("RT-PCR for {influenza|CONDITION}", "laterality"),
        ("{Hemoglobin|MEASUREMENT} will be repeated in 2 weeks", "value"),
    ],
)
def test_what_belongs_to_something_else_is_left_alone(text, name):
    assert getattr(attributes(text)[1][0], name) is None


def test_two_drugs_keep_their_doses_apart():
    _, (first, second) = attributes("{lisinopril|DRUG} 10 mg daily, {atenolol|DRUG} 25 mg b.i.d.")
    assert (first.dose.value, first.frequency.times) == (10, 1)
    assert (second.dose.value, second.frequency.times) == (25, 2)


def test_a_dose_belongs_to_the_drug_before_it():
    _, (first, second) = attributes("{metformin|DRUG} 500 mg {glipizide|DRUG}")
    assert (first.dose.value, second.dose) == (500, None)


def test_a_status_is_said_of_all_drugs_of_a_list():
    _, drugs = attributes("Stopped {aspirin|DRUG}, {Plavix|DRUG} and {warfarin|DRUG}")
    assert [drug.status.value for drug in drugs] == ["stopped"] * 3
    _, (first, second) = attributes("Stop {aspirin|DRUG} 81 mg, {Plavix|DRUG} 75 mg daily")
    assert (first.status.value, second.status) == ("stopped", None)


def test_a_strength_stands_beside_the_dose():
    _, (drug,) = attributes("{amoxicillin|DRUG} suspension 400 mg/5 mL, 5 mL PO BID")
    assert (drug.dose.value, drug.dose.unit) == (5, "mL")
    assert (drug.strength.value, drug.strength.unit) == (400, "mg/(5.mL)")


def test_quantities_convert_by_ucum():
    _, (drug,) = attributes("{levothyroxine|DRUG} 75 mcg daily")
    assert drug.dose.pint().to("milligram").magnitude == pytest.approx(0.075)
    _, (weight,) = attributes("{Weight|MEASUREMENT} 100 lbs")
    assert weight.value.pint().to("kilogram").magnitude == pytest.approx(45.36, abs=0.01)


def test_every_unit_is_ucum():
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    for rule in unit_rules():
        registry.from_ucum(rule.code)
    for written in ("mg/dL", "K/uL", "mcg/kg/min", "mg/5 mL", "mL/min/1.73m2", "x10^9/L", "mIU/L", "units per hour"):
        registry.from_ucum(to_ucum(written))
    assert to_ucum("wombats") == ""


@pytest.mark.parametrize(
    ("text", "value", "offset"),
    [
        ("on 2020-03-14", "2020-03-14", ""),
        ("on 3/14/2020", "2020-03-14", ""),
        ("on 3/14/20", "2020-03-14", ""),
        ("in March 2020", "2020-03", ""),
        ("14 March 2020", "2020-03-14", ""),
        ("March 14, 2020", "2020-03-14", ""),
        ("resected 04/2020", "2020-04", ""),
        ("stroke in 2009", "2009", ""),
        ("CABG (2009)", "2009", ""),
        ("three weeks ago", "2026-10-31", "-P3W"),
        ("2 days ago", "2026-11-19", "-P2D"),
        ("a month ago", "2026-10", "-P1M"),
        ("5 years prior", "2021", "-P5Y"),
        ("yesterday", "2026-11-20", "-P1D"),
        ("this morning", "2026-11-21", "P0D"),
        ("in 2 weeks", "2026-12-05", "P2W"),
        ("last year", "2025", "-P1Y"),
        ("several weeks ago", "", ""),
        ("5000 years ago", "", "-P5000Y"),
    ],
)
def test_dates(text, value, offset):
    (found,) = find_dates(text, date(2026, 11, 21))
    assert (found.value, found.offset) == (value, offset)
    assert text[found.start : found.end] in text


def test_without_a_note_date_relative_dates_have_only_an_offset():
    (found,) = find_dates("three weeks ago")
    assert (found.value, found.offset) == ("", "-P3W")


@pytest.mark.parametrize(
    "text", ["BP 120/80", "5/10 pain", "ratio 3/4", "2/31/2020", "aged 45", "HCO3 24", "Mixtard 20-0-12", "0/5/21"]
)
def test_other_numbers_are_no_dates(text):
    assert find_dates(text) == []


def test_two_digits_of_a_year():
    assert find_dates("3/14/51")[0].value == "1951-03-14"
    assert find_dates("3/14/30")[0].value == "2030-03-14"
    assert find_dates("3/14/30", date(2026, 11, 21))[0].value == "1930-03-14"


def test_day_first():
    assert find_dates("3/4/2020", day_first=True)[0].value == "2020-04-03"
    assert find_dates("3/4/2020")[0].value == "2020-03-04"


def test_dates_are_tied_to_their_mentions():
    nlp = blank_pipeline("medlink_sentences")
    nlp.add_pipe("medlink_attributes", config={"note_date": "2026-11-21"})
    _, (first, second) = attributes("{stroke|CONDITION} in 2009 and {fever|CONDITION} two days ago", nlp)
    assert [one.value for one in first.dates] == ["2009"]
    assert [one.value for one in second.dates] == ["2026-11-19"]


def test_the_note_date_of_a_document_wins():
    nlp = blank_pipeline("medlink_attributes")
    doc = nlp.make_doc("fever yesterday")
    doc.ents = [spacy.tokens.Span(doc, 0, 1, "CONDITION")]
    doc._.note_date = date(2020, 1, 2)
    assert nlp(doc).ents[0]._.attributes.dates[0].value == "2020-01-01"
    with pytest.raises(MedlinkError, match="2026-11-21"):
        nlp.add_pipe("medlink_attributes", name="second", config={"note_date": "yesterday"})


def test_labels_without_attributes_and_saved_documents(tmp_path):
    text, (gene, drug) = attributes("{BRCA1|GENE} and {aspirin|DRUG} 81 mg daily")
    assert gene is None
    nlp = blank_pipeline("medlink_attributes")
    doc = nlp.make_doc(text)
    doc.ents = [spacy.tokens.Span(doc, 2, 3, "DRUG")]
    doc = nlp(doc)
    copy = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert copy.ents[0]._.attributes == doc.ents[0]._.attributes == drug
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).pipe_names == ["medlink_attributes"]


_PARTS = st.sampled_from([*"0 1 12 20 31 99 1999 1000000 / - . , ( ) ago days years in May".split(), " "])


@given(st.lists(_PARTS, max_size=8).map("".join), st.sampled_from([None, date(2024, 2, 29)]), st.booleans())
def test_any_text_has_dates_or_none(text, note_date, day_first):
    for found in find_dates(text, note_date, day_first=day_first):
        assert 0 <= found.start < found.end <= len(text)


@given(st.text(alphabet=st.sampled_from("0123456789 .,/-()mgLqdx:;%<>half "), max_size=60))
def test_any_text_around_a_mention(text):
    for label in ("DRUG", "MEASUREMENT", "CONDITION"):
        doc = PIPELINE.make_doc(f"{text} drug {text}")
        doc.ents = [spacy.tokens.Span(doc, t.i, t.i + 1, label) for t in doc if t.text == "drug"][:1]
        for entity in PIPELINE(doc).ents:
            found = entity._.attributes
            for name in found.__slots__:
                value = getattr(found, name)
                if hasattr(value, "start"):
                    assert 0 <= value.start < value.end <= len(doc.text)
