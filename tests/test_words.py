"""Words that mean the same have one stem, words that do not have two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink.terminology.words import (
    bag_hash,
    is_abbreviation,
    is_another_word,
    is_kin,
    names_other_part,
    spelling,
    stem,
    stems_of,
    tells_of_other,
    verbatim_key,
    words_of,
)


@pytest.mark.parametrize(
    "family",
    [
        "anemia anaemia anaemic anemic",
        "tumor tumour tumors tumours",
        "edema oedema edematous",
        "hemorrhage haemorrhage hemorrhages hemorrhagic",
        "stenosis stenoses stenotic",
        "ataxia ataxic",
        "epilepsy epileptic",
        "vertebra vertebrae vertebral",
        "dysplasia dysplastic",
        "arthritis arthritic",
        "diabetes diabetic",
        "kidney renal kidneys",
        "tooth teeth dental",
        "hospitalized hospitalised",
        "II 2",
    ],
)
def test_inflection_derivation_and_spelling_share_a_stem(family):
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(
    "pair",
    [
        "hypotension hypertension",
        "ileum ilium",
        "left right",
        "1 2",
        "hepatitis hepatic",
        "meningitis meningeal",
        "myocarditis myocardial",
        "kidney liver",
        "with without",
    ],
)
def test_different_words_keep_different_stems(pair):
    one, other = pair.split()
    assert stem(one) != stem(other)


def test_spelling_keeps_derivations_apart_but_not_plurals():
    assert spelling("tumours") == spelling("tumor")
    assert spelling("biopsies") == spelling("biopsy")
    assert spelling("retinal") != spelling("retinitis")


def test_a_negation_is_never_left_out():
    assert stems_of("fever without chills") != stems_of("fever chills")


def test_order_does_not_count_in_a_bag():
    assert bag_hash(stems_of("cyst of the kidney")) == bag_hash(stems_of("kidney cysts"))


@pytest.mark.parametrize("name", ["# ankle", "#ankle", "ankle #", "ankle #s"])
def test_the_sign_for_a_fracture_is_a_word(name):
    assert sorted(stems_of(name)) == sorted(stems_of("ankle fracture"))


def test_the_sign_before_a_number_is_none():
    assert stems_of("tooth #19") == stems_of("tooth 19")
    assert stems_of("# 30 tablets") == stems_of("30 tablets")


def test_whose_it_is_makes_no_other_name():
    assert bag_hash(stems_of("blood in her stools")) == bag_hash(stems_of("blood in the stool"))


@pytest.mark.parametrize(
    ("text", "name", "other"),
    [
        ("renal pelvis", "Pelvic kidney", True),
        ("pelvis of the kidney", "Pelvic kidney", False),  # ends with the same body part
        ("abnormal kidney", "Renal abnormality", False),
        ("pain of the knee", "Knee pain", False),
    ],
)
def test_body_parts_of_the_same_words_are_told_apart_by_the_last(text, name, other):
    assert names_other_part(text, name) is other


@pytest.mark.parametrize(
    ("text", "name", "kin"),
    [
        ("MIs", "MI", True),
        ("IL-6", "IL6", True),
        ("IF-GLD", "GLD", True),
        ("CMT4X", "CMT2A", True),
        ("HNPCC", "HNSCC", False),
        ("CMT4X", "CTX", False),
        ("T2N0", "T4N1", False),
    ],
)
def test_abbreviations_are_kin_by_their_letters(text, name, kin):
    assert is_kin(text, name) is kin


@pytest.mark.parametrize(
    ("text", "name", "other"),
    [
        ("alcohol", "Alcoholism", True),
        ("sleep", "sleepy", True),
        ("spots", "Spotting", True),
        ("cut", "cutting", True),
        ("prev", "Previa", True),
        ("closed", "clot", True),
        ("called", "calluses", True),
        ("sept", "septic", True),
        ("over", "overeating", True),
        ("the pint", "Pinta", True),
        ("vomit", "Vomiting", False),
        ("asthmatic", "Asthma", False),
        ("itching", "Itch", False),
        ("ataxic", "Ataxia", False),
        ("stenosed", "stenosis", False),
        ("anaemic", "anemia", False),
        ("allergic", "allergies", False),
        ("thrombi", "Thrombus", False),
        ("oedematous", "Edema", False),
        ("neoplasm", "tumour", False),
        ("spot", "blood spotting", False),
    ],
)
def test_a_word_of_the_same_stem_may_be_another(text, name, other):
    assert is_another_word(text, name) is other


@pytest.mark.parametrize(
    ("text", "name", "other"),
    [
        ("burning feet", "Burn of foot", True),
        ("burn of mouth", "burning mouth", True),
        ("biting of lip", "Open bite of lip", True),
        ("burning feet", "Paresthesia of foot", False),
        ("burning sensation", "Burning sensation of skin", False),
        ("burn of foot", "Burns of foot", False),
    ],
)
def test_what_is_felt_or_done_is_no_injury(text, name, other):
    assert tells_of_other(text, name) is other


def test_parts_of_names_of_bacteria_are_no_diseases():
    assert spelling("pneumonias") == spelling("pneumonia") != spelling("pneumoniae")
    assert spelling("vertebrae") == spelling("vertebra")


@given(st.text())
def test_any_text_has_words_stems_and_a_key(text):
    assert bool(words_of(text)) == bool(text.split())
    assert bool(stems_of(text)) == bool(text.split())
    assert verbatim_key(verbatim_key(text)) == verbatim_key(text)


@pytest.mark.parametrize(
    ("name", "answer"), [("MI", True), ("IgA", True), ("T2DM", True), ("Mole", False), ("A B", False)]
)
def test_abbreviations(name, answer):
    assert is_abbreviation(name) is answer
