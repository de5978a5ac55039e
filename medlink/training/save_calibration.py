"""What the fitting of the linker's calibration leaves behind: the weights, the priors, a card with the reliability."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from medlink.training.calibration import GAIN, Fitted
from medlink.training.cards import made_with, table
from medlink.training.progress import machine_name
from medlink.training.settings import CalibrationSettings, MentionSettings

_CARD = """# Model card: calibration of the linker

A conditional logit model over the candidates of a mention and NIL. Its score is the chance that the concept is meant.

| | |
|---|---|
| method | maximum likelihood with a small ridge; beside each mention itself without its concepts counts as NIL |
| weights | a corpus counts by the root of its size |
| other terminologies | weights of {general} without the votes of near names; those of few mentions begin with these |
{made_with}

## Data

{data}

The cross-encoder reads for {read}, and for other terminologies; for the rest it adds less than {gain} to the
accuracy, or less than a standard error.
The priors, what {names:,} names meant, are counted in {counted}. What is below was measured with
these alone; once the weights were fitted, {later} was counted too.

## Reliability

Two folds by document: each mention is scored with weights fitted on the other half. For cross-references a code below
the one that is named is right too, if a name of it is the mention, or if it is the unspecified one.

{reliability}

## Limits

Chances hold for mentions like those above. For another encoder they have to be fitted anew.
"""


def save_calibration(fitted: Fitted, settings: CalibrationSettings, folder: Path) -> None:
    """Write the weights (``calibration.json``), the priors (``priors.json``), the vectors of their names
    (``annotated.npz``) and the card (``README.md``).

    Arguments:
        fitted: What was fitted.
        settings: What it was fitted on.
        folder: Where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calibration.json").write_text(fitted.calibration.to_json(), encoding="utf-8")
    (folder / "priors.json").write_text(fitted.priors.to_json(), encoding="utf-8")
    (folder / "annotated.npz").write_bytes(fitted.annotated.to_bytes())
    data = [[name, one.terminology, one.licence] for name, one in settings.mentions.items()]
    data += [[f"{name}, every second name", one.terminology, one.licence] for name, one in settings.crosswalks.items()]
    data += [[file, "NIL in all", "Apache-2.0"] for file in settings.unknown]
    parts = []
    for name, scores in fitted.held_out.items():
        rows = [
            [f"{mean:.2f}", f"{share:.2f}", str(count), "█" * round(share * 20)]
            for mean, share, count in scores.reliability()
        ]
        error = f"expected calibration error {scores.calibration_error:.3f} over {len(scores.answers):,} answers"
        if scores.mentions:
            error += f"; accuracy@1 {scores.accuracy():.3f}, @25 {scores.accuracy(25):.3f}"
        parts.append(f"**{name}**: {error}\n\n" + table(["score", "right", "answers", ""], rows))
    card = _CARD.format(
        general=settings.general,
        made_with=made_with([machine_name(torch.device("cpu"))]),
        read=", ".join(name for name in fitted.held_out if fitted.calibration.reads(name)) or "none of these",
        gain=GAIN,
        names=len(fitted.priors.names),
        counted=_corpora(settings.priors) or "nothing",
        later=_corpora(settings.later_priors) or "nothing",
        data=table(["mentions", "terminology", "licence"], data),
        reliability="\n\n".join(parts),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def _corpora(settings: Mapping[str, MentionSettings]) -> str:
    return ", ".join(f"{name} ({one.licence})" for name, one in settings.items())
