"""What was asked for last, kept for who asks next: notes say the same things over and over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from threading import Lock
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values asked for last; the one not asked for longest goes first. Threads may share it.

    Copies and pickles of it begin empty.

    Arguments:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return Recent, (self._most,)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """The values that are kept of those asked for, by key."""
        with self._lock:
            found = {key: self._values[key] for key in keys if key in self._values}
            for key in found:
                self._values.move_to_end(key)
            return found

    def update(self, values: Mapping[Key, Value]) -> None:
        """Keep values."""
        with self._lock:
            self._values.update(values)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
