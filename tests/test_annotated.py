"""Names in annotated text that are near to a mention tell what it means."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from encoders import TrigramEncoder

from medlink import Concept, Linker, MedlinkError, Terminology
from medlink.linking.annotated import AnnotatedNames, AnnotatedStage
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.dense import DenseStage
from medlink.linking.model import LinkModel
from medlink.linking.priors import Priors
from medlink.linking.stages import Query

SEEN = [("impaired renal function", "D3")] * 6 + [
    ("Impaired renal function", "D9"),
    ("shivers", ""),
    ("tremors", "D1|D2"),
]


@pytest.fixture(scope="module")
def diseases():
    concepts = [
        Concept("D1", "Tremor"),
        Concept("D2", "Chills"),
        Concept("D3", "Kidney Diseases"),
        Concept("D9", "Uremia"),
    ]
    return Terminology.from_records("diseases", concepts)


@pytest.fixture(scope="module")
def stage():
    priors, encoder = Priors.count(SEEN), TrigramEncoder()
    return AnnotatedStage(priors, DenseStage(encoder), AnnotatedNames.embed(priors, encoder))


def found(stage, terminology, mention):
    (hits,) = stage.retrieve([Query(mention)], terminology, 5)
    return {terminology.concept_ids[terminology.alias_concept[hit.alias]]: hit.score for hit in hits}


def test_the_nearer_a_name_and_the_oftener_it_meant_a_concept_the_likelier_that(stage, diseases):
    near, far = (found(stage, diseases, mention) for mention in ("impairment of renal function", "function"))
    assert near["D3"] > near["D9"] > 0
    assert near["D3"] > far["D3"]
    # What meant nothing, or several at once, tells of no concept.
    assert set(found(stage, diseases, "tremor")) == {"D3", "D9"}


def test_the_mention_itself_is_left_to_the_priors(stage, diseases):
    assert found(stage, diseases, "Impaired renal function") == {}


def test_a_name_that_is_counted_no_more_and_another_terminology_find_nothing(stage, diseases):
    assert found(stage.without(SEEN[:7]), diseases, "impairment of renal function") == {}
    others = Terminology.from_records("others", [Concept("X", "Kidney Diseases")])
    assert found(stage, others, "impairment of renal function") == {}


def test_names_are_read_as_they_were_written_and_a_broken_file_is_told(stage):
    again = AnnotatedNames.from_bytes(stage.annotated.to_bytes())
    assert (again.names, again.encoder) == (stage.annotated.names, stage.annotated.encoder)
    assert np.array_equal(again.vectors, stage.annotated.vectors)
    assert again.to_bytes() == stage.annotated.to_bytes()
    for content in (b"", stage.annotated.to_bytes()[:-40], replace(again, names=again.names[1:]).to_bytes()):
        with pytest.raises(MedlinkError, match="annotated names are broken"):
            AnnotatedNames.from_bytes(content)


def test_no_names_are_kept_too(stage):
    none = AnnotatedNames.embed(Priors(), stage.dense.encoder)
    assert AnnotatedNames.from_bytes(none.to_bytes()).names == ()


def test_vectors_of_another_encoder_are_refused(stage):
    with pytest.raises(MedlinkError, match="embedded by another encoder"):
        AnnotatedStage(stage.priors, stage.dense, replace(stage.annotated, encoder="another"))


def test_a_linker_knows_what_annotators_meant_by_names_like_it(stage, diseases):
    weights = {name: dict(own) for name, own in default_calibration().weights["*"].items()}
    weights["full"] = {"bias": -2.0, "annotated": 9.0}
    model = LinkModel(TrigramEncoder(), Calibration({"*": weights}), priors=stage.priors, annotated=stage.annotated)
    linker = Linker([diseases], model=model)
    best = linker.link(["impairment of renal function"])[0][0]
    assert (best.concept_id, best.nil) == ("D3", False)
    assert best.stages["annotated"] > 0.3
    again = pickle.loads(pickle.dumps(linker))
    assert again.link(["impairment of renal function"]) == linker.link(["impairment of renal function"])
