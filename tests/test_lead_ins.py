"""Lines that lead into a list, and what they say of its items."""

import time

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from medlink.assertion.values import Assertion
from medlink.document.lead_ins import lead_ins

WORDS = ("fever", "rash", "vomiting", "gout", "asthma")


def led(text):
    """The lead-in of each line that has one."""
    return {text[line:].split("\n")[0].strip(): text[slice(*lead)] for line, lead in lead_ins(text).items()}


def said(text):
    nlp = spacy.blank("en")
    for name in ("sections", "sentences"):
        nlp.add_pipe(f"medlink_{name}")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CONDITION", "pattern": [{"LOWER": w}]} for w in WORDS])
    nlp.add_pipe("medlink_assertion")
    return {entity.text.lower(): entity._.assertion for entity in nlp(text).ents}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Return if you have:\n- fever\n- rash\n\nGout",
            {"- fever": "Return if you have:", "- rash": "Return if you have:"},
        ),
        ("Seen today. Return if:\n\n1. fever\n2) rash", {"1. fever": "Return if:", "2) rash": "Return if:"}),
        ("Call for:\nfever\nrash\n\ngout", {"fever": "Call for:", "rash": "Call for:"}),
        ("1. Denies:\n  - fever\n2. Gout", {"- fever": "Denies:"}),
        ("- Denies:\n- gout", {}),
        (
            "Call for:\n- fever\n- any of:\n  • rash",
            {"- fever": "Call for:", "- any of:": "Call for:", "• rash": "any of:"},
        ),
        (
            "Please come back to the emergency department if you get\nany of these:\n-fever",
            {"-fever": "Please come back to the emergency department if you get\nany of these:"},
        ),
        (
            "Denies:\n- fever that came and went over the course of the last\nfew days\n- rash\nGout.",
            {"- fever that came and went over the course of the last": "Denies:", "- rash": "Denies:"},
        ),
        ("Denies:\nfever\nGout is stable and does not need treatment.", {"fever": "Denies:"}),
        ("Denies:\n\nfever", {}),
        ("Denies fever.\n- gout", {}),
        (":\n- gout", {}),
    ],
)
def test_the_lead_in_of_items(text, expected):
    assert led(text) == expected


@pytest.mark.parametrize(
    ("text", "absent", "hypothetical"),
    [
        ("Return to the ER if you have:\n- fever\n- rash\n\nGout is stable.", (), ("fever", "rash")),
        ("She denies the following:\n* fever\n* rash\n\nGout", ("fever", "rash"), ()),
        ("No evidence of:\n1) rash\n2) vomiting", ("rash", "vomiting"), ()),
        ("Seek medical attention for:\nFever\nVomiting\n\nGout", (), ("fever", "vomiting")),
        ("Negative for:\n- fever. He has a rash.\n- vomiting", ("fever", "vomiting"), ()),
        ("Discharge tomorrow if stable:\n- gout\n\nInstructions for when you go home:\n- asthma", (), ()),
        ("Watch for signs of rash:\n- fever\n- vomiting", (), ("rash", "fever", "vomiting")),
        ("Because of no asthma she takes the following:\n- gout", ("asthma",), ()),
    ],
)
def test_items_are_what_the_lead_in_says(text, absent, hypothetical):
    for word, assertion in said(text).items():
        assert (word in absent) == (assertion.status == "absent"), word
        assert (word in hypothetical) == (assertion.temporality == "hypothetical"), word


def test_an_item_speaks_for_itself_first():
    of = said("Patient denies:\n- fever\n- but has a rash\n- vomiting in the past")
    assert [of[word].status for word in ("fever", "rash", "vomiting")] == ["absent", "present", "absent"]
    assert of["vomiting"].temporality == "historical"


def test_the_trigger_is_in_the_lead_in():
    text = "BP 120/80. Patient denies:\n- rash\n- fever"
    assertion = said(text)["fever"]
    assert [(trigger.span.text, trigger.span.start_char) for trigger in assertion.triggers] == [("denies:", 19)]
    assert said("Plan:\n- gout\n")["gout"] == Assertion()


@given(st.text(alphabet="a1-•:. \n", max_size=80))
def test_any_text(text):
    for line, (start, end) in lead_ins(text).items():
        assert line == 0 or text[line - 1] == "\n"
        assert 0 <= start < end < line
        assert text[end - 1] == ":"


def test_time_grows_with_the_length_and_not_faster():
    def per_item(items):
        text = "".join(f"{' ' * (i % 50)}- a{i}:\n" for i in range(items))
        began = time.perf_counter()
        lead_ins(text)
        return (time.perf_counter() - began) / items

    assert min(per_item(20_000) for _ in range(3)) < 3 * min(per_item(1_000) for _ in range(3))
