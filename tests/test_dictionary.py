"""The dictionary finder finds names however they are written, and not what only looks like them."""

import time

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Span

from medlink import Alias, Concept, MedlinkError, Terminology
from medlink.models import blank_pipeline
from medlink.recognition.dictionary import MedlinkDictionary
from medlink.recognition.mentions import GROUP, add_mentions


@pytest.fixture(scope="module")
def finder(terminology):
    return MedlinkDictionary(terminologies=[terminology])


BLANK = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "medlink.ClinicalTokenizer.v1"}}})


def found(finder, text):
    doc = finder(BLANK(text))
    return [(span.text, span.kb_id_) for span in doc.spans[GROUP]]


@pytest.mark.parametrize(
    ("text", "mention", "concept"),
    [
        ("He had a heart attack.", "heart attack", "C1"),
        ("HEART ATTACKS run in the family", "HEART ATTACKS", "C1"),
        ("acute myocardial\ninfarction", "myocardial\ninfarction", "C1"),
        ("She is hearing impaired", "hearing impaired", "C2"),
        ("hearing loss since", "hearing loss", "C2"),
        ("low set ears", "low set ears", "C3"),
        ("ears that are low-set", None, None),
        ("Low\u2010set ears", "Low\u2010set ears", "C3"),
        ("mild anemia", "anemia", "C4"),
        ("anaemias", "anaemias", "C4"),
        ("anaemic patient", None, None),  # a single word must agree but for number and spelling
        ("renal anomalies", "renal anomalies", "C6"),
        ("abnormality of kidneys", "abnormality of kidneys", "C6"),
        ("the retinal vessels", None, None),
        ("treated for MI in May", "MI", "C1"),
        ("mi casa", None, None),  # an abbreviation stands as it is written
        ("type II diabetes mellitus", "type II diabetes mellitus", "C7"),
        ("femur fracture on the left", "femur fracture on the left", "C9"),
        ("left femoral fracture", "left femoral fracture", "C9"),
        ("pseudo-heart attack", None, None),
        ("heart-attack-like pain", None, None),
        ("heart. Attack", None, None),  # not across a full stop
        ("heart\n\nattack", None, None),  # nor a blank line
    ],
)
def test_names_in_text(finder, text, mention, concept):
    assert found(finder, text) == ([(mention, concept)] if mention else [])


def test_the_longest_name_wins_unless_nested_ones_are_wanted():
    terminology = Terminology.from_records("t", [Concept("A", "Colitis"), Concept("B", "Ulcerative colitis")])
    text = "ulcerative colitis"
    assert found(MedlinkDictionary(terminologies=[terminology]), text) == [("ulcerative colitis", "B")]
    nested = MedlinkDictionary(terminologies=[terminology], nested=True)
    assert found(nested, text) == [("ulcerative colitis", "B"), ("colitis", "A")]


def test_a_name_is_found_with_the_list_it_is_a_part_of():
    organs = [Concept(organ[0], f"Abnormality of the {organ}") for organ in ("kidney", "liver")]
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", organs)])
    assert found(finder, "No renal or hepatic anomalies.") == [("renal or hepatic anomalies", "l")]


def test_what_commas_add_is_found_with_a_name_or_with_the_mention_of_another_component():
    urge = Concept("1", "Urge incontinence")
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", [urge, Concept("2", "Hernia")])])
    doc = BLANK("Incontinence, urge; hernia, large")
    add_mentions(doc, [Span(doc, 0, 1, label="CONDITION"), Span(doc, 2, 3, label="CONDITION")], "other")
    assert [(span.text, span.kb_id_) for span in finder(doc).ents] == [("Incontinence, urge", "1"), ("hernia", "2")]
    # A part of it is no mention by itself any more.
    assert [span.text for span in doc.spans[GROUP]] == ["Incontinence", "Incontinence, urge", "hernia"]


def test_no_mention_ends_with_a_word_that_joins():
    failure = Concept("1", "Acute and chronic respiratory failure with hypoxia")
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", [failure])])
    text = "Acute and chronic respiratory failure with hypoxia and hypercapnia"
    assert found(finder, text) == [("Acute and chronic respiratory failure with hypoxia", "1")]
    assert found(finder, text.replace(" and", " on", 1)) == []


def test_a_body_part_is_not_another_with_the_same_words():
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", [Concept("A", "Pelvic kidney")])])
    assert found(finder, "A pelvic kidney, with a dilated renal pelvis.") == [("pelvic kidney", "A")]


def test_the_sign_for_a_fracture_is_read_but_where_it_begins_a_line():
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", [Concept("F", "Ankle fracture")])])
    for text in ("L ankle #, backslab", "Fell. # ankle", "bed 4: #ankle R"):
        assert [concept for _, concept in found(finder, text)] == ["F"], text
    for text in ("# Ankle swelling", "Plan:\n# Ankle swelling\n- # ankle sprain", "ankle # 2", "ankle #3 fracture"):
        assert found(finder, text) == [], text


