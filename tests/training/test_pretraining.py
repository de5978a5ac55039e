"""Masked-language training: hidden words are learnt, a run goes on after a break and leaves a base model."""

import json
from dataclasses import replace

import pytest
import torch
from test_training import WORDS, tiny_config
from transformers import BertModel, BertTokenizerFast

from medlink import MedlinkError
from medlink.training.base import load_base
from medlink.training.pretraining import PretrainingSettings, pretrain


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretraining")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    torch.manual_seed(0)
    base = folder / "base"
    BertModel(tiny_config(len(WORDS) + 5), add_pooling_layer=False).save_pretrained(base)
    BertTokenizerFast(str(vocabulary)).save_pretrained(base)
    texts = folder / "texts"
    texts.mkdir()
    for i in range(40):
        (texts / f"{i}.txt").write_text("the patient with asthma took heparin for fever of the lung .")
    return PretrainingSettings(
        base=str(base), texts=[str(texts)], window=13, heldout=0.1, epochs=40, batch=4, learning_rate=2e-3
    )


def losses(folder):
    return [json.loads(line)["heldout"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_hidden_words_are_learnt_and_the_encoder_is_a_base_model(settings, tmp_path):
    folder = pretrain(settings, tmp_path / "run", threads=1)
    first, *_, last = losses(tmp_path / "run")
    assert last < 0.5 < first
    before, _ = load_base(settings.base, 0.0)
    after, tokenizer = load_base(str(folder), 0.0)
    assert tokenizer.mask_id == 4
    name = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(before.state_dict()[name], after.state_dict()[name])


def test_a_run_that_was_cut_off_goes_on_to_the_same_end(settings, tmp_path, cut_off):
    short = replace(settings, epochs=3)
    whole = pretrain(short, tmp_path / "whole", threads=1)
    cut_off(lambda: pretrain(short, tmp_path / "cut", threads=1))
    resumed = pretrain(short, tmp_path / "cut", threads=1)
    there, here = (load_base(str(folder), 0.0)[0].state_dict() for folder in (whole, resumed))
    assert all(torch.equal(tensor, here[name]) for name, tensor in there.items())


def test_too_little_text_and_broken_settings_are_told(settings, tmp_path):
    with pytest.raises(MedlinkError, match="too little text"):
        pretrain(replace(settings, texts=[]), tmp_path / "run", threads=1)
    (tmp_path / "p.cfg").write_text("[pretraining]\nepochs = 3\n")
    with pytest.raises(MedlinkError, match="not a training config"):
        PretrainingSettings.load(tmp_path / "p.cfg")


def test_a_base_model_that_is_none_is_told(settings, tmp_path):
    base, out = str(tmp_path / "none"), tmp_path / "run"
    with pytest.raises(MedlinkError, match="none"):
        pretrain(replace(settings, base=base), out, threads=1)
    assert not out.exists()
