"""Abbreviations that are mentions because their long forms are."""

import pytest

from medlink.models import blank_pipeline
from medlink.recognition.short_forms import short_forms


@pytest.fixture(scope="module")
def find():
    nlp = blank_pipeline()

    def find(text, *mentions):
        doc = nlp.make_doc(text)
        found = []
        for words, label, score in mentions:
            at = text.index(words)
            found.append((doc.char_span(at, at + len(words), label=label), score))
        return [(span.text, span.start_char, span.label_, score) for span, score in short_forms(doc, found)]

    return find


def test_each_place_of_the_abbreviation_is_a_mention(find):
    text = "Propylthiouracil (PTU) was stopped.\nPTU-induced hepatitis; no PTUS."
    assert find(text, ("Propylthiouracil", "DRUG", 0.9)) == [("PTU", 18, "DRUG", 0.9), ("PTU", 36, "DRUG", 0.9)]


def test_a_mention_that_ends_with_the_long_form_counts_and_one_that_is_wider_does_not(find):
    text = "A trial of oral sodium valproate (SV). SV helped."
    assert find(text, ("valproate", "DRUG", 0.8)) == [("SV", 34, "DRUG", 0.8), ("SV", 39, "DRUG", 0.8)]
    assert find(text, ("oral sodium valproate", "DRUG", 0.8)) == []
    assert find(text, ("sodium", "DRUG", 0.8)) == []


def test_long_forms_are_known_again_later_over_lines_and_in_other_case(find):
    text = "Heart failure (HF). Known for heart\nfailure. HF."
    assert find(text, ("heart\nfailure", "CONDITION", 0.7)) == [
        ("HF", 15, "CONDITION", 0.7),
        ("HF", 45, "CONDITION", 0.7),
    ]


def test_what_is_found_already_is_not_found_again_but_may_have_another_label(find):
    text = "Right atrium (RA) dilated. RA pressure."
    assert find(text, ("Right atrium", "ANATOMY", 0.9), ("RA pressure", "ANATOMY", 0.6)) == [("RA", 14, "ANATOMY", 0.9)]
    assert find(text, ("Right atrium", "ANATOMY", 0.9), ("RA pressure", "MEASUREMENT", 0.6)) == [
        ("RA", 14, "ANATOMY", 0.9),
        ("RA", 27, "ANATOMY", 0.9),
    ]


def test_what_is_defined_twice_is_found_once(find):
    text = "Heart failure (HF). Later: heart failure (HF)."
    assert [start for _, start, _, _ in find(text, ("Heart failure", "CONDITION", 0.7))] == [15, 42]


def test_nothing_is_found_where_nothing_is_defined(find):
    assert find("Aspirin (81 mg), ASA.", ("Aspirin", "DRUG", 0.9)) == []
    assert find("") == []