def test_secondary_to_is_no_number_of_a_name():
    concepts = [Concept("D", "Diabetes mellitus"), Concept("2", "Diabetes type 2", (Alias("DM 2", "exact"),))]
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", concepts)])
    assert found(finder, "ESRD 2/2 DM, 2 DM") == [("2 DM", "2")]


def test_a_bullet_ends_a_name():
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", [Concept("S", "Leg swelling")])])
    assert [text for text, _ in found(finder, "swelling of the\nleg")] == ["swelling of the\nleg"]
    assert found(finder, "# Swelling\n- Leg ultrasound") == []


def test_few_capitals_are_no_inflection_of_a_word():
    finder = MedlinkDictionary(
        terminologies=[Terminology.from_records("t", [Concept("A", "Lues"), Concept("B", "Gout"), Concept("C", "PsA")])]
    )
    assert found(finder, "LUE weak. Lues 1962, GOUT, PSA 4.") == [("Lues", "A"), ("GOUT", "B")]


def test_an_abbreviation_that_means_something_else_here_is_no_name():
    names = [Concept("1", "Hemolytic uremic syndrome", aliases=(Alias("HUS", "exact"),))]
    nlp = blank_pipeline("medlink_abbreviations")
    finder = MedlinkDictionary(terminologies=[Terminology.from_records("t", names)])
    for text, expected in {
        "HUS with schistocytes, LDH 900, anuric on dialysis.": ["HUS"],
        "NICU DOL 7: HUS without IVH, repeat at 30 weeks.": [],
        "HUS.": ["HUS"],  # which it is, is not told
    }.items():
        doc = finder(nlp(text))
        assert [span.text for span in doc.spans[GROUP]] == expected


def test_types_scopes_and_stop_names_filter(terminology):
    text = "heart attack, low-set ears, hearing loss, anemia"
    only = MedlinkDictionary(terminologies=[terminology], types={"mini": ["T019"]})
    assert found(only, text) == [("low-set ears", "C3")]
    close = MedlinkDictionary(terminologies=[terminology], scopes=["preferred", "exact"], stop_names=["anaemias"])
    assert found(close, text) == [("heart attack", "C1"), ("low-set ears", "C3")]
    with pytest.raises(MedlinkError, match="unknown scope 'near'; choose from"):
        MedlinkDictionary(scopes=["near"])


def test_a_stop_name_stops_no_derivation_and_no_bacterium_is_a_disease():
    concepts = [Concept(str(i), name) for i, name in enumerate(["Alcoholism", "Burn", "Pneumonia", "Influenza"])]
    finder = MedlinkDictionary(
        terminologies=[Terminology.from_records("t", concepts)], stop_names=["alcoholic", "burning"]
    )
    text = "alcoholism, alcoholic, burns, burning, pneumonias, K. pneumoniae, H. influenzae, influenza"
    assert [one for one, _ in found(finder, text)] == ["alcoholism", "burns", "pneumonias", "influenza"]


def test_it_finds_in_any_tokenisation(terminology):
    nlp = spacy.blank("en")
    nlp.add_pipe("medlink_dictionary").set_terminologies([terminology])
    doc = nlp("Low-set ears/anaemia (heart attack)")
    assert [(ent.text, ent.label_) for ent in doc.ents if ent.kb_id_ == "C3"] == [("Low-set ears", "CONDITION")]
    assert doc.ents[-1]._.concepts[0].alias == "Heart attack"


def test_without_terminologies_it_says_what_to_do():
    nlp = spacy.blank("en")
    nlp.add_pipe("medlink_dictionary")
    with pytest.raises(MedlinkError, match="has no terminologies; set config"):
        nlp("text")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_searched_and_offsets_hold(terminology, text):
    doc = MedlinkDictionary(terminologies=[terminology])(BLANK(text))
    assert doc.text == text
    for span in doc.spans[GROUP]:
        assert text[span.start_char : span.end_char] == span.text


def _random_terminology(names, rng, words):
    concepts = [
        # "Zeta" is not in the text: names are looked up, and none is hit.
        Concept(f"R{i}", " ".join(["zeta", *rng.choice(words, size=3, replace=False)]), (Alias(f"zeta {i}", "exact"),))
        for i in range(names)
    ]
    return Terminology.from_records("random", concepts)


@pytest.mark.slow
def test_cost_does_not_grow_with_the_number_of_names():
    rng = np.random.default_rng(0)
    words = [f"{a}{b}{c}" for a in ("kar", "lum", "vert", "phren") for b in "aeiou" for c in ("dosis", "gram", "plex")]
    text = " ".join(rng.choice(words, size=20_000))
    doc = BLANK.make_doc(text)
    seconds = []
    for names in (300, 30_000):
        finder = MedlinkDictionary(terminologies=[_random_terminology(names, rng, words)])
        tokens = [token.text for token in doc]
        matcher = finder.matchers[0]
        assert matcher.find(tokens) == []
        best = min(_timed(matcher.find, tokens) for _ in range(5))
        seconds.append(best)
    assert seconds[1] < 3 * seconds[0]


def _timed(function, *arguments):
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began
