"""The shipped pipeline, end to end: what it promises a user."""

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medlink.recognition.mentions import GROUP

NOTES = sorted((Path(__file__).parents[1] / "examples" / "notes").glob("*.txt"))
# A process of its own, so that nothing is imported or warm, and without torch even where it is installed.
FRESH = """
import sys, time, json, pathlib
sys.modules["torch"] = None
start = time.perf_counter()
import spacy
imported = time.perf_counter()
nlp = spacy.load("en_medlink_sm")
loaded = time.perf_counter()
doc = nlp(open(sys.argv[1], encoding="utf-8").read())
first = time.perf_counter()
print(json.dumps({
    "load": loaded - imported, "first": first - loaded, "ents": len(doc.ents),
    "torch": [name for name, module in sys.modules.items() if name.split(".")[0] == "torch" and module],
    # The peak of this process; getrusage() would count what the test's own process holds.
    "megabytes": int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024,
}))
"""


def annotations(doc):
    return [
        (span.start_char, span.end_char, span.label_, span.kb_id_, span._.concepts, *said(span), span._.attributes)
        for span in [*doc.ents, *doc.spans[GROUP]]
    ]


def said(span):
    return span._.assertion.status, span._.assertion.temporality, span._.assertion.experiencer


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory is read from /proc")
def test_it_loads_fast_small_and_without_torch():
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", FRESH, NOTES[0]], check=True, capture_output=True).stdout)
        for _ in range(3)
    ]
    assert min(run["load"] for run in runs) < 2.0
    assert min(run["first"] for run in runs) < 1.0
    assert all(run["megabytes"] < 700 for run in runs)
    assert all(run["torch"] == [] and run["ents"] > 5 for run in runs)


def test_weights_keep_to_the_limits():
    # Below models/NAME/NAME; installing leaves copies in models/NAME/build.
    files = (Path(__file__).parents[1] / "models").glob("en_*/en_*/**/*.onnx")
    sizes = [file.stat().st_size for file in files]
    assert len(sizes) >= 3
    assert max(sizes) <= 30e6
    assert sum(sizes) <= 120e6


@pytest.mark.parametrize(
    ("note", "mention", "label", "code"),
    [
        ("discharge_summary", "pulmonary edema", "CONDITION", "J81.1"),
        ("discharge_summary", "Hyperlipidemia", "CONDITION", "E78.5"),
        ("discharge_summary", "apixaban", "DRUG", ""),
        ("clinic_letter", "scoliosis", "CONDITION", "M41.9"),
        ("clinic_letter", "cleft palate", "CONDITION", "Q35.9"),
        ("radiology_report", "pneumothorax", "CONDITION", "J93.9"),
        ("radiology_report", "Hepatic steatosis", "CONDITION", "K76.0"),
        ("ed_note", "heart attack", "CONDITION", "I21.9"),
        ("ed_note", "heparin", "DRUG", ""),
        ("operative_note", "Acute appendicitis", "CONDITION", "K35.80"),
        ("oncology_note", "hypothyroidism", "CONDITION", "E03.9"),
        ("oncology_note", "oxaliplatin", "DRUG", ""),
    ],
)
def test_the_example_notes_are_annotated_right(nlp, note, mention, label, code):
    text = next(path for path in NOTES if path.stem == note).read_text("utf-8")
    assert (mention, label, code) in {(ent.text, ent.label_, ent.kb_id_) for ent in nlp(text).ents}


def test_the_contract_of_candidates(nlp):
    doc = nlp("She had a heart attack and was given aspirin.")
    attack = next(ent for ent in doc.ents if ent.text == "heart attack")
    scores = [candidate.score for candidate in attack._.concepts]
    assert scores == sorted(scores, reverse=True)
    assert {candidate.terminology for candidate in attack._.concepts} == {"icd10cm", "hpo"}
    top = next(candidate for candidate in attack._.concepts if candidate.terminology == "icd10cm")
    assert (top.concept_id, top.alias, top.stage) == (attack.kb_id_, "heart attack", "exact")
    aspirin = next(ent for ent in doc.ents if ent.text == "aspirin")
    assert (aspirin.label_, aspirin.kb_id_, aspirin._.concepts) == ("DRUG", "", [])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(max_size=30)
        | st.sampled_from(
            [
                "chest pain",
                "heart attack",
                "\r\n",
                "\t",
                "  ",
                "\u202b",
                "سعال",
                "👩\u200d⚕️",
                "e\u0301",
                "\x00",
                "\ufeff",
            ]
        ),
        max_size=8,
    ).map(" ".join)
)
def test_offsets_hold_for_any_text_and_nothing_raises(nlp, text):
    doc = nlp(text)
    assert doc.text == text
    for start, end, *_ in annotations(doc):
        assert 0 <= start < end <= len(text)
    for span in doc.ents:
        assert text[span.start_char : span.end_char] == span.text == span.text.strip()


