"""Priors: what names meant in annotated text finds concepts that no dictionary name leads to."""

import pytest
from encoders import TrigramEncoder
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, MedlinkError, Terminology
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.model import LinkModel
from medlink.linking.priors import Priors, PriorStage
from medlink.linking.stages import Query

SEEN = [("toxicity", "D1")] * 8 + [("Toxicity", "D2"), ("rigor", ""), ("renal toxicity", "D3")]


@pytest.fixture(scope="module")
def diseases():
    concepts = [Concept("D1", "Drug-Related Side Effects"), Concept("D3", "Kidney Diseases"), Concept("D9", "Rigor")]
    return Terminology.from_records("diseases", concepts)


def test_the_more_mentions_meant_a_concept_the_surer():
    of = Priors.count(SEEN).of("TOXICITY")
    assert of == {"D1": pytest.approx(8 / 9.5), "D2": pytest.approx(1 / 9.5)}
    assert Priors.count(SEEN[:8]).of("toxicity")["D1"] > of["D1"]


def test_another_order_or_number_of_words_counts_a_little_less_and_nil_is_no_concept():
    priors = Priors.count(SEEN)
    assert 0 < priors.of("toxicities, renal")["D3"] < priors.of("renal toxicity")["D3"]
    assert priors.of("rigor") == priors.of("never seen") == {}


def test_only_concepts_of_the_terminology_are_found(diseases):
    (hit,) = PriorStage(Priors.count(SEEN)).retrieve([Query("toxicity")], diseases, 5)[0]
    assert (diseases.aliases[hit.alias], hit.score) == ("Drug-Related Side Effects", pytest.approx(8 / 9.5))


def test_a_linker_with_priors_knows_what_annotators_meant(diseases):
    weights = {name: dict(own) for name, own in default_calibration().weights["*"].items()}
    weights["exact"] = {"bias": -3.0, "verbatim": 6.0, "prior_alone": 6.0}
    model = LinkModel(TrigramEncoder(), Calibration({"*": weights}), priors=Priors.count(SEEN))
    linker = Linker([diseases], model=model)
    best, exact = (candidates[0] for candidates in linker.link(["toxicity", "rigor"]))
    assert (best.concept_id, best.stage, best.nil) == ("D1", "prior", False)
    assert (exact.concept_id, exact.stage) == ("D9", "exact")
    assert best.stages["prior"] == pytest.approx(8 / 9.5, abs=1e-4)


@given(st.lists(st.tuples(st.text(), st.text())))
def test_priors_survive_storage(mentions):
    priors = Priors.count(mentions)
    again = Priors.from_json(priors.to_json())
    assert again == priors
    for text, _ in mentions:
        assert sum(again.of(text).values()) < 1


@pytest.mark.parametrize("text", ["", "[]", '{"names": {}}'])
def test_broken_priors_are_told(text):
    with pytest.raises(MedlinkError, match="priors are broken"):
        Priors.from_json(text)
