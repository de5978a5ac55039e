"""A trained token classifier, or two whose answers are averaged, as a folder of files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medlink.errors import MedlinkError
from medlink.inference.batches import run_windows
from medlink.inference.onnx import OnnxModel, read_content
from medlink.inference.wordpiece import Pieces, WordPieceEncoder
from medlink.recognition.tags import log_probabilities

MODEL, TOKENIZER, SETTINGS = "model.onnx", "tokenizer.json", "ner.json"
#: Folder of the second classifier, in that of the first.
SECOND = "second"
# Windows run at once by a thread of a CPU, where more take memory and are slower, and by a GPU.
_OF_THREAD, _OF_GPU = 2, 32


class NerModel:
    """Tags the pieces of texts, each label on its own.

    The mean of two classifiers that were trained differently is right more often than each, and takes twice the time.
    It is that of their log probabilities, a logarithmic opinion pool: Heskes, Selecting weighting factors in
    logarithmic opinion pools (NIPS 1997).

    Arguments:
        files: ``model.onnx``, ``tokenizer.json``, ``ner.json`` and, of two, ``second/model.onnx`` by name, as files or
            their content.
        threads: CPU threads; 0 for all cores.
        providers: ONNX Runtime's execution providers in order; empty for CUDA where there is one, else CPU.
        ensemble: Whether the second is asked where there is one.
        name: What errors call it.

    Attributes:
        labels: The labels that it knows.
        encoder: Cuts texts into pieces.

    Raises:
        MedlinkError: A file is missing or broken.
    """

    def __init__(
        self,
        files: Mapping[str, Path | bytes],
        *,
        threads: int = 0,
        providers: Sequence[str] = (),
        ensemble: bool = True,
        name: str = "medlink_ner",
    ) -> None:
        self._settings = read_content(files[SETTINGS]).decode("utf-8")
        try:
            values = json.loads(self._settings)
            self.labels = tuple(values["labels"])
            self._window, self._overlap = int(values["window"]), int(values["overlap"])
            self._share = float(values.get("share_of_second", 0.0))
        except (ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"{SETTINGS} of {name} is broken ({error}); install the model package again") from None
        tokenizer = files[TOKENIZER]
        if isinstance(tokenizer, Path):
            self.encoder = WordPieceEncoder.load(tokenizer)
        else:
            self.encoder = WordPieceEncoder.from_str(tokenizer.decode("utf-8"))
        kept = [MODEL, f"{SECOND}/{MODEL}"] if self._share else [MODEL]
        self._models = [OnnxModel(files[one], threads=threads, providers=tuple(providers)) for one in kept]
        self._asked = self._models if ensemble else self._models[:1]
        with ThreadPoolExecutor() as pool:  # each takes a fifth of a second
            list(pool.map(OnnxModel.open, self._asked))

    @staticmethod
    def files_in(folder: Path) -> dict[str, Path]:
        """The files of a model by name, whether they are there or not."""
        return {name: folder / name for name in (MODEL, TOKENIZER, SETTINGS, f"{SECOND}/{MODEL}")}

    def contents(self) -> dict[str, bytes]:
        """The content of the files of a model by name."""
        models = dict(zip((MODEL, f"{SECOND}/{MODEL}"), (model.data for model in self._models), strict=False))
        return models | {TOKENIZER: self.encoder.to_str().encode("utf-8"), SETTINGS: self._settings.encode("utf-8")}

    @property
    def sessions(self) -> list[object]:
        """The ``onnxruntime.InferenceSession`` of each classifier that is asked."""
        return [model.session for model in self._asked]

    def logits(self, pieces: Sequence[Pieces], batch_size: int = 0) -> list[npt.NDArray[np.float32]]:
        """What is held of each piece of texts.

        Arguments:
            pieces: The texts' pieces.
            batch_size: Most windows of full length run at once; 0 for what suits the device.

        Returns:
            For each text the logits of O, B and I. Shape (pieces, labels, 3) each.
        """
        answers = [
            run_windows(
                model,
                self.encoder,
                pieces,
                window=self._window,
                overlap=self._overlap,
                batch_size=batch_size or (_OF_THREAD * model.cpu_threads or _OF_GPU),
            )
            for model in self._asked
        ]
        shaped = [[one.reshape(-1, len(self.labels), 3) for one in of_model] for of_model in answers]
        if len(shaped) == 1:
            return shaped[0]
        return [
            (1 - self._share) * log_probabilities(first) + self._share * log_probabilities(second)
            for first, second in zip(*shaped, strict=True)
        ]
