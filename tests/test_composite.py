"""Mentions that name several concepts are read as several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.composite import split_mention


@pytest.mark.parametrize(
    ("mention", "parts"),
    [
        ("breast and ovarian cancer", ["breast cancer", "ovarian cancer"]),
        ("breast, ovarian, and colon cancers", ["breast cancers", "ovarian cancers", "colon cancers"]),
        ("Duchenne and Becker muscular dystrophy", ["Duchenne muscular dystrophy", "Becker muscular dystrophy"]),
        ("neoplasms of the breast and ovary", ["neoplasms of breast", "neoplasms of ovary"]),
        ("renal/hepatic failure", ["renal failure", "hepatic failure"]),
        ("hyper- and hypothyroidism", ["hyperthyroidism", "hypothyroidism"]),
        ("nausea and vomiting", ["nausea", "vomiting"]),
        ("pulmonary edema & fibrosis", ["pulmonary edema", "pulmonary fibrosis"]),
        ("ascites and edema due to cirrhosis", ["ascites", "edema", "cirrhosis"]),
        ("Acute-on-chronic renal failure", ["acute renal failure", "chronic renal failure"]),
    ],
)
def test_a_list_is_read_in_the_way_that_is_meant_among_others(mention, parts):
    assert parts in split_mention(mention)


@pytest.mark.parametrize("mention", ["rash", "", "anderson disease", "sandstorm lung", "hand and"])
def test_what_joins_nothing_is_left_whole(mention):
    assert all(len(way) > 1 and all(way) for way in split_mention(mention))
    if mention != "hand and":
        assert split_mention(mention) == []


@given(st.text(alphabet="ab ,/-and", max_size=30))
def test_no_part_is_empty(text):
    assert all(len(way) > 1 and all(part.strip() for part in way) for way in split_mention(text))


def test_both_concepts_come_first_and_say_what_they_were_looked_up_by():
    terminology = Terminology.from_records(
        "t", [Concept("B", "Breast cancer"), Concept("O", "Ovarian cancer"), Concept("H", "Hand and foot syndrome")]
    )
    linker = Linker([terminology])
    ranked = linker.link(["breast and ovarian cancer"])[0]
    assert [(c.concept_id, c.query) for c in ranked[:2]] == [("B", "breast cancer"), ("O", "ovarian cancer")]
    # A name that has the word is that name.
    assert linker.link(["hand and foot syndrome"])[0][0].concept_id == "H"
    # One part that fits nothing is no reason to name the other alone.
    assert all(c.nil or c.query != "breast cancer" for c in linker.link(["breast and sparrow cancer"])[0])


def test_of_three_parts_one_may_fit_nothing():
    names = ("Kidney anomaly", "Liver anomaly", "Ear anomaly")
    linker = Linker([Terminology.from_records("t", [Concept(name[0], name) for name in names])])
    ranked = linker.link(["liver, sparrow and ear anomaly"])[0]
    assert [c.concept_id for c in ranked if not c.nil] == ["L", "E"]
    assert all(c.nil or c.query != "ear anomaly" for c in linker.link(["sparrow, robin and ear anomaly"])[0])
