"""Where the sentences of clinical text begin: headings, lists, tables, wrapped lines, "q.d.", "Dr.", "3.5".

One pass over the text, so that the time grows with its length and not faster.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

# After these a sentence goes on, whatever follows.
_TITLES = frozenset(
    "dr drs mr mrs ms prof st vs fig figs no nos dept approx ca cf e.g i.e eg ie viz incl resp al ref refs vol "
    "rev hon gen sgt capt lt col jr sr mt ft ave blvd messrs mme esp cert accid attn ext tel dx'd".split()
)
# After these it goes on unless a capital follows: they end sentences as often as not.
_SHORT = frozenset(
    "q.d q.i.d b.i.d t.i.d p.o p.r.n q.h.s h.s a.c p.c i.v i.m s.q s.c q.a.m q.p.m q.o.d a.m p.m u.s y.o o.d o.s o.u "
    "n.p.o r.n m.d d.o ph.d p.a n.p d.p.m d.d.s qd bid tid qid po prn qhs hs iv im sq sc qam qpm cm mm mg ml kg hr hrs "
    "min mins sec wk wks mo mos yr yrs lb lbs oz in tab tabs cap caps temp resp wt ht dx hx rx tx sx fx pt pts etc inc "
    "ltd co corp dist prox lat med ant post sup inf max avg abd ext gtt gtts supp inj susp soln q.4h q.6h q.8h q.12h "
    "c.c w.b.c r.b.c b.p j.v.d".split()
)
# And after these, where a small letter follows: "poss. gout", "1 mcg. daily". After other words a sentence begins with
# one too, as whole notes are written.
_SHORTENED = frozenset(
    "cont contd prev hosp surg diff bilat unilat poss prob occ occas freq subcut assoc mod sev sm lg sl cu vit "
    "chr disch adm pulm card abdom extr neurol gest mat pat rel perf rpt rt mcg meq mmol ug gm gms cc tsp tbsp amt "
    "equiv intermitt transv long circ super horiz".split()
)
_SMALL = re.compile(r"[a-z]")
_END = re.compile(
    r"""
    (?P<blank>\n[ \t\r]*\n\s*)                        # an empty line
  | (?P<line>\r?\n[ \t]*)                               # a line break
    # "Fever: no  Chills: yes", "Fever? No. Chills? Yes", "Fever? no Chills? yes"
  | (?P<answer>:[ ]?(?:(?i:yes|no|none|neg|pos|negative|positive|denies|absent|present)|[YN])[ ]{2,}(?=\S)
        |\?[ ]+(?:(?i:yes|no|nope|none|denies|denied|neg)|[YN])
            (?:[.,;](?=\s|$)|(?=[ ]*(?:\n|$)|[ ]{2,}\S|[ ][A-Z][^.?\n]{0,40}\?))
        |\?[ ]+(?:(?i:yes)|Y)(?=[ ][-–(](?![ x]?\)))
        |\?[ ]*(?:\[[ xX]?\]|[☐☑☒□])(?=\s*[A-Z\n]))
    # the end of a sentence; but dots lead to an answer, as in "Asthma ...... No"
  | (?P<stop>(?<!\.)(?!\.{4,}[ ]*(?i:yes|no|none|neg|denies|[yn])\b)[.!?]+["”’')\]]*(?:,(?=[A-Z\d]))?)(?=\s|[A-Z\d]|$)
    """,
    re.VERBOSE,
)
# Nothing of that length is a sentence; cut at a gap it keeps the time that later steps take within bounds.
_LONGEST = 1000
_GAP = re.compile(r"\s+")
_BLACK = re.compile(r"\S")
#: An item of a list, from its bullet, number or letter to its first character.
ITEM = re.compile(r"(?:[-–•*+>·o]|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)]|\[[ xX_]?\]|[☐☑☒□■✓✗])[ \t]+\S")
_NUMBER_LEFT = re.compile(r"(?:^|[\n:;,]|\s)[ \t]*\(?\d{1,2}$|(?:^|\n)[ \t]*[A-Za-z]$")
_WORD_LEFT = re.compile(r"[^\s,;:(\[]*$")
_CELLS = re.compile(r"\t|[ ]{3,}|\|")
# What no line ends with on purpose, and what none begins with.
_OPEN_ENDED = re.compile(
    r"(?:[,/&(-]|(?:^|\s)(?:and|or|of|the|with|for|to|a|an|in|on|at|by|from|as|than|no|not|without|denies|denied|her|his|"
    r"is|was|are|were|has|have|had|likely|possible|probable|left|right|mild|moderate|severe|acute|chronic|new))$",
    re.IGNORECASE,
)
# "Diabetes: No" is whole; "jaw claudication no" is it in a text that is not wrapped.
_ANSWERED = re.compile(r"\w\s(?:no|not|denied)$", re.IGNORECASE)
_ANSWERED_FORM = re.compile(
    r"(?:\w[ \t]*:|\.{4}|…|_{3})[ \t]*(?:no|denied)$|(?:\.{4}|…|_{3})[ \t]*(?:yes|[yn])$", re.IGNORECASE
)
_GOES_ON = re.compile(r"[,;)\]&/%]|(?:and|or|of|with|for|to|in|on|at|by|from|as|than|but|which|who|is|was|are|were)\b")
# "  chest pain  No" is a row of a form, whatever the next one begins with.
_ANSWERED_ROW = re.compile(r"\w[ \t]{2,}(?:(?i:yes|no|none|denies|denied)|[YNyn])(?:,|$)")
# A text whose lines go on with a small letter less often is not wrapped; where all letters are small, one of whose
# lines fewer are full.
_WRAPPED = 0.2
_FULL = 1 / 3
_FEW_LINES = 6
_OPENERS = re.compile(r"[\"“‘'(\[*_-]*\s*([A-Z0-9#•<+↑↓]|\Z)")


def sentence_starts(text: str, forced: Iterable[int] = ()) -> list[int]:
    """Offsets at which the sentences of a text begin, in order, the first at 0.

    Line breaks inside a paragraph are wrapped lines and end nothing; those between list items, headings and
    the rows of a table do.

    Arguments:
        text: The text.
        forced: Further offsets at which a sentence begins, as those of headings and of sections' texts.
    """
    starts = {0, *forced}
    lines = _lines_of(text)
    for match in _END.finditer(text):
        kind = match.lastgroup
        after = match.end()
        if (
            kind in ("blank", "answer")
            or (kind == "line" and _breaks(text, match.start(), after, lines))
            or (kind == "stop" and _ends(text, match))
        ):
            starts.add(after)
    # White space belongs to the sentence before it.
    first = (_BLACK.search(text, start) for start in starts if start)
    found = sorted({0} | {match.start() for match in first if match})
    return [start for a, b in pairwise([*found, len(text)]) for start in _parts(text, a, b)] or [0]


def _parts(text: str, start: int, end: int) -> Iterator[int]:
    """Where the parts begin into which a sentence without end is cut."""
    yield start
    while end - start > _LONGEST:
        gap = _GAP.search(text, start + _LONGEST, end)
        if gap is None or gap.end() >= end:
            return
        start = gap.end()
        yield start


@dataclass(frozen=True, slots=True)
class _Lines:
    """How the lines of a text were made.

    Arguments:
        short: Lines shorter than this were ended on purpose.
        width: So were lines that had room for the next word, in a text wrapped at this width.
        listed: Whether each line stands for itself, even where the next begins with a small letter.
    """

    short: float
    width: float
    listed: bool


def _lines_of(text: str) -> _Lines:
    """Read how the lines of a text were made from the first of them."""
    lines = [line.strip() for line in text[:20_000].splitlines()]
    lengths = [len(line) for line in lines if len(line) > 30]
    short = max(45.0, 0.75 * median(lengths)) if lengths else 45.0
    pairs = [(line, following) for line, following in pairwise(lines) if line and following]
    if len(pairs) < _FEW_LINES:
        return _Lines(short, 0.0, listed=False)
    if 2 * sum(following[0].isdigit() for _, following in pairs) > len(pairs):
        return _Lines(short, math.inf, listed=False)
    if text.isupper():
        return _Lines(short, 0.0, listed=False)
    if text.islower():
        longest = max(lengths, default=0)
        full = sum(len(line) + 1 + _first_word(following) > 0.9 * longest for line, following in pairs)
        return _Lines(short, 0.0, listed=full < _FULL * len(pairs))
    wrapped = sorted(len(line) for line, following in pairs if following[0].islower())
    if len(wrapped) < _WRAPPED * len(pairs):
        return _Lines(short, math.inf, listed=False)
    return _Lines(short, float(wrapped[len(wrapped) * 3 // 4]), listed=False)


def _breaks(text: str, at: int, after: int, lines: _Lines) -> bool:
    """Whether a line break ends a sentence."""
    if after >= len(text):
        return False
    begin = text.rfind("\n", 0, at) + 1
    line = text[begin:at].rstrip() if at - begin < 2000 else text[at - 2000 : at].rstrip()
    if not line.strip():
        return True
    if line[-1] in ".!?:;" or ITEM.match(text, after):
        # A line wrapped behind "Dr." goes on.
        word = _WORD_LEFT.search(line[:-1])
        return not (line[-1] == "." and word and word[0].lower() in _TITLES)
    stop = text.find("\n", after, after + 400)
    following = text[after : stop if stop >= 0 else after + 400]
    if (_CELLS.search(following.strip()) and _CELLS.search(line.strip())) or _ANSWERED_ROW.search(line):
        return True
    answered = following[:1].isupper() and (
        _ANSWERED_FORM.search(line) or (lines.width == math.inf and _ANSWERED.search(line))
    )
    if (_OPEN_ENDED.search(line) and not answered) or _GOES_ON.match(following):
        return False
    if following[:1].islower():
        return lines.listed
    return len(line) < lines.short or len(line) + 1 + _first_word(following) <= lines.width


def _first_word(text: str) -> int:
    """The length of the first word of a line."""
    return len(next(iter(text.split(None, 1)), ""))


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop, question or exclamation mark ends a sentence."""
    stop = match["stop"]
    at, after = match.start(), match.end()
    glued = after < len(text) and not text[after].isspace()
    rest = text[after : after + 12]
    if stop.endswith(","):
        return True
    if glued:
        # "fever.She": a small word before it, a capital and small letters behind.
        return bool(
            stop == "." and re.search(r"[a-z]{3}$", text[max(0, at - 3) : at]) and re.match(r"[A-Z][a-z]+\b", rest)
        )
    lead = rest.lstrip()
    if stop == "?" and (not at or text[at - 1].isspace()):
        return False  # "? pneumonia"
    if "?" in stop or "!" in stop:
        return bool(_OPENERS.match(lead)) or not lead
    word = _WORD_LEFT.search(text, max(0, at - 24), at)
    left = word[0].lower() if word else ""
    if left in _TITLES and not (word and _is_disease(word[0], lead)):
        return False
    if not left:
        return bool(_OPENERS.match(lead))
    if _NUMBER_LEFT.search(text[max(0, at - 6) : at]):
        # "1. Hypertension" is an item; "aged 45. She" the end of a sentence.
        return bool(
            re.search(r"[a-z)%/]\s*\d{1,2}$", text[max(0, at - 8) : at])
            and lead[:1].isalpha()
            and not _list_number(text, at)
        )
    if len(left) == 1 and left.isalpha() and text[at - 1].isupper():
        return False  # an initial
    if left in _SHORT or (("." in left) and left.replace(".", "").isalpha()):
        return lead[:1].isupper() and (len(lead) < 2 or not lead[:2].isupper())
    if _SMALL.match(lead):
        # "c. difficile" is one name, "he was … better" one sentence.
        return stop.rstrip("\"”’')]") == "." and len(left) > 1 and left not in _SHORTENED
    return bool(_OPENERS.match(lead)) or not lead


def _is_disease(title: str, after: str) -> bool:
    """Whether what looks like a title is multiple sclerosis: "has MS. Incision", but "MS. SMITH"."""
    return title == "MS" and after[:1].isupper() and after[1:2].islower()


def _list_number(text: str, at: int) -> bool:
    """Whether the number before a full stop counts an item: "Plan: 1. Aspirin. 2. Rest."."""
    before = text[max(0, at - 12) : at].rstrip("0123456789").rstrip()
    return not before or before[-1] in ".:;,\n"
