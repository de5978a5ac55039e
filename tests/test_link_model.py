"""Encoder, calibration and vectors go along with a pipeline, and run from ONNX the same in any company."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import spacy
from encoders import write_onnx_encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink import Concept, Linker, MedlinkError, Terminology
from medlink.inference.names import OnnxNameEncoder, load_name_encoder
from medlink.linking.model import LinkModel
from medlink.linking.vectors import embed_terminology


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return load_name_encoder(write_onnx_encoder(tmp_path_factory.mktemp("model") / "encoder"))


@pytest.fixture(scope="module")
def model(encoder):
    return LinkModel.from_encoder(encoder)


def pipeline(terminology, model):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "CONDITION", "pattern": p} for p in ("anemia", "sparrow", "retinitiss")])
    linker = nlp.add_pipe("medlink_linker", config={"threshold": 0.1})
    linker.set_terminologies([terminology])
    linker.set_model(model, [embed_terminology(terminology, model.encoder)])
    return nlp


def said(nlp, text="anemia, retinitiss and a sparrow"):
    return [(ent.text, ent.kb_id_, ent._.concepts) for ent in nlp(text).ents]


def test_a_pipeline_keeps_its_model_on_disk_in_bytes_and_in_a_pickle(terminology, model, tmp_path):
    nlp = pipeline(terminology, model)
    expected = said(nlp)
    assert [(text, concept) for text, concept, _ in expected][:2] == [("anemia", "C4"), ("retinitiss", "C5")]
    assert "dense" in expected[1][2][0].stages
    nlp.to_disk(tmp_path / "pipeline")
    nlp.to_disk(tmp_path / "pipeline")  # over itself
    (vectors,) = (tmp_path / "pipeline" / "medlink_linker" / "vectors").iterdir()
    assert vectors.name == "mini"
    from_bytes = pipeline(Terminology.from_records("other", [Concept("X", "other")]), model)
    from_bytes.get_pipe("medlink_linker").from_bytes(nlp.get_pipe("medlink_linker").to_bytes())
    loaded = spacy.load(tmp_path / "pipeline")
    for again in (loaded, from_bytes, pickle.loads(pickle.dumps(nlp))):
        assert said(again) == expected
    loaded.to_disk(tmp_path / "pipeline")  # over what it is mapped from
    assert said(spacy.load(tmp_path / "pipeline")) == expected
    again = Linker.load(tmp_path / "pipeline")
    assert again.link(["retinitiss"])[0][0].concept_id == "C5"
    other = Linker.load(tmp_path / "pipeline", [Terminology.from_records("mini", list(terminology))], threshold=0.9)
    assert other.threshold == 0.9
    assert other.link(["retinitiss"])[0][0].concept_id == "C5"


def test_documents_survive_storage_with_their_candidates(terminology, model):
    nlp = pipeline(terminology, model)
    doc = nlp("anemia")
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again.ents[0]._.concepts == doc.ents[0]._.concepts


def test_a_package_without_calibration_or_with_a_broken_encoder_is_told(terminology, model, tmp_path):
    pipeline(terminology, model).to_disk(tmp_path / "p")
    folder = tmp_path / "p" / "medlink_linker" / "model"
    (folder / "encoder" / "encoder.json").write_text("{")
    with pytest.raises(MedlinkError, match="encoder of names is broken"):
        spacy.load(tmp_path / "p")
    (folder / "calibration.json").unlink()
    with pytest.raises(MedlinkError, match=r"calibration\.json: cannot be read"):
        spacy.load(tmp_path / "p")


def test_only_an_onnx_encoder_can_be_saved(tmp_path):
    from encoders import TrigramEncoder

    with pytest.raises(MedlinkError, match="medlink export encoder"):
        LinkModel.from_encoder(TrigramEncoder()).to_disk(tmp_path / "m")


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_the_vector_of_a_name_does_not_depend_on_the_others(encoder, names):
    together = encoder.embed(names)
    assert together.shape == (len(names), encoder.dimensions)
    for name, vector in zip(names, together, strict=True):
        assert np.array_equal(encoder.embed([name])[0], vector)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_linked_the_same_alone_and_in_company_by_meaning(terminology, model, mentions):
    linker = Linker([terminology], model=model)
    assert linker.link(mentions) == [linker.link([mention])[0] for mention in mentions]


def test_the_order_of_documents_and_the_batch_change_nothing(terminology, model):
    nlp = pipeline(terminology, model)
    texts = ["anemia and retinitiss", "a sparrow", "retinitiss", "sparrow anemia"]
    forwards = [[(e.kb_id_, e._.concepts) for e in doc.ents] for doc in nlp.pipe(texts, batch_size=2)]
    backwards = [[(e.kb_id_, e._.concepts) for e in doc.ents] for doc in nlp.pipe(texts[::-1], batch_size=1)]
    assert forwards == backwards[::-1]
    processes = [[(e.kb_id_, e._.concepts) for e in doc.ents] for doc in nlp.pipe(texts, n_process=2)]
    assert forwards == processes


def test_encoders_with_other_weights_or_settings_have_other_checksums(encoder):
    changed = {**encoder.files, "encoder.json": b'{"dimensions": 16, "longest": 24, "pooling": "mean"}'}
    assert OnnxNameEncoder(changed).checksum != encoder.checksum
    assert OnnxNameEncoder(dict(encoder.files)).checksum == encoder.checksum
    with pytest.raises(MedlinkError, match="cannot be read"):
        OnnxNameEncoder.load(Path("/nowhere"))
