"""Near names vote together for what a mention means, up the hierarchy."""

import pickle

import pytest
from encoders import TrigramEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.dense import DenseStage
from medlink.linking.model import LinkModel
from medlink.linking.stages import Query

ACIDURIAS = [
    Concept("IV", "Metabolic disorders", types=("Chapter or section",)),
    Concept("E71", "Organic acidurias", types=("Disease",), parents=("IV",)),
    Concept("E71.1", "Propionic aciduria", types=("Disease",), parents=("E71",)),
    Concept("E71.2", "Methylmalonic aciduria", types=("Disease",), parents=("E71",)),
    Concept("E71.3", "Glutaric aciduria", types=("Disease",), parents=("E71",)),
    Concept("R82", "Glutaric", types=("Disease",), parents=("IV",)),
]


@pytest.fixture(scope="module")
def codes():
    return Terminology.from_records("codes", ACIDURIAS)


def votes_for(mention, terminology):
    (votes,) = DenseStage(TrigramEncoder()).votes([Query(mention)], terminology)
    return {terminology.concept_ids[row]: share for row, share in votes.items()}


def test_a_vote_for_a_concept_is_one_for_those_above_it_but_for_chapters(codes):
    votes = votes_for("malonic aciduria", codes)
    assert "IV" in votes  # a name of its own is as near as others
    assert votes["E71"] == pytest.approx(1 - votes["IV"] - votes["R82"], abs=1e-5)
    assert votes["E71"] > votes["E71.2"] > votes["E71.1"] > 0


def test_the_nearer_a_name_the_more_its_vote_counts(codes):
    assert votes_for("glutaric aciduria", codes)["E71.3"] > votes_for("glutaric acid", codes)["E71.3"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("abc diloructy", min_size=1, max_size=20), min_size=1, max_size=6))
def test_what_else_is_asked_and_how_many_names_were_searched_for_changes_no_vote(mentions):
    terminology = Terminology.from_records("codes", ACIDURIAS)
    stage = DenseStage(TrigramEncoder())
    together = stage.votes([Query(text) for text in mentions], terminology)
    for text, votes in zip(mentions, together, strict=True):
        stage.retrieve([Query(text)], terminology, 100)
        assert stage.votes([Query(text)], terminology) == [votes]
        assert all(0 <= share <= 1 for share in votes.values())


def test_only_the_nearest_names_vote():
    many = [Concept(f"C{i}", f"aciduria of kind {i:03}") for i in range(400)]
    terminology = Terminology.from_records("many", many)
    stage = DenseStage(TrigramEncoder())
    stage.retrieve([Query("aciduria of kind")], terminology, 400)
    (votes,) = stage.votes([Query("aciduria of kind")], terminology)
    assert len(votes) == 150
    assert sum(votes.values()) == pytest.approx(1, abs=1e-3)


def test_no_mentions_have_no_votes(codes):
    assert DenseStage(TrigramEncoder()).votes([], codes) == []


def test_a_linker_ranks_by_what_many_near_names_say(codes):
    def first(**more):
        weights = {name: dict(own) for name, own in default_calibration().weights["*"].items()}
        weights["full"] = {"bias": -1.0, "dense": 4.0, **more}
        linker = Linker([codes], model=LinkModel(TrigramEncoder(), Calibration({"*": weights})))
        candidates = linker.link(["glutaric acids"])[0]
        assert pickle.loads(pickle.dumps(linker)).link(["glutaric acids"]) == [candidates]
        return candidates

    assert [one.concept_id for one in first()[:2]] == ["E71.3", "R82"]
    by_votes = first(votes_above=9.0)
    assert [one.concept_id for one in by_votes[:4]] == ["E71.3", "E71.2", "E71", "E71.1"]
    assert by_votes[2].stages["votes"] > by_votes[0].stages["votes"] > by_votes[1].stages["votes"]
