"""From evidence to probabilities: a conditional logit model over the candidates and NIL, fitted on development data.

The chance of a candidate is ``exp(u) / (1 + sum of exp(u))`` over all candidates, where ``u`` is the weighted sum of
its features and 1 stands for NIL (McFadden 1974). Three sets of weights: for what an exact stage found, for all that
was found, and for all with the cross-encoder's reading, where that pays. Each terminology has weights of its own where
mentions of it were at hand; others take those under ``"*"``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from medlink.errors import MedlinkError
from medlink.inference.onnx import FloatArray
from medlink.linking.evidence import FEATURES

#: The models that a terminology has weights for.
MODELS = ("exact", "full", "reranked")
_ANY = "*"
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of the features.

    Arguments:
        weights: By terminology (or ``"*"``) and model (of :data:`MODELS`), a weight for each feature that counts.
    """

    weights: Mapping[str, Mapping[str, Mapping[str, float]]]
    _vectors: dict[tuple[str, str], Doubles] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Read what :meth:`to_json` gave.

        Raises:
            MedlinkError: It is not such a text.
        """
        try:
            weights: dict[str, Any] = json.loads(text)["weights"]
            if unknown := {name for w in weights.values() for model in w.values() for name in model} - set(FEATURES):
                raise ValueError(f"unknown feature {sorted(unknown)[0]!r}")
            if any(model not in weights[_ANY] for model in MODELS):
                raise ValueError(f"no weights for {_ANY!r}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MedlinkError(
                f"the linker's calibration is broken ({error}); install the model package again"
            ) from None
        return cls(weights)

    def to_json(self) -> str:
        """As text, for the file ``calibration.json``."""
        return json.dumps({"weights": self.weights}, indent=1, sort_keys=True) + "\n"

    def reads(self, terminology: str) -> bool:
        """Whether the cross-encoder reads for a terminology: not where its weights were fitted without."""
        return "reranked" in self.weights.get(terminology, self.weights[_ANY])

    def probabilities(self, features: FloatArray, terminology: str, model: str) -> Doubles:
        """The chance of each candidate to be meant; what is missing to 1 is that of NIL.

        Arguments:
            features: Shape (candidates, features).
            terminology: Name of the terminology.
            model: One of :data:`MODELS`.
        """
        key = terminology, model
        if key not in self._vectors:
            own = self.weights.get(terminology, {}).get(model) or self.weights[_ANY][model]
            self._vectors[key] = np.array([own.get(name, 0.0) for name in FEATURES], dtype=np.float64)
        return softmax_with_nil(features.astype(np.float64) @ self._vectors[key])


def softmax_with_nil(utilities: Doubles) -> Doubles:
    """Chances of alternatives beside one whose utility is 0. Shape as given."""
    top = max(0.0, float(utilities.max(initial=0.0)))
    exponents = np.exp(utilities - top)
    result: Doubles = exponents / (exponents.sum() + np.exp(-top))
    return result


def default_calibration() -> Calibration:
    """The weights for encoders other than that of a model package: of the right order, not fitted."""
    return Calibration.from_json(files("medlink.linking").joinpath("data/calibration.json").read_text("utf-8"))
