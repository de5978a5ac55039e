"""Scores are chances: they add up to at most one, look-up is not overruled, and a broken file is told."""

import json

import numpy as np
import pytest
from encoders import TrigramEncoder
from hypothesis import given
from hypothesis import strategies as st

from medlink import Alias, Concept, Linker, MedlinkError, Terminology
from medlink.evaluation.linking import (
    GoldMention,
    LinkScores,
    crosswalk_gold,
    evaluate_linking,
    read_gold,
    read_unknown,
)
from medlink.linking.calibration import Calibration, default_calibration, softmax_with_nil
from medlink.linking.evidence import FEATURES
from medlink.linking.model import LinkModel
from medlink.linking.stages import Query
from medlink.types import Candidate


@given(st.lists(st.floats(-50, 50), max_size=8))
def test_chances_of_candidates_and_nil_add_up_to_one(utilities):
    chances = softmax_with_nil(np.array(utilities))
    nil = 1 / (1 + np.exp(np.array(utilities)).sum())
    assert chances.sum() + nil == pytest.approx(1)
    assert ((chances >= 0) & (chances <= 1)).all()


def test_weights_of_the_terminology_come_before_the_general_ones():
    bias = {"exact": {"bias": 0.0}, "full": {"bias": 0.0}, "reranked": {"bias": 0.0}}
    calibration = Calibration({"*": bias, "own": {"full": {"bias": 9.0}}})
    features = np.zeros((1, len(FEATURES)), dtype=np.float32)
    features[0, FEATURES.index("bias")] = 1
    assert calibration.probabilities(features, "other", "full")[0] == pytest.approx(0.5)
    assert calibration.probabilities(features, "own", "full")[0] > 0.99
    assert calibration.probabilities(features, "own", "exact")[0] == pytest.approx(0.5)
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_the_cross_encoder_reads_where_weights_were_fitted_with_it():
    weights = default_calibration().weights["*"]
    without = {name: own for name, own in weights.items() if name != "reranked"}
    calibration = Calibration.from_json(Calibration({"*": weights, "codes": without}).to_json())
    assert not calibration.reads("codes")
    assert calibration.reads("of one's own")


@pytest.mark.parametrize("text", ["", "{}", '{"weights": {"*": {}}}', '{"weights": 3}'])
def test_a_broken_calibration_is_told(text):
    with pytest.raises(MedlinkError, match="calibration is broken"):
        Calibration.from_json(text)


def test_an_unknown_feature_is_told():
    weights = json.loads(default_calibration().to_json())
    weights["weights"]["*"]["full"]["colour"] = 1.0
    with pytest.raises(MedlinkError, match="unknown feature 'colour'"):
        Calibration.from_json(json.dumps(weights))


@pytest.fixture(scope="module")
def linker(terminology):
    return Linker([terminology], model=LinkModel.from_encoder(TrigramEncoder()))


@pytest.mark.parametrize("mention", ["heart attack", "anemia", "fractured femur", "diabetes mellitus", "sparrow"])
def test_the_chances_of_a_mention_are_one_distribution(linker, mention):
    assert sum(candidate.score for candidate in linker.link([mention])[0]) <= 1.001


def test_looking_further_changes_nothing_that_looking_up_was_sure_of(linker):
    short = linker.link_labelled([("Heart attack", "CONDITION", ("Heart attack", 0, 12))], 5)[0]
    full = linker.link(["Heart attack"])[0]
    assert [candidate.stage for candidate in short] == ["exact"]
    assert (full[0].concept_id, full[0].score) == (short[0].concept_id, short[0].score)
    assert len(full) > 1


@pytest.mark.parametrize("mention", ["heart attak", "retinitis of the eye", "diabetes", "anaemic femur"])
def test_a_score_does_not_depend_on_how_many_candidates_are_wanted(linker, mention):
    every = linker.link([mention], k=25)[0]
    for k in (1, 2, 5):
        assert linker.link([mention], k=k)[0] == every[:k]
    context = (mention, 0, len(mention))
    pipeline = linker.link_labelled([(mention, "CONDITION", context)], 1)[0]
    assert pipeline == [candidate for candidate in every[:1] if not candidate.nil]


def test_two_concepts_with_one_name_share_its_chance():
    twins = Terminology.from_records("twins", [Concept("A", "Cold"), Concept("B", "Cold"), Concept("C", "Gout")])
    first, second = Linker([twins], model=LinkModel.from_encoder(TrigramEncoder())).link(["cold"])[0][:2]
    assert {first.concept_id, second.concept_id} == {"A", "B"}
    assert first.score == second.score < 0.5


def test_of_a_category_and_its_code_with_one_name_the_code_is_meant():
    codes = Terminology.from_records(
        "codes",
        [
            Concept("J18", "Pneumonia"),
            Concept("J18.9", "Pneumonia, unspecified", (Alias("Pneumonia", "derived"),), (), ("J18",)),
        ],
    )
    best = Linker([codes], model=LinkModel.from_encoder(TrigramEncoder())).link(["pneumonia"])[0][0]
    assert best.concept_id == "J18.9"
    assert best.score > 0.7


