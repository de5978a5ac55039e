"""What the linker of a model package brings besides terminologies: encoder, calibration, priors and cross-encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from medlink.errors import MedlinkError
from medlink.inference.names import NameEncoder, OnnxNameEncoder
from medlink.linking.annotated import AnnotatedNames
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.priors import Priors
from medlink.linking.reranker import Reranker

_ENCODER, _RERANKER = "encoder", "reranker"
_CALIBRATION, _PRIORS, _ANNOTATED = "calibration.json", "priors.json", "annotated.npz"


@dataclass(frozen=True, slots=True)
class LinkModel:
    """Encoder, calibration, cross-encoder and priors, which belong together.

    Arguments:
        encoder: Embeds names.
        calibration: Makes probabilities of what the stages found with this encoder.
        reranker: The cross-encoder, if there is one.
        priors: What names meant in annotated text.
        annotated: The vectors of these names, if they are looked up by meaning too.
    """

    encoder: NameEncoder
    calibration: Calibration
    reranker: Reranker | None = None
    priors: Priors = field(default_factory=Priors)
    annotated: AnnotatedNames | None = None

    @classmethod
    def from_encoder(cls, encoder: NameEncoder) -> LinkModel:
        """A model around another encoder. Its scores rank, but are no probabilities until they are fitted with
        ``medlink train calibration``."""
        return cls(encoder, default_calibration())

    @classmethod
    def from_disk(cls, folder: Path) -> LinkModel:
        """Read what :meth:`to_disk` wrote.

        Raises:
            MedlinkError: A file is missing or broken.
        """
        try:
            fitted = read_fitted(folder)
        except OSError as error:
            raise MedlinkError(
                f"{error.filename}: cannot be read ({error.strerror}); install the model package again"
            ) from None
        reranker = Reranker.load(folder / _RERANKER) if (folder / _RERANKER).exists() else None
        encoder = OnnxNameEncoder.load(folder / _ENCODER)
        return cls(encoder, fitted.calibration, reranker, fitted.priors, fitted.annotated)

    def open(self, *, rerank: bool) -> None:
        """Open the models now, so that a corrupt one is told at once and the first text is not slow.

        Arguments:
            rerank: Whether the cross-encoder is used.
        """
        if isinstance(self.encoder, OnnxNameEncoder):
            self.encoder.open()
        if rerank and self.reranker is not None:
            self.reranker.open()

    def to_disk(self, folder: Path) -> None:
        """Write the model into a folder.

        Raises:
            MedlinkError: The encoder is not one from ONNX.
        """
        for name, content in self.files().items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def files(self) -> dict[str, bytes]:
        """Its files by path.

        Raises:
            MedlinkError: The encoder is not one from ONNX.
        """
        if not isinstance(self.encoder, OnnxNameEncoder):
            raise MedlinkError("only an ONNX encoder can be saved; run 'medlink export encoder' first")
        files = {f"{_ENCODER}/{name}": content for name, content in self.encoder.files.items()}
        files[_CALIBRATION] = self.calibration.to_json().encode()
        files[_PRIORS] = self.priors.to_json().encode()
        if self.annotated is not None:
            files[_ANNOTATED] = self.annotated.to_bytes()
        if self.reranker is not None:
            files |= {f"{_RERANKER}/{name}": content for name, content in self.reranker.files.items()}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LinkModel:
        """Make it from what :meth:`files` gave."""
        of: dict[str, dict[str, bytes]] = {_ENCODER: {}, _RERANKER: {}, "": {}}
        for path, content in files.items():
            folder, _, name = path.rpartition("/")
            of[folder][name] = content
        reranker = Reranker(of[_RERANKER]) if of[_RERANKER] else None
        calibration = Calibration.from_json(of[""][_CALIBRATION].decode())
        priors = Priors.from_json(of[""][_PRIORS].decode())
        annotated = AnnotatedNames.from_bytes(of[""][_ANNOTATED]) if _ANNOTATED in of[""] else None
        return cls(OnnxNameEncoder(of[_ENCODER]), calibration, reranker, priors, annotated)


class FittedModel(NamedTuple):
    """What ``medlink train calibration`` fits; see :class:`LinkModel`."""

    calibration: Calibration
    priors: Priors
    annotated: AnnotatedNames | None


def read_fitted(folder: Path) -> FittedModel:
    """What ``medlink train calibration`` wrote into a folder.

    Raises:
        OSError: A file is missing.
        MedlinkError: A file is broken.
    """
    calibration = Calibration.from_json((folder / _CALIBRATION).read_text(encoding="utf-8"))
    priors = Priors.from_json((folder / _PRIORS).read_text(encoding="utf-8"))
    vectors = folder / _ANNOTATED
    annotated = AnnotatedNames.from_bytes(vectors.read_bytes()) if vectors.exists() else None
    return FittedModel(calibration, priors, annotated)
