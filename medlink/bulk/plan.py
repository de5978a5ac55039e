"""The work of a run, cut into shards: the same cut whatever was done before, by whom and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord
from medlink.formats.sources import Source
from medlink.terminology.words import hash64

# Documents of a shard: as few as keep several workers busy in a small run, as many as lose little when one is cut off.
_LEAST, _MOST = 8, 500
_SHARDS = 64
# Size of a usual note in bytes, by which the documents in a table are guessed.
_NOTE = 3000


@dataclass(frozen=True, slots=True)
class Failure:
    """A document, or the rest of a file, that could not be annotated.

    Arguments:
        id: The document's identifier, or the file's path.
        reason: What went wrong.
    """

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to be annotated.

    Arguments:
        number: Its number.
        items: Its documents; a file that is one document is read only where it is annotated.
        unreadable: What of its files could not be read.
    """

    number: int
    items: list[Source | DocumentRecord] = field(default_factory=list)
    unreadable: list[Failure] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items) + len(self.unreadable)


def shard_size(sources: Sequence[Source], sizes: Sequence[int]) -> int:
    """How many documents a shard of a run should have.

    Arguments:
        sources: The files.
        sizes: Their sizes in bytes; 0 where not known.
    """
    documents = sum(1 if one.single else -(-size // _NOTE) for one, size in zip(sources, sizes, strict=True))
    return max(_LEAST, min(_MOST, -(-documents // _SHARDS)))


def cut(
    sources: Sequence[Source],
    size: int,
    *,
    limit: int | None = None,
    sample: float = 1.0,
    finished: Collection[int] = (),
) -> Iterator[Task]:
    """Cut the documents of files into shards.

    Arguments:
        sources: The files, in order.
        size: Documents of a shard.
        limit: Most documents; None for all.
        sample: Share of the documents that are taken, 0 to 1, always the same ones.
        finished: Shards that need not be done again.

    Yields:
        The shards that are left.
    """
    task, left = Task(0), limit
    for item in _items(sources):
        if left == 0:
            break
        if sample < 1 and hash64(id_of(item)) >= sample * 2**64:
            continue
        left = None if left is None else left - 1
        if isinstance(item, Failure):
            task.unreadable.append(item)
        else:
            task.items.append(item)
        if len(task) == size:
            if task.number not in finished:
                yield task
            task = Task(task.number + 1)
    if len(task) and task.number not in finished:
        yield task


def _items(sources: Sequence[Source]) -> Iterator[Source | DocumentRecord | Failure]:
    for source in sources:
        if source.single:
            yield source
            continue
        broken: list[MedlinkError] = []
        try:
            for record in documents(source, broken):
                yield from (Failure(source.path, str(error)) for error in broken)
                broken.clear()
                yield record
        except MedlinkError as error:
            broken.append(error)
        yield from (Failure(source.path, str(error)) for error in broken)


def documents(source: Source, broken: list[MedlinkError] | None = None) -> Iterator[DocumentRecord]:
    """The documents of a file; where it is not UTF-8, their metadata tell its encoding.

    Arguments:
        source: The file.
        broken: As for :meth:`Source.read`.
    """
    for record, encoding in source.read(broken):
        if encoding != "utf-8":
            record["metadata"]["encoding"] = encoding
        yield record


def id_of(item: Source | DocumentRecord | Failure) -> str:
    """Identifier of a document; the path of a file."""
    if isinstance(item, Source):
        return item.path
    return item.id if isinstance(item, Failure) else item["id"]
