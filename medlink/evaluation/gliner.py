"""Strict scores of a GLiNER model, asked for the labels of corpora in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medlink.evaluation.ner import Scores, score_spans
from medlink.inference.gliner import GlinerModel, decode_spans
from medlink.recognition.gliner import choose
from medlink.training.corpus import Passage, read_split
from medlink.training.settings import GlinerSettings

#: Labels asked for at once: as many as medlink has, and one.
AT_ONCE = 8


def score_gliner_splits(model: GlinerModel, settings: GlinerSettings) -> Iterator[tuple[str, str, dict[str, Scores]]]:
    """Score a model on the development and held-out splits that training settings name.

    Arguments:
        model: The model.
        settings: The training settings.

    Yields:
        Name of the corpus, what the split is, and scores by label and over all labels (``"micro"``).

    Raises:
        MedlinkError: A corpus cannot be read.
    """
    for name, corpus in settings.corpora.items():
        for split, path in (("development", corpus.dev), ("held out", corpus.heldout)):
            if path:
                passages = list(read_split(corpus, path))
                yield name, _kind(name, split, settings), score_gliner(model, passages, settings.phrases)


def name_of(label: str, phrases: Mapping[str, Sequence[str]]) -> str:
    """What a label is called first: a type in plain words is its own name.

    Arguments:
        label: The label.
        phrases: What labels are called in plain words.
    """
    return phrases.get(label, [label])[0]


def _kind(corpus: str, split: str, settings: GlinerSettings) -> str:
    if corpus in settings.without:
        return f"{split}, not trained on"
    seen = split == "development" and settings.start_read_dev and not settings.without
    return f"{split}, read by the start's training" if seen else split


def score_gliner(
    model: GlinerModel, passages: Sequence[Passage], phrases: Mapping[str, Sequence[str]], threshold: float = 0.5
) -> dict[str, Scores]:
    """Score a model on passages, asked for :data:`AT_ONCE` of their labels at once, each by its first name.

    What it finds of labels that a passage does not know counts neither for nor against it.

    Arguments:
        model: The model.
        passages: The passages.
        phrases: What each label is called in plain words; a label that is not named is a name itself.
        threshold: Least score of a mention, 0 to 1.

    Returns:
        Strict scores by label and over all labels (``"micro"``).
    """
    texts = [passage.words for passage in passages]
    found: list[set[tuple[str, int, int]]] = [set() for _ in passages]
    labels = sorted({label for passage in passages for label in passage.tags})
    for first in range(0, len(labels), AT_ONCE):
        asked = labels[first : first + AT_ONCE]
        names = [name_of(label, phrases) for label in asked]
        for passage, logits, of in zip(passages, model.logits(texts, names), found, strict=True):
            spans = decode_spans(logits, by_span=model.layout.by_span, threshold=threshold)
            # Each label for itself: corpora annotate labels that lie inside one another.
            for column, label in enumerate(asked):
                if label not in passage.tags:
                    continue
                chosen = choose((one for one in spans if one.label == column), nested=False)
                of.update((label, one.start, one.end) for one in chosen)
    gold = [{(label, *span) for label in passage.tags for span in passage.spans(label)} for passage in passages]
    return score_spans(gold, found)
