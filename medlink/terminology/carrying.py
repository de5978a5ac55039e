"""What components that use terminologies have in common: opening them late and carrying them along."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import srsly

from medlink.errors import MedlinkError
from medlink.terminology.store import Terminology

_Carrier = TypeVar("_Carrier", bound="TerminologyCarrier")
_FOLDER, _NAMES = "terminologies", "terminologies.json"


class TerminologyCarrier:
    """A component with terminologies.

    They are opened at the first use, so that a pipeline can be made before its terminologies are
    loaded from its folder.

    Arguments:
        name: Name in the pipeline.
        terminologies: Names, folders or opened terminologies.
    """

    def __init__(self, name: str, terminologies: Sequence[str | Path | Terminology]) -> None:
        self.name = name
        self._wanted = list(terminologies)
        self._opened: list[Terminology] | None = None

    @property
    def terminologies(self) -> list[Terminology]:
        """The terminologies, opened.

        Raises:
            MedlinkError: None is set, or one is not there or broken.
        """
        if self._opened is None:
            if not self._wanted:
                raise MedlinkError(
                    f"{self.name} has no terminologies; set config={{'terminologies': [...]}} in add_pipe"
                )
            self._opened = [one if isinstance(one, Terminology) else Terminology.load(one) for one in self._wanted]
        return self._opened

    def set_terminologies(self, terminologies: Sequence[Terminology]) -> None:
        """Use other terminologies."""
        self._opened = list(terminologies)
        self._changed()

    def _changed(self) -> None:
        """Called when the terminologies have changed."""

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The component with its terminologies as bytes."""
        return bytes(srsly.msgpack_dumps([terminology.files() for terminology in self.carried()]))

    def from_bytes(self: _Carrier, data: bytes, *, exclude: Iterable[str] = ()) -> _Carrier:
        """Load what :meth:`to_bytes` gave."""
        if files := srsly.msgpack_loads(data):
            self.set_terminologies([Terminology(one) for one in files])
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the component with its terminologies into a folder."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        carried = self.carried()
        (folder / _NAMES).write_text(json.dumps([one.name for one in carried]) + "\n", encoding="utf-8")
        for terminology in carried:
            target = folder / _FOLDER / terminology.name
            if terminology.path is not None and target.exists() and target.samefile(terminology.path):
                continue
            write_files(target, terminology.files())

    def from_disk(self: _Carrier, path: str | Path, *, exclude: Iterable[str] = ()) -> _Carrier:
        """Load what :meth:`to_disk` wrote; the terminologies are memory-mapped where they lie."""
        folder = Path(path)
        try:
            names: list[Any] = json.loads((folder / _NAMES).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise MedlinkError(
                f"{folder / _NAMES}: cannot be read ({error}); install the model package again"
            ) from None
        if names:
            self.set_terminologies([Terminology(folder / _FOLDER / name) for name in names])
        return self

    def carried(self) -> list[Terminology]:
        """The terminologies; empty where none is set."""
        return self.terminologies if self._opened is not None or self._wanted else []


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
