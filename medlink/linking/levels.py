"""Mentions that name the level of the spine: "L4-5 spondylolisthesis", which ICD-10-CM knows by region."""

from __future__ import annotations

import re
from functools import lru_cache

_REGIONS = {"C": "cervical", "T": "thoracic", "D": "thoracic", "L": "lumbar", "S": "sacral", "LS": "lumbosacral"}
_LAST = {"C": 8, "T": 12, "D": 12, "L": 5, "S": 5}
_LEVEL = re.compile(r"\b(?P<from>[CTDLS])(?P<upper>\d{1,2})(?:\s?[-/–]\s?(?P<to>[CTDLS]?)(?P<lower>\d{1,2}))?\b")


@lru_cache(maxsize=1 << 12)
def with_region(mention: str) -> str:
    """A mention with the region of the spine in place of the level.

    Arguments:
        mention: The mention.

    Returns:
        "Lumbar spondylolisthesis" for "L4-5 spondylolisthesis"; the mention itself where it names no level, and nothing
        else.
    """

    def region(level: re.Match[str]) -> str:
        first, last = level["from"], level["to"] or level["from"]
        if int(level["upper"]) > _LAST[first] or int(level["lower"] or 1) > _LAST[last]:
            return level[0]
        return _REGIONS["LS" if first + last == "LS" else first]

    read = _LEVEL.sub(region, mention, count=1)
    return mention if read in _REGIONS.values() else read
