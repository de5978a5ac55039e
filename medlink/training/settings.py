"""Settings of training runs, read from spaCy-style configs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from confection import Config

from medlink.errors import MedlinkError


def read_section(path: str | Path, section: str, below: Sequence[str] = ()) -> dict[str, Any]:
    """Read a section of a spaCy-style config.

    Arguments:
        path: The config. Where the section has ``like``, the path of another config, it holds only what differs from
            that one's section.
        section: Its name, as ``"ner"``.
        below: The configs that are like this one.

    Raises:
        OSError: A file is missing.
        KeyError: One has no such section.
        ValueError: One is no config, or is like itself.
    """
    values: dict[str, Any] = Config().from_disk(path)[section]
    if like := values.pop("like", ""):
        if like in below:
            raise ValueError(f"{like} is like itself")
        values = Config(read_section(like, section, [*below, like])).merge(values)
    return values


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """One corpus.

    Arguments:
        format: One of :data:`medlink.training.corpus.FORMATS`: ``"pubtator"``, ``"brat"``, ``"conll"``, ``"jsonl"``,
            ``"iob"``, ``"marked"``, ``"open"`` or ``"offsets"``.
        train: Path of the training split.
        dev: Path of the development split; empty where it has none.
        labels: From the corpus' types to medlink's labels.
        licence: Licence of the corpus, for the model card.
        heldout: Path of a split that the model is scored on at the end, for the model card alone: it chooses no
            epoch. Empty for none.
        texts: Folder of the texts, for the format ``"offsets"``.
    """

    format: str
    train: str
    dev: str
    labels: dict[str, str]
    licence: str
    heldout: str = ""
    texts: str = ""


@dataclass(frozen=True, slots=True)
class NerSettings:
    """Everything that decides a training run.

    Arguments:
        base: Folder of the Hugging Face encoder to start from, or its name on the hub.
        base_licence: Licence of that encoder, for the model card.
        labels: Labels to learn, in the order of the output.
        corpora: The corpora by name.
        window: Pieces read at once, without special tokens.
        overlap: Pieces shared by neighbouring windows.
        epochs: Passes over all corpora.
        batch: Windows in a batch.
        learning_rate: Highest learning rate of the encoder; it rises over ``warmup`` of the steps and falls linearly.
        head_learning_rate: Likewise, of the heads.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        dropout: Dropout before the heads and in the encoder. The attention weights get none: it would
            more than double the time of a step on a CPU.
        hidden_pieces: Share of the word pieces that are replaced by ``[MASK]``, so that mentions are also
            learnt from what stands around them.
        hidden_mentions: Share of the mentions that are replaced by ``[MASK]`` whole, so that mentions of unknown words
            are found by what is around them.
        adversarial: How far the word vectors are moved for a second pass over each batch, which doubles its time
            (:mod:`medlink.training.adversarial`); 0 for none.
        start: What to go on from, with the same base: the checkpoint of an earlier run (``best.pt``) with the same
            labels, or of the bi-encoder's (``last.pt``), whose encoder is taken; or the folder of a trained model, as
            the one in ``en_medlink_sm``, whose labels may be others; or several such folders, to go on from the mean of
            their weights. Empty to start from the base.
        teachers: Folders of trained models of the same base, whose mean opinion the model learns beside the annotations
            (:mod:`medlink.training.distillation`); empty for none.
        taught: Weight of the teachers' opinion in the loss, 0 to 1; the rest is that of the annotations.
        measured: Folder of the model whose scores on development splits its card repeats, where this training reads
            those splits as well and cannot be measured on them. Empty otherwise.
        shares: By corpus, the share of its windows that each epoch reads; all of them (1) where it is not named, and
            what is above 1 more than once.
        keep: ``"best"`` for the epoch with the best mean F1 over the development splits, or ``"last"``, with which
            nothing is scored between epochs.
        dev_passages: Passages of each development split that are scored after each epoch; 0 for all.
        precision: ``"fp32"``, or ``"bf16"`` to multiply in bfloat16, which processors and GPUs that have it do faster.
        seed: Decides initial weights and the order of the windows.
    """

    base: str
    base_licence: str
    labels: list[str]
    corpora: dict[str, CorpusSettings]
    window: int = 382
    overlap: int = 64
    epochs: int = 10
    batch: int = 8
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    hidden_pieces: float = 0.0
    hidden_mentions: float = 0.0
    adversarial: float = 0.0
    start: str | list[str] = ""
    teachers: list[str] = field(default_factory=list)
    taught: float = 0.5
    measured: str = ""
    shares: dict[str, float] = field(default_factory=dict)
    keep: Literal["best", "last"] = "best"
    dev_passages: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0

    @classmethod
    def load(cls, path: str | Path) -> NerSettings:
        """Read a spaCy-style config with the sections ``[ner]`` and ``[ner.corpora.NAME]``.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "ner")
            corpora = {name: CorpusSettings(**corpus) for name, corpus in values.pop("corpora").items()}
            return cls(corpora=corpora, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"{path}: not a training config ({error}); see configs/ner.cfg for one") from None


