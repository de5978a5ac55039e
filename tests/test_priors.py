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
    assert of == {"D1": pytest.approx(8 / 11), "D2": pytest.approx(1 / 11)}
    assert Priors.count(SEEN[:8]).of("toxicity")["D1"] > of["D1"]


def test_another_order_or_number_of_words_counts_a_little_less_and_nil_is_no_concept():
    priors = Priors.count(SEEN)
    assert 0 < priors.of("toxicities, renal")["D3"] < priors.of("renal toxicity")["D3"]
    assert priors.of("rigor") == priors.of("never seen") == {}


def test_only_concepts_of_the_terminology_are_found(diseases):
    (hit,) = PriorStage(Priors.count(SEEN)).retrieve([Query("toxicity")], diseases, 5)[0]
    assert (diseases.aliases[hit.alias], hit.score) == ("Drug-Related Side Effects", pytest.approx(8 / 11))


def linker_with(terminology, priors):
    weights = {name: dict(own) for name, own in default_calibration().weights["*"].items()}
    weights["exact"] = {"bias": -3.0, "verbatim": 6.0, "prior_alone": 7.0}
    return Linker([terminology], model=LinkModel(TrigramEncoder(), Calibration({"*": weights}), priors=priors))


def test_a_linker_with_priors_knows_what_annotators_meant(diseases):
    linker = linker_with(diseases, Priors.count(SEEN))
    best, exact = (candidates[0] for candidates in linker.link(["toxicity", "rigor"]))
    assert (best.concept_id, best.stage, best.nil) == ("D1", "prior", False)
    assert (exact.concept_id, exact.stage) == ("D9", "exact")
    assert best.stages["prior"] == pytest.approx(8 / 11, abs=1e-4)


def test_lists_make_what_their_name_meant_elsewhere_less_likely_and_many_leave_nothing():
    lists = [("toxicity", "D1|D3")]
    assert Priors.count(SEEN[:8] + lists).of("toxicity") == {"D1": pytest.approx(8 / 11)}
    assert Priors.count(SEEN[:8] + 3 * lists).of("toxicity") == {}


def test_a_name_that_meant_a_list_as_often_is_split():
    concepts = [Concept("B", "Breast cancer"), Concept("O", "Ovarian cancer"), Concept("H", "HBOC")]
    terminology = Terminology.from_records("t", concepts)
    name = "breast and ovarian cancer"
    for lists, answer in ((0, ["H"]), (6, ["B", "O"])):
        linker = linker_with(terminology, Priors.count([(name, "H")] * 6 + [(name, "B|O")] * lists))
        assert [c.concept_id for c in linker.link([name])[0] if not c.nil] == answer


@given(
    st.lists(st.tuples(st.text(max_size=3), st.text(max_size=2))), st.lists(st.tuples(st.text(max_size=3), st.text()))
)
def test_what_was_counted_later_can_be_taken_out_again(mentions, later):
    assert Priors.count([*mentions, *later]).without(later) == Priors.count(mentions)


def test_what_was_not_counted_cannot_be_taken_out():
    with pytest.raises(MedlinkError, match="do not count this corpus, which has 'fever'"):
        Priors.count(SEEN).without([("fever", "D1")])


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
