"""Encoders of names: one vector for each, from an ONNX model or from any Hugging Face encoder.

The vectors of two names are near each other when the names mean the same (SapBERT, Liu et al. 2021).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from medlink.errors import MedlinkError
from medlink.inference.onnx import FloatArray, OnnxModel, read_content
from medlink.inference.wordpiece import IntArray, WordPieceEncoder

_MODEL, _TOKENIZER, _SETTINGS = "model.onnx", "tokenizer.json", "encoder.json"
# Pieces run at once, whatever the number of names.
_BATCH_PIECES = 1024


class NameEncoder(Protocol):
    """What embeds names."""

    #: Tells encoders apart: vectors of one are of no use to another.
    checksum: str
    #: Length of a vector.
    dimensions: int

    def embed(self, names: Sequence[str]) -> FloatArray:
        """Embed names.

        Arguments:
            names: The names.

        Returns:
            A unit vector for each. Shape (names, dimensions), float32. That of a name does not depend on the others.
        """


class OnnxNameEncoder:
    """An encoder that runs from ONNX, as ``medlink train biencoder`` and ``medlink export`` write it.

    Arguments:
        files: ``model.onnx``, ``tokenizer.json`` and ``encoder.json`` by name, as files or their content.
        providers: ONNX Runtime's execution providers; empty for CUDA where it is there and the CPU otherwise.

    Raises:
        MedlinkError: A file is missing or broken.
    """

    def __init__(self, files: Mapping[str, Path | bytes], *, providers: tuple[str, ...] = ()) -> None:
        self._files = dict(files)
        try:
            settings = json.loads(read_content(files[_SETTINGS]))
            self.dimensions: int = settings["dimensions"]
            self._longest: int = settings["longest"]
            self._mean: bool = {"mean": True, "first": False}[settings["pooling"]]
            self._tokenizer = WordPieceEncoder.from_str(read_content(files[_TOKENIZER]).decode())
            self._model = OnnxModel(files[_MODEL], providers=providers)
        except (KeyError, ValueError) as error:
            raise MedlinkError(f"the encoder of names is broken ({error}); install the model package again") from None
        self.checksum = _checksum([files[name] for name in (_MODEL, _TOKENIZER, _SETTINGS)])

    @classmethod
    def load(cls, folder: Path, *, providers: tuple[str, ...] = ()) -> OnnxNameEncoder:
        """Read the encoder in a folder.

        Raises:
            MedlinkError: A file is missing or broken.
        """
        return cls({name: folder / name for name in (_MODEL, _TOKENIZER, _SETTINGS)}, providers=providers)

    @property
    def files(self) -> dict[str, bytes]:
        """The content of its files by name."""
        return {name: read_content(source) for name, source in self._files.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return OnnxNameEncoder, (self.files,)

    def to_disk(self, folder: Path) -> None:
        """Write the encoder into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def open(self) -> None:
        """See :meth:`OnnxModel.open`."""
        self._model.open()

    def embed(self, names: Sequence[str]) -> FloatArray:
        """See :meth:`NameEncoder.embed`."""

        def run(ids: IntArray) -> FloatArray:
            return self._model.run({"input_ids": ids, "attention_mask": np.ones_like(ids)})

        ids = [
            [self._tokenizer.start_id, *one[: self._longest], self._tokenizer.end_id]
            for one in self._tokenizer.encode_texts(names)
        ]
        return _by_length(ids, run, self.dimensions, mean=self._mean)


class TorchNameEncoder:
    """Any Hugging Face encoder, as ``cambridgeltl/SapBERT-from-PubMedBERT-fulltext``; needs ``medlink[train]``.

    The vector is the mean over the pieces where the folder of a sentence-transformers model says so, else that of
    ``[CLS]``, as SapBERT's authors take it.

    Arguments:
        model: Name on the hub, or folder.
        longest: Word pieces of a name that are read.

    Raises:
        MedlinkError: torch and transformers are not installed, or the model is not there.
    """

    def __init__(self, model: str | Path, *, longest: int = 32) -> None:
        try:
            import torch
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise MedlinkError(
                f"{model}: a Hugging Face encoder needs {error.name}; run 'pip install medlink[train]'"
            ) from None
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model)
            self.model = AutoModel.from_pretrained(model).eval()
        except (OSError, ValueError) as error:
            raise MedlinkError(f"{model}: no encoder could be loaded ({str(error).splitlines()[0]})") from None
        self._torch = torch
        self.longest = longest
        pooling = Path(model) / "1_Pooling" / "config.json"
        self.mean = pooling.exists() and bool(json.loads(pooling.read_text()).get("pooling_mode_mean_tokens"))
        self.dimensions = int(self.model.config.hidden_size)
        parts = [parameter.detach().numpy().tobytes() for parameter in self.model.parameters()]
        self.checksum = _checksum([*parts, str((self.mean, longest)).encode()])

    def embed(self, names: Sequence[str]) -> FloatArray:
        """See :meth:`NameEncoder.embed`."""

        def run(ids: IntArray) -> FloatArray:
            with self._torch.inference_mode():
                result: FloatArray = self.model(self._torch.from_numpy(ids)).last_hidden_state.numpy()
            return result

        encoded = self.tokenizer(list(names), truncation=True, max_length=self.longest + 2)["input_ids"]
        return _by_length(encoded, run, self.dimensions, mean=self.mean)


def load_name_encoder(model: str | Path) -> NameEncoder:
    """Load an encoder of names.

    Arguments:
        model: Folder of an exported one (with ``encoder.json``), or name or folder of a Hugging Face encoder.

    Raises:
        MedlinkError: There is no such encoder, or what it needs is not installed.
    """
    if (Path(model) / _SETTINGS).exists():
        return OnnxNameEncoder.load(Path(model))
    return TorchNameEncoder(model)


def _by_length(
    ids: Sequence[Sequence[int]], run: Callable[[IntArray], FloatArray], dimensions: int, *, mean: bool
) -> FloatArray:
    """Run names of one length together, without padding, so that no name's vector depends on another's length.

    Arguments:
        ids: The pieces of each name.
        run: Gives a vector for each piece of names of one length.
        dimensions: Length at which vectors are cut.
        mean: Whether a name's vector is the mean of its pieces' or that of the first.
    """
    vectors = np.zeros((len(ids), dimensions), dtype=np.float32)
    by_length: dict[int, list[int]] = {}
    for i, one in enumerate(ids):
        by_length.setdefault(len(one), []).append(i)
    for length, places in sorted(by_length.items()):
        size = max(1, _BATCH_PIECES // length)
        for at in range(0, len(places), size):
            part = places[at : at + size]
            hidden = run(np.array([ids[i] for i in part], dtype=np.int64))
            for i, pieces in zip(part, hidden, strict=True):
                # Name by name: sums over a whole batch are rounded in an order that depends on its size.
                vector = (pieces.mean(axis=0) if mean else pieces[0])[:dimensions]
                vectors[i] = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return vectors


def _checksum(files: Sequence[Path | bytes]) -> str:
    digest = hashlib.sha256()
    for one in files:
        # In small pieces: the space that large ones take is not given back.
        with io.BytesIO(one) if isinstance(one, bytes) else one.open("rb") as stream:
            for part in iter(partial(stream.read, 1 << 20), b""):
                digest.update(part)
    return digest.hexdigest()[:16]