@dataclass(frozen=True, slots=True)
class GlinerSettings:
    """Everything that decides the training of a GLiNER model.

    Arguments:
        base: As for :class:`NerSettings`.
        base_licence: Licence of that encoder, for the model card.
        corpora: The corpora by name; ``labels`` maps their types to keys of ``phrases``.
        phrases: For each label what it is called in plain words; each window is given one of them by chance. The
            first is the one that the model is scored with.
        strangers: Names of types that no corpus holds, asked for now and then.
        shares: By corpus, the share of it that each epoch reads; all of it (1) where it is not named, and what is
            above 1 more than once.
        without: Corpora that are left out of training and only scored, as text of types that nobody trained: labels
            of other corpora that share a phrase with one of theirs are left out as well, and so are types in plain
            words that share a word with one.
        start: Where an encoder of the same base is taken from: the folder of a token classifier or of a bi-encoder, or
            the checkpoint (``last.pt``) of a bi-encoder's training; or the checkpoint of a GLiNER model, which is taken
            whole. Empty to start from the base model.
        start_read_dev: Whether the training of ``start`` read development splits, which the card then tells.
        start_without: As ``start``, where corpora are left out: an encoder that has not learnt their types elsewhere.
        hidden_size: Length of the vectors of words and labels above the encoder.
        asked: Most labels asked for at once.
        positive_weight: What a word of a mention counts in the loss beside one of none. Words of mentions are few: with
            1, scores of rare types stay below 0.5.
        window: Pieces of text read at once, labels not counted.
        short: Share of the windows, 0 to 1, of which a sentence or two are read alone, as users ask about them.
        epochs: Passes over all corpora.
        batch: Windows in a batch.
        learning_rate: Highest learning rate of the encoder; it rises over ``warmup`` of the steps and falls linearly.
        head_learning_rate: Likewise, of the layers above it.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        dropout: Dropout in the encoder and above it.
        precision: As for :class:`NerSettings`.
        dev_passages: Passages of each corpus' development split that are scored after each epoch.
        seed: Decides initial weights, the order of the windows and what is asked for in each.
    """

    base: str
    base_licence: str
    corpora: dict[str, CorpusSettings]
    phrases: dict[str, list[str]]
    strangers: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    start: str = ""
    start_read_dev: bool = False
    start_without: str = ""
    hidden_size: int = 192
    asked: int = 8
    positive_weight: float = 2.0
    window: int = 250
    short: float = 0.0
    epochs: int = 3
    batch: int = 8
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    precision: Literal["fp32", "bf16"] = "fp32"
    dev_passages: int = 100
    seed: int = 0

    def is_seen(self, label: str) -> bool:
        """Whether a label, or a type in plain words, is trained though a corpus is left out."""
        left_out = {one for corpus in self.without for one in self.corpora[corpus].labels.values()}
        names = {name for one in left_out for name in self.phrases[one]}
        if label in self.phrases:
            return not names & set(self.phrases[label])
        return not {word for name in names for word in name.replace(",", "").split()} - {"or"} & set(label.split())

    @classmethod
    def load(cls, path: str | Path, without: Sequence[str] = ()) -> GlinerSettings:
        """Read a spaCy-style config with the sections ``[gliner]``, ``[gliner.phrases]`` and ``[gliner.corpora.NAME]``.

        Arguments:
            path: The config.
            without: Corpora to leave out, in place of the config's.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "gliner")
            corpora = {name: CorpusSettings(**corpus) for name, corpus in values.pop("corpora").items()}
            settings = cls(corpora=corpora, **values | ({"without": list(without)} if without else {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"{path}: not a training config ({error}); see configs/gliner.cfg for one") from None
        for name in settings.without:
            if name not in corpora:
                raise MedlinkError(f"{path}: has no corpus {name!r} to leave out; it has {', '.join(corpora)}")
        unnamed = {label for one in corpora.values() for label in one.labels.values()} - set(settings.phrases)
        if unnamed:
            raise MedlinkError(f"{path}: the label {min(unnamed)!r} has no phrase; name it in [gliner.phrases]")
        return settings


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """A terminology that gives names.

    Arguments:
        format: One of the formats of ``medlink terminology build``.
        licence: Its licence, for the model card.
        files: Its files; empty for a terminology that a Python package carries.
        concepts: Most concepts drawn from it in each round; 0 for all.
        without_xref: Concepts with a cross-reference into this terminology are left out, so that a map to it can be
            measured on them.
        without_ids: Concepts whose ids begin with one of these are left out.
    """

    format: str
    licence: str
    files: list[str] = field(default_factory=list)
    concepts: int = 0
    without_xref: str = ""
    without_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MentionSettings:
    """A corpus whose mentions are linked to a terminology.

    Arguments:
        terminology: Name of the terminology among the sources.
        path: As for :func:`medlink.evaluation.linking.read_gold`.
        licence: Its licence, for the model card.
        labels: Labels of the mentions to take; empty for all.
    """

    terminology: str
    path: str
    licence: str
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BiencoderSettings:
    """Everything that decides a training run of the bi-encoder.

    Arguments:
        base: As for :class:`NerSettings`.
        base_licence: Licence of that encoder, for the model card.
        sources: The terminologies by name.
        mentions: Corpora whose mentions are further names of the concepts they are linked to, by name.
        dev: Corpora, linked to one of the sources, that the model is scored on, by name.
        dimensions: Lengths at which a vector, cut there, is still trained to be a good one (Matryoshka); the first
            is the whole.
        rounds: Rounds of training; before each, concepts are drawn and their nearest neighbours found.
        steps: Steps in a round.
        seeds: Concepts drawn for a batch; each brings neighbours.
        neighbours: Nearest neighbours that each brings.
        reach: How many nearest neighbours these are drawn from.
        longest: Word pieces of a name that are read.
        mentioned: Share of the seeds that are mentions of the corpora, each drawn as often as another.
        varied: Share of the names that are written in another way.
        definitions: Share of the concepts with a definition for which it stands in place of a name.
        loss: ``"info-nce"``, or ``"multi-similarity"`` with pairs mined as SapBERT does.
        slack: By how much a concept may be more like its parent than like others before it counts.
        learning_rate: Highest learning rate; it rises over ``warmup`` of the steps and falls linearly.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        dropout: Dropout in the encoder; the attention weights get none.
        start: Checkpoint (``last.pt``) of an earlier run to go on from, or the folder of an encoder that one exported;
            empty to start from the base model.
        seed: Decides everything drawn.
    """

    base: str
    base_licence: str
    sources: dict[str, SourceSettings]
    mentions: dict[str, MentionSettings]
    dev: dict[str, MentionSettings]
    dimensions: list[int]
    rounds: int = 6
    steps: int = 450
    seeds: int = 40
    neighbours: int = 6
    reach: int = 12
    longest: int = 24
    mentioned: float = 0.5
    varied: float = 0.2
    definitions: float = 0.05
    loss: str = "info-nce"
    slack: float = 0.1
    learning_rate: float = 6e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    start: str = ""
    seed: int = 0

    @classmethod
    def load(cls, path: str | Path) -> BiencoderSettings:
        """Read a spaCy-style config with the sections ``[biencoder]``, ``[biencoder.sources.NAME]``,
        ``[biencoder.mentions.NAME]`` and ``[biencoder.dev.NAME]``.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "biencoder")
            sources = {name: SourceSettings(**one) for name, one in values.pop("sources").items()}
            mentions = {name: MentionSettings(**one) for name, one in values.pop("mentions", {}).items()}
            dev = {name: MentionSettings(**one) for name, one in values.pop("dev").items()}
            return cls(sources=sources, mentions=mentions, dev=dev, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"{path}: not a training config ({error}); see configs/biencoder.cfg for one") from None


