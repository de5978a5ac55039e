"""ONNX models run by ONNX Runtime: opened when first used, once in each process.

Weights are stored as int8, so that the file is a quarter of the size. They are multiplied in fp32, or in int8 with
activations that have a scale for each piece of a text, and not, as ONNX Runtime's own quantisation has it, one for a
batch: the result of a text does not depend on the other texts of its batch.
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
from medlink.inference.floating import multiply_in_fp32

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
        source: The ``.onnx`` file, which is read whenever it is needed, or its content.
        threads: CPU threads for one run; 0 for as many as :func:`set_threads` says.
        providers: ONNX Runtime's execution providers, in order of preference; empty for CUDA where it
            is there and the CPU otherwise.

    Raises:
        MedlinkError: The file is missing.
    """

    def __init__(self, source: Path | bytes, *, threads: int = 0, providers: tuple[str, ...] = ()) -> None:
        if isinstance(source, Path) and not source.is_file():
            raise MedlinkError(f"{source}: cannot be read (no such file); install the model package again")
        self._source = source
        self.threads = threads
        self.providers = providers
        # By process id: the threads of a session do not live on in a forked process, and to destroy the
        # parent's session there would wait for them for ever.
        self._sessions: dict[int, Any] = {}

    @property
    def data(self) -> bytes:
        """The content of the ``.onnx`` file.

        Raises:
            MedlinkError: The file is missing.
        """
        return read_content(self._source)

    def __getstate__(self) -> dict[str, Any]:
        # A session cannot be pickled, and the file may not be where the pickle is read.
        return {**self.__dict__, "_source": self.data, "_sessions": {}}

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

    @property
    def cpu_threads(self) -> int:
        """The CPU threads that run the model; 0 where something else does."""
        on_cpu = self.session.get_providers()[0] == "CPUExecutionProvider"
        return (self.threads or _threads or os.cpu_count() or 1) if on_cpu else 0

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
            providers = [one for one in wanted if one in available]
            try:
                source = multiply_in_fp32(self.data) if providers[0] == "CUDAExecutionProvider" else self._source
                self._sessions[os.getpid()] = onnxruntime.InferenceSession(source, options, providers=providers)
            except Exception as error:  # the library has no base class for its errors
                first = str(error).splitlines()[0]
                raise MedlinkError(
                    f"the model's weights are corrupt ({first}); install the model package again"
                ) from None
        return self._sessions[os.getpid()]


def read_content(source: Path | bytes) -> bytes:
    """The content of a file of a model.

    Arguments:
        source: The file or its content.

    Raises:
        MedlinkError: The file is missing.
    """
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise MedlinkError(f"{source}: cannot be read ({error.strerror}); install the model package again") from None
