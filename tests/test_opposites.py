"""No mention is linked to a name that says its opposite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.opposites import contradicts, without_opposites


@pytest.mark.parametrize(
    ("mention", "name"),
    [
        ("non-alcoholic cirrhosis", "Alcoholic cirrhosis of liver"),
        ("non alcoholic cirrhosis", "Alcoholic cirrhosis of liver"),
        ("nonalcoholic cirrhosis", "Alcoholic cirrhosis of liver"),
        ("ischemic cardiomyopathy", "Nonischemic cardiomyopathy"),
        ("non-ischemic cardiomyopathy", "Noncompaction cardiomyopathy"),
        ("hyperkalemia", "Hypokalemia"),
        ("macrocytosis", "Microcytosis"),
        ("acute gastritis", "Chronic gastritis"),
        ("elevated TSH", "Decreased TSH level"),
        ("left foot drop", "Foot drop, right foot"),
        ("benign neoplasm of skin", "Malignant neoplasm of skin"),
    ],
)
def test_a_name_that_says_the_opposite(mention, name):
    assert contradicts(mention, name)
    assert contradicts(name, mention)


@pytest.mark.parametrize(
    ("mention", "name"),
    [
        ("non-alcoholic cirrhosis", "Cirrhosis of liver"),
        ("non-alcoholic cirrhosis", "Nonalcoholic steatohepatitis"),
        ("acute on chronic heart failure", "Chronic heart failure"),
        ("combined systolic and diastolic dysfunction", "Diastolic dysfunction"),
        ("gastritis", "Chronic gastritis"),
        ("none of these", "these"),
        ("hypertension", "Hypotony of eye"),
        ("posterior uveitis", "Uveitis"),
        ("osteogenesis imperfecta type 9", "Osteogenesis imperfecta type I"),
        ("preterm birth", "Post-term pregnancy"),
    ],
)
def test_a_name_that_does_not(mention, name):
    assert not contradicts(mention, name)


@given(st.text(max_size=40))
def test_no_name_is_its_own_opposite(text):
    assert not contradicts(text, text)


_WORDS = "acute chronic left right hyperkalemia hypokalemia raised reduced non alcoholic nonalcoholic None".split()
phrases = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4).map(" ".join)


@given(phrases, st.lists(phrases, min_size=1, max_size=5))
def test_of_hits_those_that_contradict_are_left_out_and_no_others(mention, names):
    left = set(without_opposites(dict(enumerate(names)), mention).values())
    assert left == {name for name in names if not contradicts(mention, name)}


def test_what_is_searched_for_is_no_opposite():
    terminology = Terminology.from_records(
        "own",
        [
            Concept("1", "Alcoholic cirrhosis of liver"),
            Concept("2", "Hypophosphatasia of childhood"),
            Concept("3", "Cirrhosis of liver"),
        ],
    )
    linker = Linker([terminology], threshold=0.3)
    assert [one.concept_id for one in linker.link(["non-alcoholic cirrhosis of the liver"])[0]] == ["3"]
    assert not linker.link(["hyperphosphatasia of childhood"])[0]


@pytest.mark.parametrize("mention", ["Fabry carrier", "carriers of Fabry disease", "borderline hypertension"])
def test_who_carries_a_disease_or_nearly_has_it_does_not_have_it(mention):
    assert contradicts(mention, "Fabry disease")
    assert contradicts(mention, "Hypertension")
    assert not contradicts(mention, mention.upper())
