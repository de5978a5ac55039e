"""Two trained token classifiers made one model, whose answers are averaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import spacy

from medlink.errors import MedlinkError
from medlink.evaluation.corpora import score_ner
from medlink.recognition.ner import MedlinkNer
from medlink.recognition.ner_model import MODEL, SECOND, SETTINGS, TOKENIZER
from medlink.training.cards import SCORE_COLUMNS, rows_of_scores, table
from medlink.training.settings import NerSettings

_TITLE = "Model card: medlink_ner"
_CARD = """# Model card: medlink_ner

Two token classifiers that find mentions in English clinical and biomedical text. What a word is taken for is the mean
of what both hold of it, of their log probabilities: the first counts {first:.2f}, the second {second:.2f}. The second
is in the folder `{folder}`, with a card of its own; the card of the first follows below.

## Scores of both together

Strict: a mention is right only with the same offsets and label (seqeval). Held-out splits, which chose nothing, and the
development splits that no training has read; `medlink evaluate ner {config}` measures them again.

{scores}

"""


def put_together(first: Path, second: Path, share: float, settings: NerSettings, config: Path, folder: Path) -> None:
    """Write a model of two, and its card.

    Arguments:
        first: Folder of the classifier that also answers alone, where speed is asked for.
        second: Folder of the other, with the same labels, window and tokenizer.
        share: How much the second counts, more than 0 and less than 1.
        settings: Settings whose splits score both together.
        config: The file that they are in, which the card names.
        folder: Where to.

    Raises:
        MedlinkError: The two do not fit together, one is two already, or ``share`` is out of its range.
    """
    if not 0 < share < 1:
        raise MedlinkError(f"the share of the second must be more than 0 and less than 1, not {share:g}")
    layouts = [_layout(one) for one in (first, second)]
    if layouts[0] != layouts[1] or (first / TOKENIZER).read_bytes() != (second / TOKENIZER).read_bytes():
        raise MedlinkError(f"{first} and {second}: two together must have the same labels, window and tokenizer")
    (folder / SECOND).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(first / MODEL, folder / MODEL)
    shutil.copyfile(first / TOKENIZER, folder / TOKENIZER)
    for name in (MODEL, "README.md"):
        shutil.copyfile(second / name, folder / SECOND / name)
    layout = {**layouts[0], "share_of_second": share}
    (folder / SETTINGS).write_text(json.dumps(layout) + "\n", encoding="utf-8")
    scores = score_ner(MedlinkNer().load_model(folder), spacy.blank("en").vocab, settings)
    card = _CARD.format(
        first=1 - share,
        second=share,
        folder=SECOND,
        config=config,
        scores=table(SCORE_COLUMNS, rows_of_scores(scores)),
    )
    own = (first / "README.md").read_text(encoding="utf-8").replace("\n#", "\n##")
    (folder / "README.md").write_text(card + f"#{own}".replace(_TITLE, "The first"), encoding="utf-8")


def _layout(folder: Path) -> dict[str, Any]:
    """Labels and window of a classifier."""
    try:
        layout: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MedlinkError(f"{folder}: holds no token classifier ({error})") from None
    if "share_of_second" in layout:
        raise MedlinkError(f"{folder}: is two classifiers already; name the folder of one")
    return layout
