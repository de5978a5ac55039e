"""Bi-encoder, cross-encoder and calibration are trained, go on, export and leave a card; on a tiny encoder."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from medlink import Alias, Concept, MedlinkError, Terminology
from medlink.evaluation.linking import meanings, read_gold
from medlink.inference.names import TorchNameEncoder, load_name_encoder
from medlink.linking import ranking
from medlink.linking.calibration import MODELS
from medlink.linking.evidence import FEATURES, Evidence
from medlink.linking.linker import Linker
from medlink.linking.model import LinkModel, read_fitted
from medlink.linking.priors import Priors
from medlink.linking.reranker import Reranker
from medlink.linking.stages import Hit, Query
from medlink.training.biencoder import _draw, multi_similarity, train_biencoder
from medlink.training.calibration import COLUMNS, Case, Item, fit, fit_calibration, with_codes_below
from medlink.training.crossencoder import train_crossencoder
from medlink.training.export_encoder import export_encoder
from medlink.training.save_biencoder import save_biencoder
from medlink.training.save_calibration import save_calibration
from medlink.training.save_crossencoder import save_crossencoder
from medlink.training.settings import (
    BiencoderSettings,
    CalibrationSettings,
    CrossencoderSettings,
    MentionSettings,
    SourceSettings,
)
from medlink.training.synonyms import read_groups
from medlink.training.variants import vary

PARTS = ["liver", "lung", "heart", "skin", "bone", "brain"]
WORDS = [
    *PARTS,
    "alfic",
    "betic",
    "gamic",
    "deltic",
    "epsic",
    "zetic",
    "cancer",
    "blight",
    "pain",
    "ache",
    "of",
    "the",
]
LATIN = dict(zip(PARTS, WORDS[6:12], strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("linking")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ";", ",", *WORDS]))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS) + 8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder / "base")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / "base")
    lines, mentions = [], []
    for number, part in enumerate(PARTS):
        lines.append(f"C{number}||{part} cancer|{LATIN[part]} blight|cancer of the {part}")
        lines.append(f"P{number}||{part} pain|{LATIN[part]} ache|pain of the {part}")
        text = f"the {LATIN[part]} cancer of the {part} ."
        end = text.index(" cancer") + 7
        mentions += [f"{number}|t|{text}", f"{number}|a|", f"{number}\t4\t{end}\t{text[4:end]}\tDisease\tC{number}", ""]
    (folder / "medic.txt").write_text("\n".join(lines) + "\n")
    (folder / "corpus.txt").write_text("\n".join(mentions) + "\n")
    return folder


def biencoder_settings(folder, **changes):
    source = SourceSettings("medic", "none", [str(folder / "medic.txt")])
    corpus = MentionSettings("t", str(folder / "corpus.txt"), "none")
    settings = BiencoderSettings(
        base=str(folder / "base"),
        base_licence="none",
        sources={"t": source},
        mentions={},
        dev={"corpus": corpus},
        dimensions=[32, 16],
        rounds=3,
        steps=30,
        seeds=4,
        neighbours=2,
        reach=4,
        learning_rate=3e-3,
        varied=0.0,
    )
    return replace(settings, **changes)


@pytest.fixture(scope="module")
def biencoder(folder):
    run = train_biencoder(biencoder_settings(folder), folder / "run", threads=1)
    save_biencoder(run, folder / "encoder")
    return run


def test_the_biencoder_learns_synonyms_and_the_exported_one_is_the_same(folder, biencoder):
    assert biencoder.dev["corpus"]["accuracy@1"] >= 0.8
    encoder = load_name_encoder(folder / "encoder")
    assert encoder.dimensions == 16
    near, far = encoder.embed(["lung cancer", "betic blight"]), encoder.embed(["heart pain"])
    assert near[0] @ near[1] > near[0] @ far[0] + 0.2
    together = encoder.embed(["lung cancer", "pain", "the betic blight of the lung", "heart pain"])
    assert np.array_equal(together[0], near[0])
    assert np.array_equal(together[3], far[0])
    card = (folder / "encoder" / "README.md").read_text()
    assert "16 shipped; trained at 32, 16" in card


def test_a_cut_off_run_goes_on_to_the_same_end(folder, biencoder, cut_off):
    cut_off(lambda: train_biencoder(biencoder_settings(folder), folder / "cut", threads=1))
    resumed = train_biencoder(biencoder_settings(folder), folder / "cut", threads=1)
    for name, tensor in biencoder.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name])
    with pytest.raises(MedlinkError, match="other settings"):
        train_biencoder(biencoder_settings(folder, seed=5), folder / "cut")
    with pytest.raises(MedlinkError, match="not a checkpoint"):
        train_biencoder(biencoder_settings(folder, start=str(folder / "medic.txt")), folder / "none")


def test_training_goes_on_from_an_exported_encoder(folder, biencoder):
    still = biencoder_settings(folder, start=str(folder / "encoder"), rounds=1, steps=1, learning_rate=0.0)
    run = train_biencoder(still, folder / "from-exported", threads=1)
    theirs = run.model.state_dict()
    for name, tensor in biencoder.model.state_dict().items():
        assert torch.allclose(tensor, theirs[name], atol=0.02), name  # weights of int8
    with pytest.raises(MedlinkError, match="not a checkpoint"):
        train_biencoder(replace(still, start=str(folder)), folder / "from-nothing", threads=1)


def test_names_of_a_class_of_what_has_no_code_are_no_synonyms(tmp_path):
    (tmp_path / "codes.jsonl").write_text(
        '{"id": "G1", "name": "Other rare dystrophies", "synonyms": ["Welander disease", "Udd disease"]}\n'
        '{"id": "G2", "name": "Gout", "synonyms": ["Podagra"]}\n'
    )
    groups, _ = read_groups({"codes": SourceSettings("jsonl", "", [str(tmp_path / "codes.jsonl")])}, {})
    assert [group.names for group in groups] == [["Other rare dystrophies"], ["Gout", "Podagra"]]


def test_mentions_of_a_corpus_are_names_of_their_concepts(folder):
    corpus = MentionSettings("t", str(folder / "corpus.txt"), "none")
    settings = biencoder_settings(folder, mentions={"corpus": corpus})
    groups, members = read_groups(settings.sources, settings.mentions)
    assert "betic cancer" in groups[members["t"][2]].mentions
    with pytest.raises(MedlinkError, match="not among the sources"):
        read_groups(settings.sources, {"c": replace(corpus, terminology="other")})


def test_conditions_of_notes_are_names_of_their_codes(tmp_path):
    (tmp_path / "codes.jsonl").write_text(
        '{"id": "A01.0", "name": "Gout", "synonyms": ["Podagra"]}\n'
        '{"id": "B01.1", "name": "Fracture of right hip"}\n'
        '{"id": "B01.2", "name": "Fracture of left hip"}\n'
    )
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "1.txt").write_text(
        "{PODAGRA|A01.0}, {gouty toe|A01.0}, {hip fracture|B01.1} of the right, {left hip fracture|B01.2}.\n"
        "{sore toe|A01.0}, {Sore toe|A01.0}; {sore toe|B01.2}; {aspirin|DRUG}."
    )
    sources = {"codes": SourceSettings("jsonl", "", [str(tmp_path / "codes.jsonl")])}
    groups, _ = read_groups(sources, {"notes": MentionSettings("codes", str(notes), "")})
    assert [group.mentions for group in groups] == [["gouty toe", "sore toe"], [], ["left hip fracture"]]


def test_groups_that_corpora_mention_are_always_drawn(folder):
    corpus = MentionSettings("t", str(folder / "corpus.txt"), "none")
    settings = biencoder_settings(folder, mentions={"corpus": corpus})
    one = {name: replace(source, concepts=1) for name, source in settings.sources.items()}
    groups, members = read_groups(one, settings.mentions)
    mentioned = {i for i, group in enumerate(groups) if group.mentions}
    for seed in range(5):
        drawn = _draw(groups, members, replace(settings, sources=one), Random(seed))
        assert mentioned <= set(drawn)
        assert len(drawn) < len(groups)


def test_terminologies_with_a_common_name_or_reference_are_one_group(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"id": "D1", "name": "Gout", "synonyms": ["Podagra"]}\n'
        '{"id": "D2", "name": "Rash"}\n{"id": "D3", "name": "Rash"}\n'
    )
    (tmp_path / "b.jsonl").write_text(
        '{"id": "X:1", "name": "Urate arthritis", "xrefs": ["MSH:D1"]}\n'
        '{"id": "X:2", "name": "rash", "parents": ["X:1"]}\n'
        '{"id": "X:3", "name": "Left out", "xrefs": ["ICD10CM:M10"]}\n'
    )
    sources = {
        "a": SourceSettings("jsonl", "", [str(tmp_path / "a.jsonl")]),
        "b": SourceSettings("jsonl", "", [str(tmp_path / "b.jsonl")], without_xref="ICD10CM"),
    }
    groups, members = read_groups(sources, {})
    assert sorted(sorted(group.names) for group in groups) == [
        ["Gout", "Podagra", "Urate arthritis"],
        ["Rash"],
        ["Rash", "rash"],
    ]
    assert (len(members["a"]), len(members["b"])) == (3, 2)
    (child,) = [group for group in groups if "rash" in group.names]
    assert [groups[i].names[0] for i in child.parents] == ["Gout"]


def test_the_loss_falls_as_synonyms_near_and_others_part():
    same = torch.tensor([[False, True, False], [True, False, False], [False, False, False]])
    other = torch.tensor([[False, False, True], [False, False, True], [True, True, False]])
    good = multi_similarity(torch.tensor([[1.0, 0.9, 0.1], [0.9, 1.0, 0.1], [0.1, 0.1, 1.0]]), same, other)
    bad = multi_similarity(torch.tensor([[1.0, 0.2, 0.8], [0.2, 1.0, 0.8], [0.8, 0.8, 1.0]]), same, other)
    assert good < 0.4 < bad


def test_variants_are_other_ways_to_write_a_name():
    names = {vary("Chronic obstructive betic disease", Random(seed)) for seed in range(60)}
    assert len(names) > 10
    assert any("dz" in name or "chr" in name or "pulm" in name for name in names)
    for name in ("", "a", "X-1", "Fracture, open"):
        for seed in range(30):
            vary(name, Random(seed))


def test_a_hugging_face_encoder_drops_in_and_exports_the_same(folder, biencoder):
    torch_encoder = TorchNameEncoder(folder / "base")
    export_encoder(folder / "base", folder / "exported")
    onnx_encoder = load_name_encoder(folder / "exported")
    assert onnx_encoder.dimensions == torch_encoder.dimensions == 32
    names = ["lung cancer", "pain of the heart", "zetic ache"]
    cosines = (torch_encoder.embed(names) * onnx_encoder.embed(names)).sum(1)
    assert cosines.min() > 0.99
    linker = Linker.load(terminologies=[small_terminology(folder)], encoder=str(folder / "base"))
    assert linker.link(["lung cancer"])[0][0].concept_id == "C1"
    with pytest.raises(MedlinkError, match="no encoder could be loaded"):
        TorchNameEncoder(folder / "nothing")


def small_terminology(folder):
    from medlink.terminology.readers import READERS

    return Terminology.from_records("t", list(READERS["medic"].read([folder / "medic.txt"]).concepts))


@pytest.fixture(scope="module")
def crossencoder(folder, biencoder):
    settings = CrossencoderSettings(
        base=str(folder / "base"),
        base_licence="none",
        retriever=str(folder / "encoder"),
        sources={"t": SourceSettings("medic", "none", [str(folder / "medic.txt")])},
        mentions={"corpus": MentionSettings("t", str(folder / "corpus.txt"), "none")},
        dev={"corpus": MentionSettings("t", str(folder / "corpus.txt"), "none")},
        names=24,
        candidates=6,
        epochs=60,
        batch=4,
        absent=0.1,
        learning_rate=2e-3,
        start=str(folder / "run" / "last.pt"),
    )
    run = train_crossencoder(settings, folder / "cross", threads=1)
    save_crossencoder(run, folder / "reranker")
    return run


def test_the_crossencoder_learns_to_pick_and_ranks_the_same_from_onnx(folder, crossencoder, monkeypatch):
    scores = crossencoder.dev["corpus"]
    assert scores["mentions"] == 6
    assert scores["first reranked"] >= 0.6  # one in six by chance
    assert "first reranked" in (folder / "reranker" / "README.md").read_text()
    encoder, reranker = load_name_encoder(folder / "encoder"), Reranker.load(folder / "reranker")
    model = LinkModel.from_encoder(encoder)
    terminology = small_terminology(folder)
    linker = Linker([terminology], model=replace(model, reranker=reranker))
    text = "the gamic cancer of the heart ."
    # What the search makes clear is not read.
    assert "rerank" not in linker.link(["gamic cancer"], [(text, 4, 18)])[0][0].stages
    monkeypatch.setattr(ranking, "unclear", bool)
    candidate = linker.link(["gamic cancer"], [(text, 4, 18)])[0][0]
    assert "rerank" in candidate.stages
    assert all(
        "rerank" not in c.stages for c in Linker([terminology], model=model, rerank=False).link(["gamic cancer"])[0]
    )
    alone = linker.link(["gamic cancer"], [(text, 4, 18)])
    company = linker.link(["betic cancer", "gamic cancer"], [None, (text, 4, 18)])
    assert company[1] == alone[0]
    model = replace(model, reranker=reranker)
    model.to_disk(folder / "link-model")
    again = LinkModel.from_disk(folder / "link-model")
    assert again.files() == model.files() == LinkModel.from_files(model.files()).files()


def test_a_calibration_is_fitted_for_each_terminology_and_for_any(folder, crossencoder, tmp_path):
    unknown = tmp_path / "nil.txt"
    unknown.write_text("the\nof the\n")
    settings = CalibrationSettings(
        sources={"t": SourceSettings("medic", "none", [str(folder / "medic.txt")])},
        mentions={"corpus": MentionSettings("t", str(folder / "corpus.txt"), "none")},
        crosswalks={},
        unknown=[str(unknown)],
        general="t",
        priors={"corpus": MentionSettings("t", str(folder / "corpus.txt"), "none")},
        later_priors={"again": MentionSettings("t", str(folder / "corpus.txt"), "none")},
    )
    encoder, reranker = load_name_encoder(folder / "encoder"), Reranker.load(folder / "reranker")
    result = fit_calibration(settings, encoder, reranker)
    save_calibration(result, settings, tmp_path)
    assert "expected calibration error" in (tmp_path / "README.md").read_text()
    fitted, priors, annotated = read_fitted(tmp_path)
    assert annotated is not None
    assert annotated.names == tuple(sorted(priors.names))
    assert set(fitted.weights["*"]) == set(MODELS)
    # How many names near a mention are a concept's depends on how many names a terminology has.
    assert "votes" in fitted.weights["t"]["full"]
    assert "votes" not in fitted.weights["*"]["full"]
    assert fitted.weights["t"]["full"]["dense"] != 0
    assert set(priors.of("betic cancer")) == {"C1"}
    # Each mention was counted twice, so it can be taken out once.
    gold = meanings(read_gold(folder / "corpus.txt", ()), small_terminology(folder))
    assert priors.without(gold) == Priors.count(gold)
    linker = Linker([small_terminology(folder)], model=LinkModel(encoder, fitted, reranker, priors, annotated))
    (best, *_), (nothing, *_) = linker.link(["betic cancer", "of the"])
    assert best.concept_id == "C1"
    assert best.score > 0.5 > nothing.score


def test_of_the_codes_below_a_cross_referenced_category_those_that_say_no_more_are_right_too():
    codes = Terminology.from_records(
        "codes",
        [
            Concept("G71.0", "Muscular dystrophy"),
            Concept("G71.00", "Muscular dystrophy, unspecified", parents=("G71.0",)),
            Concept("G71.01", "Duchenne muscular dystrophy", parents=("G71.0",)),
            Concept("G71.09", "Other muscular dystrophies", (Alias("Welander", "exact"),), parents=("G71.0",)),
            Concept("G72", "Other myopathies"),
        ],
    )
    hits = {
        "exact": {codes.row("G71.09"): Hit(codes.exact("Welander")[0], 1.0)},
        "dense": {row: Hit(codes.alias_rows(row)[0], 0.5) for row in range(5)},
    }
    category, code = (codes.row(id_) for id_ in ("G71.0", "G71.01"))
    item = with_codes_below(Item(Query("welander"), frozenset({category}), Evidence("welander", hits=hits)), codes)
    assert {codes.concept_ids[row] for row in item.right} == {"G71.0", "G71.00", "G71.09"}
    assert {codes.concept_ids[row] for row in item.below} == {"G71.00", "G71.09"}
    assert with_codes_below(replace(item, right=frozenset({code})), codes).right == {code}


def test_few_mentions_are_drawn_to_the_weights_of_the_general_terminology():
    features = np.zeros((2, len(FEATURES)), dtype=np.float32)
    features[:, FEATURES.index("bias")] = 1
    features[0, FEATURES.index("dense")] = 1
    case = Case(features, np.array([True, False]))
    like = dict.fromkeys(COLUMNS["full"], 0.0) | {"dense": 20.0, "bias": -10.0}
    few, many = fit([case], "full", like), fit([case] * 500, "full", like)
    assert few["dense"] == pytest.approx(20, abs=0.5)
    assert few["lexical"] == 0
    assert abs(few["bias"] - like["bias"]) < abs(many["bias"] - like["bias"])


def test_what_is_right_in_part_ranks_below_what_is_right():
    features = np.zeros((2, len(FEATURES)), dtype=np.float32)
    features[:, FEATURES.index("bias")] = 1
    features[1, FEATURES.index("parent")] = 1
    code, category = (fit([Case(features, np.array(right))] * 50, "full") for right in ([1.0, 0.2], [0.2, 1.0]))
    assert code["parent"] < 0 < category["parent"]


def test_the_shipped_configs_are_read():
    assert BiencoderSettings.load("configs/biencoder.cfg").mentions == {}
    for name in ("biencoder-mentions", "biencoder-further"):
        assert set(BiencoderSettings.load(f"configs/{name}.cfg").mentions) == {"ncbi-disease", "bc5cdr"}
    assert CrossencoderSettings.load("configs/crossencoder.cfg").names > 0
    assert CalibrationSettings.load("configs/calibration.cfg").general == "medic"
    for settings in (BiencoderSettings, CrossencoderSettings, CalibrationSettings):
        with pytest.raises(MedlinkError, match="not a training config"):
            settings.load("configs/ner.cfg")