def test_the_category_of_what_was_found_is_weighed_too():
    codes = Terminology.from_records(
        "codes",
        [
            Concept("G71.0", "Myasthenic group", types=("Condition",), parents=("G",)),
            Concept("G71.03", "Limb girdle dystrophy, dysferlin", types=("Condition",), parents=("G71.0",)),
            Concept("G", "Limb girdle chapter", types=("Chapter or section",)),
            Concept("Z", "Unlike all this", types=("Condition",)),
        ],
    )
    ranker = Linker([codes], model=LinkModel.from_encoder(TrigramEncoder())).ranker
    (found,) = ranker.gather([Query("limb girdle dystrophy type 2y")], codes, 25)
    narrow, category = codes.row("G71.03"), codes.row("G71.0")
    broader = found.hits["broader"]
    assert broader[category].score == max(hit.score for hit in found.found(narrow).values())
    assert not any(codes.row(id_) in broader for id_ in ("G", "Z", "G71.03"))
    column = FEATURES.index("broader")
    assert found.features([narrow, category], codes)[:, column].tolist() == [
        0,
        pytest.approx(broader[category].score),
    ]


def candidate(concept_id, score, nil=False):
    return Candidate(concept_id, "t", concept_id, concept_id, score, "dense", nil)


def test_scores_count_ranks_nil_and_calibration():
    scores = LinkScores()
    scores.add(frozenset({"A"}), [candidate("A", 0.95), candidate("B", 0.05)])
    scores.add(frozenset({"A"}), [candidate("B", 0.85), candidate("A", 0.15)])
    scores.add(frozenset({"A"}), [])
    scores.add(frozenset(), [candidate("B", 0.35, nil=True)])
    assert (scores.mentions, scores.accuracy(1), scores.accuracy(5)) == (3, 1 / 3, 2 / 3)
    assert scores.mrr == pytest.approx((1 + 1 / 2) / 3)
    assert (scores.nil_gold, scores.nil_found, scores.nil_precision, scores.nil_recall) == (1, 2, 0.5, 1.0)
    assert scores.calibration_error == pytest.approx((0.05 + 0.85 + 0.35) / 3)
    assert (scores.above, scores.above_precision) == (2, 0.5)


def test_evaluation_compares_alternate_ids_and_categories(terminology):
    linker = Linker([terminology])
    gold = [GoldMention("low-set ears", ("C99",)), GoldMention("sparrow", ()), GoldMention("MI", ("C1",))]
    scores = evaluate_linking(linker, terminology, gold, seen=["mi"])
    assert (scores.mentions, scores.accuracy(), scores.nil_recall) == (2, 1.0, 1.0)
    assert {name: group.mentions for name, group in scores.groups.items()} == {
        "seen": 1,
        "unseen": 1,
        "preferred name": 1,
        "synonym": 1,
    }
    wrong = evaluate_linking(linker, terminology, [GoldMention("anemia", ("C5",))])
    assert wrong.wrong == [("anemia", "Retinitis", "Anaemia (exact, 0.96)")]
    assert evaluate_linking(linker, terminology, [GoldMention("anemia", ("C5",))], category=1).accuracy() == 1.0


def test_gold_is_read_from_corpora_lists_and_crosswalks(tmp_path):
    pubtator = tmp_path / "c.txt"
    pubtator.write_text("1|t|Gout and rash\n1|a|x\n1\t0\t4\tgout\tDisease\tD1\n".replace("gout", "Gout"))
    (only,) = read_gold(pubtator, ["Disease"])
    assert only == GoldMention("Gout", ("D1",), ("Gout and rash\nx", 0, 4))
    with pytest.raises(MedlinkError, match="no mention has one of the labels Drug"):
        read_gold(pubtator, ["Drug"])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "1.txt").write_text("No {gout|absent M10.9}, {rash}, {aspirin|DRUG}.\n")
    assert read_gold(tmp_path / "notes") == [GoldMention("gout", ("M10.9",), ("No gout, rash, aspirin.\n", 3, 7))]
    with pytest.raises(MedlinkError, match="no mention has a code"):
        read_gold(tmp_path / "notes", ["DRUG"])
    unknown = tmp_path / "nil.txt"
    unknown.write_text("# comment\nsparrow\n\nred car\n")
    assert [one.text for one in read_unknown(unknown)] == ["sparrow", "red car"]
    obo = tmp_path / "d.obo"
    obo.write_text(
        'format-version: 1.2\n\n[Term]\nid: D:1\nname: gout\nsynonym: "podagra" EXACT []\nxref: ICD10CM:M10\n'
        "\n[Term]\nid: D:2\nname: rash\n"
    )
    assert crosswalk_gold([obo], "ICD10CM") == [GoldMention("gout", ("M10",)), GoldMention("podagra", ("M10",))]