@pytest.mark.slow
def test_a_megabyte_is_annotated_and_offsets_hold(nlp):
    sentence = "Patient with chest pain\r\nand heart failure took furosemide 🙂 today.\n"
    text = sentence * (1_000_000 // len(sentence) + 1)
    doc = nlp(text)
    # Not every repetition need be tagged alike, but the end must be read like the beginning.
    last = [ent for ent in doc.ents if ent.start_char > len(text) - len(sentence)]
    assert {"chest pain", "heart failure", "furosemide"} <= {ent.text for ent in last}
    assert all(text[ent.start_char : ent.end_char] == ent.text for ent in doc.ents)


@pytest.mark.slow
def test_cost_a_character_does_not_grow_with_the_text(nlp):
    sentence = "Patient with chest pain\r\nand heart failure took furosemide today.\n"
    seconds = []
    for repeats in (150, 1500):
        nlp(sentence)
        began = time.perf_counter()
        nlp(sentence * repeats)
        seconds.append((time.perf_counter() - began) / repeats)
    assert seconds[1] < 2 * seconds[0]


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t \r\n"])
def test_nothing_is_found_in_nothing(nlp, text):
    assert annotations(nlp(text)) == []


@pytest.mark.slow
def test_the_same_input_gives_the_same_output_however_it_is_run(nlp, tmp_path):
    texts = [path.read_text("utf-8") for path in NOTES]
    expected = [annotations(nlp(text)) for text in texts]
    assert all(expected)
    assert [annotations(doc) for doc in nlp.pipe(texts)] == expected
    assert [annotations(doc) for doc in nlp.pipe(texts[::-1], batch_size=2)][::-1] == expected
    assert [annotations(doc) for doc in nlp.pipe(texts, n_process=2)] == expected
    nlp.to_disk(tmp_path / "pipeline")
    for again in (
        spacy.load(tmp_path / "pipeline"),
        spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),
    ):
        assert [annotations(doc) for doc in again.pipe(texts)] == expected


def test_documents_keep_their_concepts_in_bytes(nlp):
    doc = nlp("heart attack")
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert annotations(again) == annotations(doc)


@pytest.mark.slow
def test_the_shipped_terminologies_are_those_of_the_sources(nlp):
    from medlink.terminology.readers import READERS

    for terminology in nlp.get_pipe("medlink_linker").terminologies:
        source = READERS[terminology.name].read([])
        fresh = {concept.concept_id: concept.name for concept in source.concepts}
        assert {concept.concept_id: concept.name for concept in terminology} == fresh
        assert terminology.version == source.version


@pytest.mark.parametrize(
    ("note", "mention", "expected"),
    [
        ("discharge_summary", "chest pain", ("absent", "current", "patient")),
        ("discharge_summary", "breast cancer", ("present", "historical", "family")),
        ("discharge_summary", "syncope", ("present", "hypothetical", "patient")),
        ("discharge_summary", "pneumonia", ("absent", "current", "patient")),
        ("ed_note", "HTN", ("present", "historical", "patient")),
        ("ed_note", "MI", ("present", "historical", "family")),
        ("ed_note", "Aortic dissection", ("possible", "current", "patient")),
        ("radiology_report", "pneumothorax", ("absent", "current", "patient")),
        ("radiology_report", "lung cancer", ("possible", "current", "patient")),
        ("oncology_note", "Colon cancer", ("present", "current", "patient")),
        ("operative_note", "Acute appendicitis", ("present", "current", "patient")),
    ],
)
def test_what_the_notes_say_of_their_mentions(nlp, note, mention, expected):
    text = next(path for path in NOTES if path.stem == note).read_text("utf-8")
    assert expected in [said(span) for span in nlp(text).ents if span.text == mention]


def test_doses_are_read_in_the_medication_list(nlp):
    text = next(path for path in NOTES if path.stem == "discharge_summary").read_text("utf-8")
    drug = [span for span in nlp(text).ents if span.text == "furosemide"][-1]
    dose = drug._.attributes.dose
    assert (dose.value, dose.unit, drug._.attributes.route.value) == (40, "mg", "oral")
    assert drug._.assertion.status == "present"


def test_abbreviations_link_by_what_they_stand_for(nlp):
    linked = {span.text: span.kb_id_ for span in nlp("Echo: severe AS with a mean gradient of 45, TAVR planned.").ents}
    assert linked.get("AS", linked.get("Severe AS", "")).startswith("I35")


@pytest.mark.parametrize(
    "text",
    [
        "The needle was walked down off the clavicle and the catheter brought out through a separate stab wound.",
        "He sat down, then went down the stairs, could bend and jump, and put the book down on the table.",
        "A double-blind, placebo-controlled trial in healthy volunteers, who were seen every week.",
        "The ankle is stable. The tibia and the scapula are intact. Ribs, fingers and distal radius normal.",
        "The carpal tunnel was opened and the median nerve seen in its whole length.",
        "Cell adhesion, the open reading frame (ORF) and synaptic vesicles were studied.",
        "The valve was calcified as severe narrowing had been ruled out before.",
    ],
)
def test_ordinary_words_and_body_parts_are_no_conditions(nlp, text):
    doc = nlp.get_pipe("medlink_dictionary")(nlp.make_doc(text))
    assert [mention.text for mention in doc.spans[GROUP] if mention.label_ == "CONDITION"] == []
