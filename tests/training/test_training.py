"""A training runs, resumes, exports and leaves a card; on a tiny encoder made here, so that it takes seconds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast
from typer.testing import CliRunner

from medlink import MedlinkError
from medlink.cli.train import app
from medlink.recognition.ner import MedlinkNer
from medlink.recognition.tags import UNKNOWN, log_probabilities
from medlink.training.averaging import average_runs
from medlink.training.base import load_base
from medlink.training.corpus import read_corpus, read_split
from medlink.training.distillation import disagreement, opinion
from medlink.training.ensemble import put_together
from medlink.training.export import export_onnx
from medlink.training.ner import TokenClassifier, _hide, _mentions, evaluate, new_run, train_ner
from medlink.training.save import save_ner
from medlink.training.settings import CorpusSettings, NerSettings
from medlink.training.start import start_from_mean, start_from_model

WORDS = [
    "the",
    "patient",
    "with",
    "took",
    "for",
    "fever",
    "asthma",
    "gout",
    "aspirin",
    "heparin",
    "insulin",
    ".",
    "and",
    "was",
    "given",
    "had",
    "liver",
    "lung",
    "of",
]


def tiny_config(vocabulary):
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    base = folder / "base"
    torch.manual_seed(0)
    config = tiny_config(len(WORDS) + 5)
    BertModel(config, add_pooling_layer=False).save_pretrained(base)
    BertTokenizerFast(str(vocabulary)).save_pretrained(base)
    drugs = folder / "drugs.txt"
    lines = []
    for i, (drug, disease) in enumerate((d, c) for d in WORDS[8:11] for c in WORDS[5:8]):
        text = f"the patient with {disease} took {drug} ."
        lines += [f"{i}|t|{text}", f"{i}|a|"]
        for word, label in ((drug, "Chemical"), (disease, "Disease")):
            lines.append(f"{i}\t{text.index(word)}\t{text.index(word) + len(word)}\t{word}\t{label}\t-1")
        lines.append("")
    drugs.write_text("\n".join(lines) + "\n")
    anatomy = folder / "anatomy.tsv"
    anatomy.write_text("fever\tO\nof\tO\nthe\tO\nliver\tB-Anatomy\n\nlung\tB-Anatomy\nwas\tO\n\n" * 4)
    return NerSettings(
        base=str(base),
        base_licence="none",
        labels=["CONDITION", "DRUG", "ANATOMY"],
        corpora={
            "drugs": CorpusSettings(
                "pubtator", str(drugs), str(drugs), {"Disease": "CONDITION", "Chemical": "DRUG"}, "none", str(drugs)
            ),
            "anatomy": CorpusSettings("iob", str(anatomy), str(anatomy), {"Anatomy": "ANATOMY"}, "none"),
        },
        window=20,
        overlap=4,
        epochs=12,
        batch=2,
        learning_rate=5e-3,
        head_learning_rate=2e-2,
        hidden_pieces=0.05,
    )


def test_it_learns_exports_and_writes_a_card(settings, tmp_path):
    run = train_ner(settings, tmp_path / "run", threads=1)
    assert run.dev["drugs"]["micro"].f1 > 0.9
    assert run.dev["anatomy"]["micro"].f1 > 0.9
    save_ner(run, tmp_path / "model")
    import spacy

    doc = MedlinkNer().load_model(tmp_path / "model")(spacy.blank("en")("the patient with gout took heparin ."))
    # What is ANATOMY in such a sentence, no corpus here has told.
    found = [(span.text, span.label_) for span in doc.spans["medlink"] if span.label_ != "ANATOMY"]
    assert found == [("gout", "CONDITION"), ("heparin", "DRUG")]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| drugs | DRUG |" in card
    assert "Training splits only" in card
    assert "| drugs, held out | DRUG |" in card
    assert "| seed | 0 |" in card
    started = train_ner(
        replace(settings, epochs=1, start=str(tmp_path / "run" / "best.pt"), learning_rate=0.0, head_learning_rate=0.0),
        tmp_path / "second",
    )
    assert started.dev == run.dev

    # From the exported model, whatever the order and number of the labels.
    other = TokenClassifier(load_base(settings.base, 0.0)[0], 3, 0.0).eval()
    start_from_model(other, ["DRUG", "GENE", "CONDITION"], tmp_path / "model")
    ids = torch.tensor([[2, 5, 6, 12, 3]])
    with torch.no_grad():
        theirs, ours = run.model(ids, torch.ones_like(ids)), other(ids, torch.ones_like(ids))
    assert torch.allclose(ours[..., :3], theirs[..., 3:6], atol=0.1)
    assert torch.allclose(ours[..., 6:], theirs[..., :3], atol=0.1)
    with pytest.raises(MedlinkError, match="not a token classifier of this base"):
        start_from_model(other, ["DRUG"], tmp_path)


def test_a_card_repeats_scores_of_a_training_without_the_development_splits(settings, tmp_path):
    run = train_ner(replace(settings, epochs=1), tmp_path / "run", threads=1)
    save_ner(run, tmp_path / "model")
    lines = (tmp_path / "model" / "README.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith("| drugs | DRUG |"))
    corpora = {name: replace(corpus, dev="", heldout="") for name, corpus in settings.corpora.items()}
    last = replace(settings, epochs=1, keep="last", corpora=corpora, measured=str(tmp_path / "model"))
    run = train_ner(last, tmp_path / "last", threads=1)
    save_ner(run, tmp_path / "released")
    card = (tmp_path / "released" / "README.md").read_text()
    assert "Training and development splits" in card
    assert row in card.partition("The same training without the development splits")[2]
    assert "| --- |" not in card.partition("The same training without the development splits")[2]
    run.settings = replace(last, measured=str(tmp_path / "nothing"))
    with pytest.raises(MedlinkError, match="holds no model card"):
        save_ner(run, tmp_path / "again")


def test_a_run_that_was_cut_off_goes_on_to_the_same_end(settings, tmp_path, cut_off):
    short = replace(settings, epochs=3)
    whole = train_ner(short, tmp_path / "whole", threads=1)
    cut_off(lambda: train_ner(short, tmp_path / "cut", threads=1))
    resumed = train_ner(short, tmp_path / "cut", threads=1)
    assert resumed.best_epoch == whole.best_epoch
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name])
    with pytest.raises(MedlinkError, match="other settings"):
        train_ner(replace(short, seed=9), tmp_path / "cut")


def test_the_mean_of_runs_with_other_seeds(settings, tmp_path):
    short = replace(settings, epochs=1)
    folders = [tmp_path / "3", tmp_path / "4"]
    one, other = (train_ner(replace(short, seed=int(f.name)), f, threads=1).model.state_dict() for f in folders)
    mean = average_runs(short, folders)
    for name, tensor in mean.model.state_dict().items():
        assert torch.allclose(tensor, (one[name] + other[name]) / 2, atol=1e-6)
    save_ner(mean, tmp_path / "model")
    assert "| seed | 3, 4 (the mean of their weights) |" in (tmp_path / "model" / "README.md").read_text()
    both = average_runs(short, [tmp_path / "3", tmp_path / "model"]).model.state_dict()
    for name, tensor in both.items():  # the exported weights are rounded
        assert torch.allclose(tensor, 0.75 * one[name] + 0.25 * other[name], atol=0.02)
    with pytest.raises(MedlinkError, match="a run at least"):
        average_runs(short, [tmp_path / "model"] * 2)
    with pytest.raises(MedlinkError, match="other labels"):
        average_runs(replace(short, labels=["DRUG"]), [tmp_path / "model"] * 2)
    with pytest.raises(MedlinkError, match="two runs"):
        average_runs(short, folders[:1])
    with pytest.raises(MedlinkError, match="no finished run with these settings"):
        average_runs(replace(short, batch=3), folders)
    with pytest.raises(MedlinkError, match="no finished run"):
        average_runs(short, [*folders, tmp_path / "nothing"])


def test_two_models_are_put_together_with_a_card(settings, tmp_path):
    short = replace(settings, epochs=1)
    folders = [tmp_path / "3-model", tmp_path / "4-model"]
    for seed, folder in zip((3, 4), folders, strict=True):
        save_ner(train_ner(replace(short, seed=seed), tmp_path / str(seed), threads=1), folder)
    both = tmp_path / "both"
    put_together(*folders, 0.25, short, Path("a.cfg"), both)
    pieces = MedlinkNer().load_model(both).model.encoder.encode([["gout", "took", "heparin"]])
    held = [MedlinkNer().load_model(one).model.logits(pieces)[0] for one in (*folders, both)]
    assert np.allclose(held[2], 0.75 * log_probabilities(held[0]) + 0.25 * log_probabilities(held[1]), atol=1e-4)
    card = (both / "README.md").read_text()
    titles = [line for line in card.splitlines() if line.startswith("#")]
    assert titles[:4] == ["# Model card: medlink_ner", "## Scores of both together", "## The first", "### Data"]
    assert "| drugs, held out | DRUG |" in card.partition("## The first")[0]
    assert "| seed | 4 |" in (both / "second" / "README.md").read_text()
    with pytest.raises(MedlinkError, match="two classifiers already"):
        put_together(both, folders[1], 0.5, short, Path("a.cfg"), tmp_path / "three")
    with pytest.raises(MedlinkError, match="more than 0 and less than 1"):
        put_together(*folders, 1.0, short, Path("a.cfg"), tmp_path / "three")
    with pytest.raises(MedlinkError, match="holds no token classifier"):
        put_together(folders[0], tmp_path, 0.5, short, Path("a.cfg"), tmp_path / "three")
    (folders[1] / "ner.json").write_text(json.dumps({"labels": ["DRUG"], "window": 30, "overlap": 4}))
    with pytest.raises(MedlinkError, match="the same labels, window and tokenizer"):
        put_together(*folders, 0.5, short, Path("a.cfg"), tmp_path / "three")
    assert not (tmp_path / "three").exists()


def test_a_run_starts_from_the_mean_of_models(settings, tmp_path):
    short = replace(settings, epochs=1)
    for seed in (3, 4):
        save_ner(train_ner(replace(short, seed=seed), tmp_path / str(seed), threads=1), tmp_path / f"{seed}-model")
    folders = [str(tmp_path / "3-model"), str(tmp_path / "4-model")]
    both = new_run(short).model
    start_from_mean(both, short.labels, folders)
    alone = [new_run(short).model for _ in folders]
    for model, folder in zip(alone, folders, strict=True):
        start_from_model(model, short.labels, folder)
    for name, tensor in both.state_dict().items():
        assert torch.allclose(tensor, sum(model.state_dict()[name] for model in alone) / 2, atol=1e-6)
    still = replace(short, start=folders, learning_rate=0.0, head_learning_rate=0.0)
    run = train_ner(still, tmp_path / "on", threads=1)
    for name, tensor in run.model.state_dict().items():
        assert torch.allclose(tensor, both.state_dict()[name], atol=1e-6)
    save_ner(run, tmp_path / "on-model")
    card = (tmp_path / "on-model" / "README.md").read_text()
    assert f"| start | the mean of earlier runs ({folders[0]}, {folders[1]}) |" in card


def test_what_no_corpus_annotates_is_learnt_from_teachers(settings, tmp_path):
    drugs, dev = settings.corpora["drugs"], {"drugs": settings.corpora["drugs"]}
    for seed in (0, 1):
        teacher = train_ner(replace(settings, corpora=dev, seed=seed), tmp_path / f"run{seed}", threads=1)
        save_ner(teacher, tmp_path / f"teacher{seed}")
    unread = {"drugs": replace(drugs, dev="", heldout="", labels={})}
    taught = replace(settings, corpora=unread, keep="last", teachers=[str(tmp_path / f"teacher{i}") for i in (0, 1)])
    passages = list(read_split(drugs, drugs.dev))
    run = train_ner(taught, tmp_path / "student", threads=1)
    assert evaluate(run.model, run.tokenizer, passages, settings)["micro"].f1 > 0.9
    alone = train_ner(replace(taught, teachers=[]), tmp_path / "alone", threads=1)
    assert evaluate(alone.model, alone.tokenizer, passages, settings)["micro"].f1 < 0.5
    save_ner(run, tmp_path / "model")
    assert f"teacher0, {tmp_path / 'teacher1'}: 50% of the loss |" in (tmp_path / "model" / "README.md").read_text()
    with pytest.raises(MedlinkError, match="not a token classifier of this base"):
        train_ner(replace(taught, teachers=[str(tmp_path)]), tmp_path / "none")


def test_the_opinion_of_teachers_is_the_mean_of_their_chances():
    torch.manual_seed(0)
    teachers = [TokenClassifier(BertModel(tiny_config(50), add_pooling_layer=False), 2, 0.0).eval() for _ in range(2)]
    windows = [[7, 8, 9, 10], [11], [12, 13]]
    ids, mask = torch.zeros((3, 6), dtype=torch.int64), torch.zeros((3, 6), dtype=torch.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window) + 2], mask[row, : len(window) + 2] = torch.tensor([2, *window, 3]), 1
    for window, padded in zip(windows, opinion(teachers, ids, mask, bf16=False), strict=True):
        chances = padded[1 : len(window) + 1]
        ids = torch.tensor([[2, *window, 3]])
        with torch.no_grad():
            each = [t(ids, torch.ones_like(ids))[0, 1:-1].reshape(-1, 2, 3).softmax(-1) for t in teachers]
        assert torch.allclose(chances.float(), (each[0] + each[1]) / 2, atol=1e-3)
    # Least where the model holds what they hold.
    chances, mask = torch.tensor([[[[0.7, 0.2, 0.1]]]]), torch.ones(1, 1)
    least = disagreement(chances.log(), chances, mask)
    assert least < disagreement(torch.zeros(1, 1, 1, 3), chances, mask)
    assert disagreement(chances.log(), chances, mask) == pytest.approx(-(chances * chances.log()).sum().item())


def test_an_unknown_label_is_left_out_of_the_loss(settings):
    (passage, *_) = read_corpus(settings.corpora["anatomy"].train, "iob", {"Anatomy": "ANATOMY"})
    assert set(passage.tags) == {"ANATOMY"}
    with pytest.raises(MedlinkError, match="unknown corpus format"):
        list(read_corpus("x", "nonsense", {}))


def test_marked_notes_are_read_with_the_labels_asked_for(tmp_path):
    (tmp_path / "1.txt").write_text("No {fever|absent R50.9}\non {acetamino-\nphen|DRUG}.")
    (passage,) = read_corpus(tmp_path, "marked", {"CONDITION": "CONDITION", "DRUG": "DRUG", "GENE": "GENE"})
    assert {label: passage.spans(label) for label in passage.tags} == {
        "CONDITION": [(1, 2)],
        "DRUG": [(3, 6)],
        "GENE": [],
    }
    assert passage.words[1] == "fever"
    with pytest.raises(MedlinkError, match="nowhere"):
        list(read_corpus(tmp_path / "nowhere", "marked", {}))


def test_the_exported_model_gives_what_pytorch_gives(settings):
    torch.manual_seed(1)
    model = TokenClassifier(BertModel(tiny_config(3000), add_pooling_layer=False), 3, 0.1).eval()
    data = export_onnx(model)
    stored = {tensor.data_type for tensor in onnx.load_from_string(data).graph.initializer if len(tensor.dims) == 2}
    assert onnx.TensorProto.INT8 in stored
    import onnxruntime

    session = onnxruntime.InferenceSession(data)
    rng = np.random.default_rng(0)
    for batch, pieces in ((1, 5), (3, 40)):
        ids = rng.integers(5, 3000, (batch, pieces))
        mask = np.ones_like(ids)
        mask[0, pieces // 2 :] = 0
        (logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        with torch.no_grad():
            expected = model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        assert np.abs(logits - expected)[mask == 1].max() < 0.05


def test_mentions_are_hidden_whole(settings):
    # Words of 1, 2, 1, 3 and 1 pieces: the second is a mention, the third and fourth are one of another label.
    words = np.array([0, 1, 3, 4, 7])
    targets = np.full((8, 2), UNKNOWN)
    targets[words] = [[0, 0], [1, 0], [0, 1], [0, 2], [0, 0]]
    mentions = _mentions(targets, words)
    assert mentions.tolist() == [0, 1, 1, 2, 2, 2, 2, 0]
    ids, numbers = torch.arange(10, 18).repeat(500, 1), torch.from_numpy(mentions).repeat(500, 1)
    learnt = torch.ones_like(ids, dtype=torch.bool)
    torch.manual_seed(0)
    half = _hide(ids, learnt, numbers, replace(settings, hidden_pieces=0.0, hidden_mentions=0.5), 4) == 4
    assert not half[:, [0, 7]].any()
    assert torch.equal(half[:, 1], half[:, 2])
    assert all(torch.equal(half[:, 3], half[:, i]) for i in (4, 5, 6))
    assert 0.4 < half[:, 1].float().mean() < 0.6
    assert not torch.equal(half[:, 1], half[:, 3])
    assert torch.equal(_hide(ids, learnt, numbers, replace(settings, hidden_pieces=0.0), 4), ids)


@pytest.mark.parametrize("text", ["", "[ner]\nbase = 1\n", "[other]\n"])
def test_a_config_that_is_none_is_told(tmp_path, text):
    path = tmp_path / "ner.cfg"
    path.write_text(text)
    with pytest.raises(MedlinkError, match="not a training config"):
        NerSettings.load(path)


def test_a_config_tells_only_what_differs_from_another(tmp_path):
    first, second = NerSettings.load("configs/ner.cfg"), NerSettings.load("configs/ner-taught.cfg")
    assert (second.start, second.epochs, second.seed) == ("runs/ner-1/best.pt", 6, 3)
    assert second.shares == first.shares
    assert second.corpora == {"open-types": second.corpora["open-types"]} | first.corpora
    one, other = tmp_path / "one.cfg", tmp_path / "other.cfg"
    one.write_text(f'[ner]\nlike = "{other}"\n')
    other.write_text(f'[ner]\nlike = "{one}"\n')
    with pytest.raises(MedlinkError, match="like itself"):
        NerSettings.load(one)


def test_a_base_model_that_is_none_is_told(tmp_path):
    base, out = str(tmp_path / "none"), tmp_path / "out"
    told = CliRunner().invoke(app, ["ner", "configs/ner.cfg", "--base", base, "--out", str(out)])
    assert isinstance(told.exception, MedlinkError)
    assert base in str(told.exception)
    assert not out.exists()


def test_the_shipped_configs_are_read():
    for name in ("ner", "ner-taught", "ner-last", "ner-release-first", "ner-release-taught", "ner-release"):
        settings = NerSettings.load(f"configs/{name}.cfg")
        assert len(settings.labels) == 7
        assert ("bc5cdr-dev" in settings.corpora) == name.startswith("ner-release")
