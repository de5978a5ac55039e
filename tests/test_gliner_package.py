"""The shipped en_medlink_gliner, end to end: what it finds, and how it goes along with en_medlink_sm."""

import json
import subprocess
import sys

import pytest
import spacy

from medlink.recognition.mentions import GROUP
from medlink.types import LABELS

TEXT = "Fell at home with a hip fracture. Takes warfarin. Hemiarthroplasty was done under spinal anesthesia; Foley out."
# A process of its own, so that nothing is imported or warm, and without torch even where it is installed.
FRESH = """
import sys, time, json
sys.modules["torch"] = None
import spacy
began = time.perf_counter()
nlp = spacy.load("en_medlink_gliner")
loaded = time.perf_counter() - began
print(json.dumps({"load": loaded, "mentions": len(nlp(sys.argv[1]).ents)}))
"""


@pytest.fixture(scope="module")
def gliner():
    return spacy.load("en_medlink_gliner")


def found(doc, label=None):
    return {span.text for span in doc.spans[GROUP] if label in (None, span.label_)}


@pytest.mark.slow
def test_it_loads_fast_and_without_torch():
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", FRESH, TEXT], check=True, capture_output=True).stdout)
        for _ in range(3)
    ]
    assert min(run["load"] for run in runs) < 2.5
    assert all(run["mentions"] >= 3 for run in runs)


def test_it_finds_medlinks_labels_with_their_assertion(gliner):
    doc = gliner(TEXT + " No fever.")
    assert "hip fracture" in found(doc, "CONDITION")
    assert found(doc, "DRUG") == {"warfarin"}
    assert "Hemiarthroplasty" in found(doc, "PROCEDURE")
    assert {span.label_ for span in doc.spans[GROUP]} <= set(LABELS)
    fever = next(span for span in doc.spans[GROUP] if span.text == "fever")
    assert fever._.assertion.status == "absent"
    assert 0.5 <= fever._.finders["medlink_gliner"] <= 1


def test_types_in_plain_words_are_asked_for_with_a_call(gliner):
    ask = {"medlink_gliner": {"labels": ["implant", "blood thinner"]}}
    doc = gliner("Hip prosthesis in 2019, on warfarin. She has asthma.", component_cfg=ask)
    assert found(doc, "implant") == {"Hip prosthesis"}
    assert found(doc, "blood thinner") == {"warfarin"}
    assert found(doc) == {"Hip prosthesis", "warfarin"}


def test_a_long_note_is_read_to_its_end_and_batches_change_nothing(gliner):
    text = "\n".join(f"Day {i}: afebrile, no new complaints, walked in the hall." for i in range(300))
    text += "\nDay 301: chest pain, given morphine."
    whole = gliner(text)
    assert {"chest pain", "morphine"} <= found(whole)
    texts = [text, TEXT, "", "Warfarin."]

    def spans(doc):
        return [(s.start_char, s.end_char, s.label_, s._.finders) for s in doc.spans[GROUP]]

    alone = [spans(gliner(one)) for one in texts]
    assert [spans(doc) for doc in gliner.pipe(texts, batch_size=4)] == alone
    assert [spans(doc) for doc in gliner.pipe(reversed(texts), batch_size=2)] == alone[::-1]


def test_it_stands_beside_the_finders_of_the_other_package(gliner):
    nlp = spacy.load("en_medlink_sm")
    nlp.add_pipe("medlink_gliner", source=gliner, after="medlink_ner")
    doc = nlp("He has COPD and takes warfarin.")
    warfarin = next(ent for ent in doc.ents if ent.text == "warfarin")
    assert {"medlink_ner", "medlink_gliner"} <= warfarin._.finders.keys()
    copd = next(ent for ent in doc.ents if ent.text == "COPD")
    assert copd.kb_id_ == "J44.9"
