"""What a document names elsewhere decides between candidates that the mention leaves open."""

import pickle

import pytest
from encoders import TrigramEncoder
from hypothesis import given
from hypothesis import strategies as st

from medlink import Alias, Concept, Linker, Terminology
from medlink.linking.document_names import DocumentNames
from medlink.linking.evidence import FEATURES, Evidence
from medlink.linking.exact import exact_hits
from medlink.linking.model import LinkModel

TEXT = "Duchenne muscular dystrophy, and\nanaemia. The dystrophy progressed; Anemia did not."


@pytest.fixture(scope="module")
def dystrophies():
    return Terminology.from_records(
        "dystrophies",
        [
            Concept("B", "Becker muscular dystrophy"),
            Concept("D", "Duchenne muscular dystrophy"),
            Concept("A", "Anemia", (Alias("Lack of blood", "exact"), Alias("Low blood", "related"))),
        ],
    )


def rows(terminology, *ids):
    return {terminology.row(id_) for id_ in ids}


def test_names_outside_the_mention_count(dystrophies):
    start = TEXT.index("The dystrophy") + 4
    found = DocumentNames().elsewhere((TEXT, start, start + 9), dystrophies)
    assert found == rows(dystrophies, "D", "A")


@pytest.mark.parametrize(
    ("mention", "expected"), [("Duchenne muscular dystrophy", "A"), ("muscular", "A"), ("Anemia", "DA")]
)
def test_the_mention_itself_and_what_overlaps_it_do_not_count(dystrophies, mention, expected):
    start = TEXT.index(mention)
    found = DocumentNames().elsewhere((TEXT, start, start + len(mention)), dystrophies)
    assert found == rows(dystrophies, *expected)


def test_the_same_text_at_another_place_does_not_count(dystrophies):
    assert DocumentNames().elsewhere(("Anemia and anemia", 0, 6), dystrophies) == frozenset()


@given(st.text(alphabet="anemi ,.\n-", max_size=60), st.data())
def test_any_text_and_span_is_fine(dystrophies, text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert DocumentNames().elsewhere((text, start, end), dystrophies) <= rows(dystrophies, "A")


def test_it_goes_along_in_a_pickle(dystrophies):
    names = DocumentNames()
    before = names.elsewhere((TEXT, 0, 0), dystrophies)
    assert pickle.loads(pickle.dumps(names)).elsewhere((TEXT, 0, 0), dystrophies) == before


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("MD", 66, (10, 12)),
        ("muscular dystrophy", 10, (45, 63)),
        ("muscular dystrophy", 22, (45, 63)),
        ("something else", 66, (10, 12)),
        ("", 10, (10, 12)),
    ],
)
def test_a_mention_is_read_where_its_document_first_has_it_by_itself(dystrophies, words, at, expected):
    text = "AMD1 or a MD. Becker muscular dystrophy. The muscular dystrophy, MD"
    text = text.replace(", MD", ",, MD")
    end = at + (18 if text[at:].startswith("muscular") else 2)
    assert DocumentNames().first_place(words, (text, at, end), dystrophies) == (text, *expected)


def test_what_the_document_names_is_preferred(dystrophies):
    linker = Linker([dystrophies], model=LinkModel.from_encoder(TrigramEncoder()))
    for other, expected in (("Becker", "B"), ("Duchenne", "D")):
        text = f"Known {other} muscular dystrophy. The muscular dystrophy progressed."
        start = text.index("The muscular") + 4
        best = linker.link(["muscular dystrophy"], [(text, start, start + 18)])[0][0]
        assert best.concept_id == expected


def test_a_preferred_name_is_told_from_a_synonym(dystrophies):
    for text, expected in (("anemia", 1), ("lack of blood", 0)):
        evidence = Evidence(text)
        evidence.add("exact", exact_hits(text, dystrophies), dystrophies)
        features = evidence.features(evidence.sure(), dystrophies)
        assert features[0, FEATURES.index("preferred")] == expected
