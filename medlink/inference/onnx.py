"""ONNX models run by ONNX Runtime: opened when first used, once in each process.

Weights are stored as int8 with a scale for each row and computed with in fp32: the file is a quarter of the
size, and the result of a text does not depend on the other texts of its batch, as it would if activations
were quantised on the fly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from medlink.errors import MedlinkError

FloatArray = npt.NDArray[np.float32]
_threads = 0


def set_threads(threads: int) -> None:
    """Set the CPU threads of NumPy, and of models that do not set their own before they are first run; 0 for all."""
    global _threads
    _threads = threads
    threadpool_limits(threads or os.cpu_count(), user_api="blas")


def get_threads() -> int:
    """The CPU threads of what does not set its own; 0 for all cores."""
    return _threads


class OnnxModel:
    """An ONNX model.

    Arguments:
        data: The content of the ``.onnx`` file.
        threads: CPU threads for one run; 0 for as many as :func:`set_threads` says.
        providers: ONNX Runtime's execution providers, in order of preference; empty for CUDA where it
            is there and the CPU otherwise.
    """

    def __init__(self, data: bytes, *, threads: int = 0, providers: tuple[str, ...] = ()) -> None:
        self.data = data
        self.threads = threads
        self.providers = providers
        # By process id: the threads of a session do not live on in a forked process, and to destroy the
        # parent's session there would wait for them for ever.
        self._sessions: dict[int, Any] = {}

    @classmethod
    def load(cls, path: Path, *, threads: int = 0, providers: tuple[str, ...] = ()) -> OnnxModel:
        """Read a model file.

        Raises:
            MedlinkError: The file is missing.
        """
        try:
            return cls(path.read_bytes(), threads=threads, providers=providers)
        except OSError as error:
            raise MedlinkError(f"{path}: cannot be read ({error.strerror}); install the model package again") from None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_sessions": {}}  # a session cannot be pickled

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        """Run the model.

        Arguments:
            inputs: Arrays by the name of the model's inputs.

        Returns:
            The model's first output.

        Raises:
            MedlinkError: The model is corrupt.
        """
        result: FloatArray = self.session.run(None, dict(inputs))[0]
        return result

    def open(self) -> None:
        """Open the model now, so that a corrupt one is told at once and the first text is not slow."""
        _ = self.session

    @property
    def session(self) -> Any:
        """The ``onnxruntime.InferenceSession`` of this process."""
        if os.getpid() not in self._sessions:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads or _threads
            options.log_severity_level = 3
            available = onnxruntime.get_available_providers()
            wanted = self.providers or ("CUDAExecutionProvider", "CPUExecutionProvider")
            if unknown := [one for one in self.providers if one not in available]:
                raise MedlinkError(
                    f"ONNX Runtime here has no {unknown[0]} (it has {', '.join(available)}); "
                    "install medlink[gpu] in place of onnxruntime for CUDA"
                )
            try:
                self._sessions[os.getpid()] = onnxruntime.InferenceSession(
                    self.data, options, providers=[one for one in wanted if one in available]
                )
            except Exception as error:  # the library has no base class for its errors
                first = str(error).splitlines()[0]
                raise MedlinkError(
                    f"the model's weights are corrupt ({first}); install the model package again"
                ) from None
        return self._sessions[os.getpid()]
