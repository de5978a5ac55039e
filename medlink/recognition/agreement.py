"""Whether a word belongs to a mention is decided much alike wherever it stands in a document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medlink.recognition.tags import BEGIN, INSIDE, OUTSIDE


def agreeing(logits: npt.NDArray[np.float32], words: Sequence[str], share: float) -> npt.NDArray[np.float32]:
    """Move how surely a word is in a mention towards how surely it is on average in the document.

    A name that one sentence makes plain is then also found where the next one says little about it. Whether it
    begins a mention or goes on with one is left to each place. Words differ by their letters, not by case; what
    holds no letter is left as it is.

    Arguments:
        logits: A classifier's outputs for the words of one document. Shape (words, labels, 3).
        words: The words.
        share: How much the mean counts, 0 (not at all) to 1.

    Returns:
        The new outputs. Shape (words, labels, 3).
    """
    lettered = [i for i, word in enumerate(words) if any(map(str.isalpha, word))]
    if not share or not lettered:
        return logits
    own = logits[lettered]
    mentioned = np.logaddexp(own[..., BEGIN], own[..., INSIDE]) - own[..., OUTSIDE]
    _, group = np.unique([words[i].casefold() for i in lettered], return_inverse=True)
    means = np.zeros((group.max() + 1, logits.shape[1]), dtype=np.float32)
    np.add.at(means, group, mentioned)
    means /= np.bincount(group)[:, None]
    result = logits.copy()
    result[lettered, :, OUTSIDE] -= np.float32(share) * (means[group] - mentioned)
    return result
