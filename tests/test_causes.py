"""Mentions that name their cause are looked up by the kind of cause, and then without it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.causes import by_kind_of_cause, split_cause
from medlink.linking.expansion import cause_before


@pytest.mark.parametrize(
    ("mention", "ways"),
    [
        (
            "docetaxel-induced neutropenia",
            ("chemotherapy-induced neutropenia", "drug-induced neutropenia", "neutropenia"),
        ),
        ("chemo-related fatigue", ("chemotherapy-induced fatigue", "drug-induced fatigue", "fatigue")),
        ("ACE inhibitor induced angioedema", ("drug-induced angioedema", "angioedema")),
        ("Steroid-Induced Myopathy", ("drug-induced Myopathy", "Myopathy")),
        ("beta-blocker-induced bradycardia", ("drug-induced bradycardia", "bradycardia")),
        ("lisinopril-associated cough", ("drug-induced cough", "cough")),
        ("hypotension-induced AKI", ("AKI",)),
        ("anemia due to chemotherapy", ("chemotherapy-induced anemia", "drug-induced anemia", "anemia")),
        ("angioedema secondary to an ACE inhibitor", ("drug-induced angioedema", "angioedema")),
        ("ascites due to cirrhosis", ()),
        ("HIV-associated nephropathy", ()),
        ("catheter-related bloodstream infection", ()),
        ("methamphetamine-induced psychosis", ()),
        ("neuropathy", ()),
        ("induced hypothermia", ()),
    ],
)
def test_a_cause_is_read_as_its_kind(mention: str, ways: tuple[str, ...]) -> None:
    assert by_kind_of_cause(mention) == ways


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_condition_stays_as_it_is_written(cause: str, condition: str) -> None:
    for way in by_kind_of_cause(f"{cause}-induced {condition}"):
        assert condition.strip().endswith(way.rpartition("-induced ")[2])


def test_the_narrowest_kind_that_has_a_name_is_linked() -> None:
    concepts = [
        Concept("1", "Neuropathy"),
        Concept("2", "Drug-induced neuropathy"),
        Concept("3", "Nausea"),
        Concept("4", "Chemotherapy-induced nausea"),
    ]
    linker = Linker([Terminology.from_records("t", concepts)])
    asked = [
        "cisplatin-induced neuropathy",
        "cisplatin-induced nausea",
        "amiodarone-induced nausea",
        "sepsis-induced nausea",
    ]
    found = [[one.concept_id for one in of if not one.nil][:1] for of in linker.link(asked)]
    assert found == [["2"], ["4"], ["3"], ["3"]]


def test_a_cause_that_is_written_before_the_mention_counts() -> None:
    concepts = [Concept("1", "Neuropathy"), Concept("2", "Drug-induced neuropathy")]
    linker = Linker([Terminology.from_records("t", concepts)])
    text = "Oxaliplatin-induced neuropathy, hereditary neuropathy"
    first, second = text.index("neuropathy"), text.rindex("neuropathy")
    contexts = [(text, at, at + len("neuropathy")) for at in (first, second)]
    found = linker.link(["neuropathy"] * 2, contexts)
    assert [of[0].concept_id for of in found] == ["2", "1"]


@pytest.mark.parametrize(
    ("before", "word"),
    [
        ("a former ", "former smoker"),
        ("Traumatic R ", "Traumatic smoker"),
        ("a spontaneous right ", "spontaneous smoker"),
        ("an ex-", "ex-smoker"),
        ("a drug-induced ", "drug-induced smoker"),
        ("steroid related ", "steroid related smoker"),
        ("a heavy ", ""),
        ("unrelated ", ""),
    ],
)
def test_what_makes_another_condition_is_read_with_it(before: str, word: str) -> None:
    assert cause_before(f"{before}smoker", len(before), "smoker") == word


@pytest.mark.parametrize(
    ("mention", "parts"),
    [
        ("ascites due to cirrhosis", ("ascites", "cirrhosis")),
        ("anemia 2/2 GI bleed", ("anemia", "GI bleed")),
        ("hypoxia caused by the flu", ("hypoxia", "flu")),
        ("rash due to", None),
        ("secondary to sepsis", None),
        ("cirrhosis", None),
    ],
)
def test_a_condition_is_told_from_what_it_is_due_to(mention: str, parts: tuple[str, str] | None) -> None:
    assert split_cause(mention) == parts


@pytest.fixture(scope="module")
def icd10cm() -> Linker:
    return Linker.load("en_medlink_sm", ["icd10cm"])


@pytest.mark.parametrize(
    ("mention", "codes"),
    [
        ("ascites due to cirrhosis", {"R18.8", "K74.60"}),
        ("ascites and edema secondary to cirrhosis", {"R18.8", "R60.9", "K74.60"}),
        # One code says both.
        ("neuropathy due to diabetes", {"E11.40"}),
        ("anemia due to carboplatin", {"D64.81"}),
    ],
)
def test_a_condition_and_what_it_is_due_to_are_coded(icd10cm: Linker, mention: str, codes: set[str]) -> None:
    assert {one.concept_id for one in icd10cm.link([mention], k=3)[0] if not one.nil} == codes