@dataclass(frozen=True, slots=True)
class CrossencoderSettings:
    """Everything that decides a training run of the cross-encoder.

    Arguments:
        base: As for :class:`NerSettings`.
        base_licence: Licence of that encoder, for the model card.
        retriever: Folder of the encoder of names that finds the candidates. One that has not seen the mentions errs as
            it will err on new ones.
        sources: The terminologies by name.
        mentions: Corpora whose mentions are read in their documents, by name.
        dev: Corpora that the model is scored on, by name.
        names: Names of terminologies that are read as mentions without a document, in each epoch.
        absent: Share of the mentions whose concepts are taken from the candidates, so that NIL is right.
        candidates: Most candidates read at once.
        around: Word pieces read on each side of the mention.
        candidate: Word pieces read of a candidate.
        layers: Layers of the base that are kept, from the first; 0 for all.
        epochs: Passes over the mentions.
        batch: Mentions in a batch.
        learning_rate: Highest learning rate; it rises over ``warmup`` of the steps and falls linearly.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        start: Checkpoint (``last.pt``) of a run of the bi-encoder, or of the cross-encoder, to go on from, or the
            folder of a model that one exported; empty to start from the base model.
        seed: Decides everything drawn.
    """

    base: str
    base_licence: str
    retriever: str
    sources: dict[str, SourceSettings]
    mentions: dict[str, MentionSettings]
    dev: dict[str, MentionSettings]
    names: int = 3000
    absent: float = 0.15
    candidates: int = 10
    around: int = 24
    candidate: int = 16
    layers: int = 0
    epochs: int = 2
    batch: int = 16
    learning_rate: float = 1e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    start: str = ""
    seed: int = 0

    @classmethod
    def load(cls, path: str | Path) -> CrossencoderSettings:
        """Read a spaCy-style config with the section ``[crossencoder]`` and those of :class:`BiencoderSettings` in it.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "crossencoder")
            sources = {name: SourceSettings(**one) for name, one in values.pop("sources").items()}
            mentions = {name: MentionSettings(**one) for name, one in values.pop("mentions").items()}
            dev = {name: MentionSettings(**one) for name, one in values.pop("dev").items()}
            return cls(sources=sources, mentions=mentions, dev=dev, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(
                f"{path}: not a training config ({error}); see configs/crossencoder.cfg for one"
            ) from None


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """What the linker's calibration is fitted on.

    Arguments:
        sources: The terminologies by name.
        mentions: Corpora of mentions, by name.
        crosswalks: By terminology, files of names with cross-references into it, of which every second is taken; the
            others are for measuring.
        priors: Corpora whose mentions are counted as priors, by name; others than ``mentions``, or the weights would
            trust them too much.
        later_priors: Corpora that are counted as well once the weights are fitted, by name: ``mentions`` may be among
            them, for what their names meant helps with new text. To measure on them they are left out again.
        unknown: Files of mentions, one a line, that no concept fits.
        general: The terminology whose weights stand for those of any other.
        bridges: The terminologies that lend their synonyms to the others, as those of the pipeline will.
    """

    sources: dict[str, SourceSettings]
    mentions: dict[str, MentionSettings]
    crosswalks: dict[str, CrosswalkSettings]
    unknown: list[str]
    general: str
    priors: dict[str, MentionSettings] = field(default_factory=dict)
    later_priors: dict[str, MentionSettings] = field(default_factory=dict)
    bridges: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: str | Path) -> CalibrationSettings:
        """Read a spaCy-style config with the section ``[calibration]``.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "calibration")
            sources = {name: SourceSettings(**one) for name, one in values.pop("sources").items()}
            mentions = {name: MentionSettings(**one) for name, one in values.pop("mentions").items()}
            walks = {name: CrosswalkSettings(**one) for name, one in values.pop("crosswalks", {}).items()}
            priors = {name: MentionSettings(**one) for name, one in values.pop("priors", {}).items()}
            later = {name: MentionSettings(**one) for name, one in values.pop("later_priors", {}).items()}
            return cls(
                sources=sources, mentions=mentions, crosswalks=walks, priors=priors, later_priors=later, **values
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(
                f"{path}: not a training config ({error}); see configs/calibration.cfg for one"
            ) from None


@dataclass(frozen=True, slots=True)
class CrosswalkSettings:
    """Names of one terminology with cross-references into another.

    Arguments:
        terminology: The terminology that they lead into.
        prefix: What the cross-references begin with, as ``"ICD10CM"``.
        files: OBO files.
        licence: Their licence, for the model card.
    """

    terminology: str
    prefix: str
    files: list[str]
    licence: str
