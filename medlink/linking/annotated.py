"""Annotated stage: what names near to the mention's meant in annotated text.

What annotators mean by "impaired renal function" they mean by "decreased renal function" too, whatever the dictionary
calls it. Mentions link by way of other mentions, as Angell et al. do (Clustering-based inference for biomedical entity
linking, NAACL 2021); the memory of training examples is that of Khandelwal et al. (ICLR 2020).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np

from medlink.errors import MedlinkError
from medlink.inference.names import NameEncoder
from medlink.linking.dense import DenseStage
from medlink.linking.nearest import Vectors, lengths, nearest
from medlink.linking.priors import Priors
from medlink.linking.stages import Hit, Query
from medlink.linking.vectors import quantize
from medlink.terminology.store import Terminology
from medlink.terminology.words import verbatim_key

# Names that are looked at for a mention.
_NEAR = 30


@dataclass(frozen=True, slots=True)
class AnnotatedNames:
    """The vectors of names that priors count.

    Arguments:
        names: The names, as :func:`verbatim_key` gives them.
        vectors: Their vectors. Shape (names, dimensions).
        encoder: Checksum of the encoder that made them.
    """

    names: tuple[str, ...]
    vectors: Vectors
    encoder: str

    @classmethod
    def embed(cls, priors: Priors, encoder: NameEncoder) -> AnnotatedNames:
        """Embed the names that priors count."""
        names = tuple(sorted(filter(None, priors.names)))
        vectors = quantize(encoder.embed(names)) if names else np.zeros((0, encoder.dimensions), np.int8)
        return cls(names, vectors, encoder.checksum)

    @classmethod
    def from_bytes(cls, content: bytes) -> AnnotatedNames:
        """Read what :meth:`to_bytes` gave.

        Raises:
            MedlinkError: It is not such content.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                names = tuple(filter(None, arrays["names"].tobytes().decode().split("\n")))
                vectors, encoder = arrays["vectors"], arrays["encoder"].tobytes().decode()
            if vectors.dtype != np.int8 or vectors.shape[:1] != (len(names),):
                raise ValueError(f"{vectors.shape} vectors of {len(names)} names")
        except (OSError, EOFError, BadZipFile, ValueError, KeyError) as error:
            raise MedlinkError(
                f"the linker's annotated names are broken ({error}); install the model package again"
            ) from None
        return cls(names, vectors, encoder)

    def to_bytes(self) -> bytes:
        """As the content of the file ``annotated.npz``."""
        file = io.BytesIO()
        names, encoder = (np.frombuffer(one.encode(), np.uint8) for one in ("\n".join(self.names), self.encoder))
        np.savez_compressed(file, names=names, vectors=self.vectors, encoder=encoder)
        return file.getvalue()


class AnnotatedStage:
    """Finds what names near to the mention's, other than itself, meant in annotated text.

    Arguments:
        priors: What the names meant; a name that these do not count tells nothing.
        dense: Embeds the mentions.
        annotated: The vectors of the names.

    Raises:
        MedlinkError: Another encoder made the vectors.
    """

    name = "annotated"
    final = False

    def __init__(self, priors: Priors, dense: DenseStage, annotated: AnnotatedNames) -> None:
        if annotated.encoder != dense.encoder.checksum:
            raise MedlinkError(
                f"the linker's annotated names were embedded by another encoder ({annotated.encoder}, not "
                f"{dense.encoder.checksum}); run 'medlink train calibration' with this one"
            )
        self.priors = priors
        self.dense = dense
        self.annotated = annotated
        self._lengths = lengths(annotated.vectors)
        # By terminology, whether it has any concept that the names meant.
        self._known: dict[Terminology, bool] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return AnnotatedStage, (self.priors, self.dense, self.annotated)

    def without(self, mentions: Iterable[tuple[str, str]]) -> AnnotatedStage:
        """The stage as it was before mentions were counted too; see :meth:`Priors.without`."""
        return AnnotatedStage(self.priors.without(mentions), self.dense, self.annotated)

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        if terminology not in self._known:
            ids = (id_ for meanings in self.priors.names.values() for id_ in meanings)
            self._known[terminology] = any(terminology.row(id_) is not None for id_ in ids)
        if not queries or not self._known[terminology]:
            return [[] for _ in queries]
        keys = [verbatim_key(query.text) for query in queries]
        vectors, near = quantize(self.dense.embed(keys)), min(_NEAR, len(self.annotated.names))
        found, cosines = nearest(self.annotated.vectors, self._lengths, vectors, near)
        return [
            self._hits(key, zip(rows, of_rows, strict=True), terminology)
            for key, rows, of_rows in zip(keys, found.tolist(), np.round(cosines, 6).tolist(), strict=True)
        ]

    def _hits(self, key: str, near: Iterable[tuple[int, float]], terminology: Terminology) -> list[Hit]:
        """For each concept the square of the cosine times the share of the name that makes it likeliest."""
        scores: dict[int, float] = {}
        for row, cosine in near:
            name = self.annotated.names[row]
            if name == key:
                continue
            for concept_id, share in self.priors.of_name(name).items():
                concept = terminology.row(concept_id)
                if concept is not None:
                    scores[concept] = max(scores.get(concept, 0.0), round(max(cosine, 0.0) ** 2 * share, 6))
        return [Hit(terminology.alias_rows(concept)[0], score) for concept, score in scores.items()]
