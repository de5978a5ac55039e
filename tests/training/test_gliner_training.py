"""A GLiNER model trains, resumes, exports and leaves a card; on a tiny encoder made here, so that it takes seconds."""

from dataclasses import replace

import numpy as np
import pytest
import spacy
import torch
from gliner import GLiNER
from test_training import WORDS, tiny_config
from torch import nn
from transformers import BertModel, BertTokenizerFast

from medlink import MedlinkError
from medlink.evaluation.gliner import score_gliner_splits
from medlink.inference.gliner import GlinerModel, decode_spans
from medlink.recognition.gliner import MedlinkGliner, choose
from medlink.recognition.mentions import GROUP
from medlink.training.base import load_base
from medlink.training.export import export_onnx
from medlink.training.export_gliner import export_gliner
from medlink.training.gliner import _ask, _cut, _loss, _Sample, inference_model, new_gliner, train_gliner
from medlink.training.ner import TokenClassifier
from medlink.training.save_gliner import save_gliner
from medlink.training.settings import CorpusSettings, GlinerSettings

LABELS = ["drug", "medicine", "disease", "organ", "food"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gliner")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *LABELS]))
    torch.manual_seed(0)
    base = folder / "base"
    BertModel(tiny_config(len(WORDS) + len(LABELS) + 5), add_pooling_layer=False).save_pretrained(base)
    BertTokenizerFast(str(vocabulary)).save_pretrained(base)
    notes = folder / "notes"
    notes.mkdir()
    for i, (drug, disease) in enumerate((d, c) for d in WORDS[8:11] for c in WORDS[5:8]):
        (notes / f"{i}.txt").write_text(f"the patient with {{{disease}}} took {{{drug}|DRUG}} .")
    organs = folder / "organs.tsv"
    organs.write_text("fever\tO\nof\tO\nthe\tO\nliver\tB-Anatomy\n\nlung\tB-Anatomy\nwas\tO\n\n" * 4)
    return GlinerSettings(
        base=str(base),
        base_licence="none",
        phrases={"DRUG": ["drug", "medicine"], "CONDITION": ["disease"], "ANATOMY": ["organ"]},
        strangers=["food"],
        corpora={
            "notes": CorpusSettings(
                "marked", str(notes), str(notes), {"CONDITION": "CONDITION", "DRUG": "DRUG"}, "none"
            ),
            "organs": CorpusSettings("iob", str(organs), str(organs), {"Anatomy": "ANATOMY"}, "none"),
        },
        hidden_size=32,
        window=20,
        epochs=120,
        batch=2,
        asked=2,
        learning_rate=2e-3,
        head_learning_rate=2e-3,
        dropout=0.0,
    )


@pytest.fixture(scope="module")
def run(settings, tmp_path_factory):
    return train_gliner(settings, tmp_path_factory.mktemp("run"), threads=1)


def test_it_learns_exports_and_writes_a_card(run, tmp_path):
    save_gliner(run, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| notes | development | drug | 1.0000 | 1.0000 | 1.0000 | 9 |" in card
    nlp = spacy.blank("en")
    finder = MedlinkGliner(labels={"medicine": "DRUG", "disease": "CONDITION"}, model=tmp_path / "model")
    doc = finder(nlp("the patient with gout took heparin ."))
    assert [(span.text, span.label_) for span in doc.spans[GROUP]] == [("gout", "CONDITION"), ("heparin", "DRUG")]
    assert MedlinkGliner(labels=["drug"], model=tmp_path / "library")(nlp("took heparin .")) is not None
    # The model in PyTorch has been rounded as the exported one, and gives the same scores.
    words = [["the", "patient", "had", "fever", "and", "took", "insulin", "."] * 20, ["lung"]]
    torch_scores = inference_model(run.model).logits(words, ["drug", "organ"])
    for ours, theirs in zip(
        GlinerModel.load(tmp_path / "model").logits(words, ["drug", "organ"]), torch_scores, strict=True
    ):
        assert np.abs(ours - theirs).max() < 1e-3
    kept = MedlinkGliner(labels=["disease"]).from_bytes(finder.to_bytes())
    finder.to_disk(tmp_path / "again")
    for again in (kept, MedlinkGliner(labels=["disease"]).from_disk(tmp_path / "again")):
        doc = again(nlp("the patient with gout took heparin ."))
        assert [span.text for span in doc.spans[GROUP]] == ["gout"]


@pytest.mark.parametrize("span_mode", ["token_level", "markerV0"])
def test_exported_models_of_the_library_give_what_the_library_gives(settings, tmp_path, span_mode):
    torch.manual_seed(1)
    model = GLiNER.from_config(
        {"model_name": settings.base, "span_mode": span_mode, "hidden_size": 32, "max_width": 4, "num_rnn_layers": 1}
    )
    # Enlarged, the weights of an untrained model give scores that lie apart.
    with torch.no_grad():
        for parameter in model.model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(2)
    model.save_pretrained(tmp_path / "library")
    export_gliner(str(tmp_path / "library"), tmp_path / "onnx")
    text = "the patient with gout took heparin and insulin for fever of the liver . aspirin was given ."
    labels = ["drug", "organ", "disease"]
    expected = model.predict_entities(text, labels, flat_ner=True, threshold=0.4)
    assert expected
    nlp = spacy.blank("en")
    for folder in ("onnx", "library"):
        finder = MedlinkGliner(labels=labels, threshold=0.4, model=tmp_path / folder)
        doc = finder(nlp(text))
        found = [(s.start_char, s.end_char, s.label_, s._.finders["medlink_gliner"]) for s in doc.spans[GROUP]]
        assert [one[:3] for one in found] == [(one["start"], one["end"], one["label"]) for one in expected]
        assert [one[3] for one in found] == pytest.approx([one["score"] for one in expected], abs=1e-3)
    spans = decode_spans(
        finder.network.logits([text.split()], labels)[0], by_span=span_mode != "token_level", threshold=0.5
    )
    assert len(choose(spans, nested=True)) >= len(choose(spans, nested=False))


def test_a_run_that_was_cut_off_goes_on_to_the_same_end(settings, tmp_path, cut_off):
    short = replace(settings, epochs=3, dropout=0.1)
    whole = train_gliner(short, tmp_path / "whole", threads=1)
    cut_off(lambda: train_gliner(short, tmp_path / "cut", threads=1))
    resumed = train_gliner(short, tmp_path / "cut", threads=1)
    for name, tensor in whole.model.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.model.state_dict()[name])


def test_a_corpus_can_be_left_out_and_is_still_scored(settings, tmp_path):
    run = train_gliner(replace(settings, epochs=1, without=["organs"]), tmp_path / "run", threads=1)
    assert set(run.checksums) == {"notes"}
    save_gliner(run, tmp_path / "model")
    assert "| organs | development, not trained on | organ |" in (tmp_path / "model" / "README.md").read_text()


def test_the_card_tells_which_splits_the_start_had_read(settings):
    model = inference_model(new_gliner(settings))
    for start_read_dev, without, kinds in (
        (False, [], {"development"}),
        (True, [], {"development, read by the start's training"}),
        (True, ["organs"], {"development", "development, not trained on"}),
    ):
        changed = replace(settings, start_read_dev=start_read_dev, without=without)
        assert {kind for _, kind, _ in score_gliner_splits(model, changed)} == kinds


def test_words_of_mentions_count_more_in_the_loss():
    logits, none = torch.zeros(1, 4, 2, 3), torch.zeros(1, 4, 2, 3)
    one = none.clone()
    one[0, 2, 0] = 1  # a mention of one word
    counts = torch.tensor([1])  # the second label was not asked for
    plain = _loss(logits, none, counts, 3.0)
    assert _loss(logits, one, counts, 1.0) == plain == pytest.approx(3 * np.log(2))
    assert _loss(logits, one, counts, 3.0) == pytest.approx(float(plain) * (3 + 3) / 4)


def test_what_is_left_out_no_other_corpus_teaches(settings, tmp_path):
    (tmp_path / "open.txt").write_text(
        "{liver|organ} of {asthma|lung disease}\n{lung|food}\n{fever|organ of the body}\n"
    )
    corpora = settings.corpora | {"open": CorpusSettings("open", str(tmp_path / "open.txt"), "", {}, "none")}
    without = replace(settings, corpora=corpora, without=["organs"], epochs=1)
    assert [label for label in ("DRUG", "ANATOMY", "food", "organ of the body") if without.is_seen(label)] == [
        "DRUG",
        "food",
    ]
    run = train_gliner(without, tmp_path / "run", threads=1)
    assert set(run.checksums) == {"notes", "open"}
    assert all(settings.is_seen(label) for label in ("DRUG", "ANATOMY", "food", "organ of the body"))


def test_types_in_plain_words_are_learnt(settings, tmp_path):
    (tmp_path / "open.txt").write_text(
        "the {liver|organ} and the {fever|food} .\n{lung|organ} was given {gout|food} .\n"
    )
    corpora = {"open": CorpusSettings("open", str(tmp_path / "open.txt"), "", {}, "none")}
    run = train_gliner(replace(settings, corpora=corpora, shares={"open": 4.0}), tmp_path / "run", threads=1)
    (scores,) = inference_model(run.model).logits([["the", "liver", "and", "the", "fever", "."]], ["organ", "food"])
    found = decode_spans(scores, by_span=False, threshold=0.5)
    assert [(one.start, one.end, one.label) for one in found] == [(1, 2, 0), (4, 5, 1)]


def test_a_sentence_that_says_what_it_has_not_is_asked_for_nothing_else(settings):
    strange = ["tool", "city", "colour"]

    def asked(tags):
        sample = _Sample(["dog", "."], tags)
        return {name for seed in range(50) for _, name in _ask(sample, settings, strange, np.random.default_rng(seed))}

    dog, none = np.array([1, 0]), np.array([0, 0])
    assert asked({"animal": dog, "fish": none}) == {"animal", "fish"}
    assert asked({"animal": dog}) == {"animal", *strange}


def test_a_window_is_cut_to_sentences_and_through_no_mention():
    words = "No fever . Dr . Crohn disease ; ends here".split()
    tags = {"CONDITION": np.array([0, 1, 0, 0, 0, 1, 2, 0, 0, 0]), "PERSON": np.array([0, 0, 0, 1, 2, 2, 0, 0, 0, 0])}
    rng = np.random.default_rng(0)
    cut = [_cut(_Sample(words, tags), rng) for _ in range(60)]
    assert {" ".join(one.words) for one in cut} == {
        "No fever .",
        "No fever . Dr . Crohn disease ;",
        "Dr . Crohn disease ;",
        "Dr . Crohn disease ; ends here",
        "ends here",
    }
    for one in cut:
        at = next(i for i in range(len(words)) if words[i : i + len(one.words)] == one.words)
        assert all((one.tags[label] == of[at : at + len(one.words)]).all() for label, of in tags.items())
    whole = _cut(_Sample(["fever"], {"CONDITION": np.array([1])}), rng)
    assert whole.words == ["fever"]


def test_short_windows_are_learnt_alike(settings, tmp_path, monkeypatch):
    cut = []
    monkeypatch.setattr("medlink.training.gliner._cut", lambda sample, rng: cut.append(sample) or _cut(sample, rng))
    run = train_gliner(replace(settings, short=1.0, epochs=2), tmp_path / "short", threads=1)
    assert run.seconds > 0
    assert len({id(sample) for sample in cut}) == len(cut) / 2 > 0
    cut.clear()
    train_gliner(replace(settings, epochs=1), tmp_path / "whole", threads=1)
    assert not cut


def test_it_starts_from_the_encoder_of_a_checkpoint(settings, tmp_path):
    plain = new_gliner(settings)
    encoder = plain.model.token_rep_layer.bert_layer.model.state_dict()
    state = {f"encoder.{name}": value[: len(WORDS) + len(LABELS) + 5] + 1 for name, value in encoder.items()}
    torch.save({"model": state}, tmp_path / "last.pt")
    started = new_gliner(replace(settings, start=str(tmp_path / "last.pt")))
    name = "embeddings.word_embeddings.weight"
    weights = started.model.token_rep_layer.bert_layer.model.state_dict()[name]
    assert torch.equal(weights[:5], encoder[name][:5] + 1)
    with pytest.raises(MedlinkError, match="not an encoder of this base"):
        new_gliner(replace(settings, start=str(tmp_path)))


def test_it_goes_on_from_a_model_of_its_own(run, settings, tmp_path):
    torch.save({"model": run.model.model.state_dict()}, tmp_path / "last.pt")
    further = new_gliner(replace(settings, start=str(tmp_path / "last.pt")))
    for name, tensor in further.model.state_dict().items():
        assert torch.equal(tensor, run.model.model.state_dict()[name])


def test_it_starts_from_an_exported_model(settings, tmp_path):
    encoder, _ = load_base(settings.base, 0.0)
    torch.manual_seed(3)
    classifier = TokenClassifier(encoder, 2, 0.0)
    for parameter in classifier.parameters():
        nn.init.normal_(parameter)
    (tmp_path / "model.onnx").write_bytes(export_onnx(classifier.eval()))
    started = new_gliner(replace(settings, start=str(tmp_path))).model.token_rep_layer.bert_layer.model.state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.allclose(started[name][: len(value)], value, atol=0.05), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gliner]\nbase = 'x'", "not a training config"),
        (
            "[gliner]\nbase = ''\nbase_licence = ''\n[gliner.phrases]\nX = ['x']\n[gliner.corpora]\n",
            "has no corpus 'y'",
        ),
    ],
)
def test_broken_settings_are_told(tmp_path, text, message):
    (tmp_path / "gliner.cfg").write_text(text.replace("'", '"'))
    with pytest.raises(MedlinkError, match=message):
        GlinerSettings.load(tmp_path / "gliner.cfg", ["y"])
