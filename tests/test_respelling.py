"""Mentions with a typing error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.respelling import respelled

NAMES = (
    "Jaundice",
    "Headaches",
    "Exacerbation of asthma",
    "Dysphagia",
    "Ureteritis",
    "Severe abdominal pain",
    "Rabies",
)
TERMINOLOGY = Terminology.from_records("t", [Concept(str(i), name) for i, name in enumerate(NAMES)])


@pytest.mark.parametrize(
    ("mention", "right"),
    [
        ("jaunndice", "jaundice"),  # a letter too many,
        ("headahes", "headaches"),  # one too few,
        ("Jaudnice", "jaundice"),  # two that changed places
        ("exacerbatin of asthma", "exacerbation of asthma"),
        ("seevere abdomnial pain", "severe abdominal pain"),
        ("severe abdorninal pain", "severe abdominal pain"),  # as scanned
    ],
)
def test_a_typing_error_is_put_right(mention, right):
    assert respelled(mention, TERMINOLOGY) == right


@pytest.mark.parametrize(
    "mention",
    [
        "jaundiced",  # a word of a name, inflected
        "dysphasia",  # a wrong letter may make another word
        "urethritis",
        "babies",
        "ashma",  # too short to be sure
        "pianist",
        "",
    ],
)
def test_other_words_stay(mention):
    assert respelled(mention, TERMINOLOGY) == mention


def test_of_two_words_that_may_be_meant_none_is_chosen():
    both = Terminology.from_records("t", [Concept("1", "Metorrhagia"), Concept("2", "Menorrhagia")])
    assert respelled("meorrhagia", both) == "meorrhagia"


def test_a_word_of_another_terminology_is_no_typing_error():
    lungs = Terminology.from_records("lungs", [Concept("1", "Miliary")])
    work = Terminology.from_records("work", [Concept("1", "Military service")])
    assert [respelled("military", lungs, others) for others in ((), [work])] == ["miliary", "military"]
    assert all(c.nil for c in Linker([lungs], bridges=[work], threshold=0.93).link(["military"])[0])


def test_a_misspelt_mention_is_linked_by_the_name_that_it_is_put_right_to():
    linker = Linker([TERMINOLOGY], threshold=0.93)
    found = linker.link(["jaunndice", "worsening headahes", "jaunndice of the ears"])
    assert [[c.alias for c in of if not c.nil] for of in found] == [["Jaundice"], ["Headaches"], []]


@given(st.text(max_size=60))
def test_any_text_keeps_its_words(text):
    assert len(respelled(text, TERMINOLOGY).split()) == len(text.split())
