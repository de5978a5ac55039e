"""Sentences are marked with what their nouns are kinds of, and with nothing that is not sure."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import scripts

FOLDER = Path(__file__).parents[1] / "corpora" / "word_kinds"

# Number, words, what they are a kind of, and how often each word was counted with this meaning. A bat flies or is
# swung.
MEANINGS = [
    (1, "animal beast", 0, [9, 1]),
    (2, "tool", 0, [5]),
    (3, "body_part", 0, [2]),
    (4, "bat", 1, [1]),
    (5, "bat", 2, [1]),
    (6, "mouse", 1, [8]),
    (7, "hammer", 2, [8]),
    (8, "liver", 3, [8]),
    *((10 + i, f"beetle_{name}", 1, [1]) for i, name in enumerate("abcdefghij")),
    *((30 + i, f"saw_{name}", 2, [1]) for i, name in enumerate("abcdefghij")),
    *((50 + i, f"muscle_{name}", 3, [1]) for i, name in enumerate("abcdefghijk")),
]


@pytest.fixture(scope="module")
def modules():
    with scripts(FOLDER, "generate", "wordnet") as found:
        yield found


@pytest.fixture(scope="module")
def nouns(modules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wordnet")
    data, counts, senses = ["  1 the licence"], [], {}
    for number, words, above, seen in MEANINGS:
        names = words.split()
        listed = " ".join(f"{name} 0" for name in names)
        pointer = f"001 @ {above:08} n 0000" if above else "000"
        data.append(f'{number:08} 05 n {len(names):02x} {listed} {pointer} | said of {names[0]}; "look at it now"  ')
        for name, count in zip(names, seen, strict=True):
            senses.setdefault(name, []).append(number)
            counts.append(f"{name}%1:05:00:: {len(senses[name])} {count}")
    index = [f"{name} n {len(of)} 0 {len(of)} 1 " + " ".join(f"{n:08}" for n in of) for name, of in senses.items()]
    (folder / "data.noun").write_text("\n".join(data) + "\n")
    (folder / "index.noun").write_text("\n".join(index) + "\n")
    (folder / "index.verb").write_text("hammer v 1 0 1 0 00000001\n")
    for name in ("index.adj", "index.adv"):
        (folder / name).write_text("")
    (folder / "noun.exc").write_text("mice mouse\n")
    (folder / "cntlist.rev").write_text("\n".join([*counts, "hammer%2:35:00:: 1 8"]) + "\n")
    return modules[1].Nouns(folder)


def test_senses_of_a_word_and_what_they_are_kinds_of(nouns):
    assert nouns.senses("Mice") == nouns.senses("mouse") == {"00000006": 1.0}
    assert nouns.senses("bats") == {"00000004": 0.5, "00000005": 0.5}
    assert nouns.senses("hammer") == {"00000007": 0.5}  # a verb as often
    assert nouns.senses("nothing") == {}
    assert nouns.kinds("00000006") == {"00000006", "00000001"}
    assert nouns.synsets["00000001"].gloss == "said of animal"
    assert nouns.synsets["00000001"].examples == ["look at it now"]


def marked(modules, nouns, sentence, without=(), head=None):
    generate = modules[0]
    kinds = generate.Kinds(nouns, without)
    lines = (generate.mark(sentence, head, kinds, random.Random(seed), Counter()) for seed in range(20))
    return {line for line in lines if line}


def test_types_of_a_word_are_in_one_order(modules, nouns):
    assert list(modules[0].Kinds(nouns, []).of({"00000006": 0.5})) == ["animal", "beast"]


def test_only_what_is_sure_is_marked(modules, nouns):
    lines = marked(modules, nouns, "The mice ran.")
    assert {re.sub(r"[|{}]|animal|beast|tool|body part| or ", "", line) for line in lines} == {"The mice ran."}
    assert any("{mice|animal}" in line and "{|tool}" in line for line in lines)
    # Half of the uses of a bat are an animal: neither one is asked for.
    assert not marked(modules, nouns, "The bat and the mouse.")
    assert not marked(modules, nouns, "Nothing here.")
    # The word that a definition is of is known to mean it.
    lines = marked(modules, nouns, "bat: it flies", head=("bat", "00000004"))
    assert any(line.startswith("{bat|animal") for line in lines)
    assert not any("{bat|tool" in line for line in lines)


def test_what_is_left_out_is_not_asked_for(modules, nouns):
    assert any("|body part" in line for line in marked(modules, nouns, "The liver of mice."))
    assert not marked(modules, nouns, "The liver of mice.", without=["body part"])
    lines = marked(modules, nouns, "The mice ran.", without=["body part"])
    assert lines
    assert not any("body part" in line for line in lines)


def test_no_type_is_asked_for_whose_name_shares_a_word_with_a_phrase(modules, nouns, tmp_path):
    generate = modules[0]
    config = tmp_path / "gliner.cfg"
    config.write_text(
        '[gliner]\nbase = "x"\nbase_licence = "x"\n\n[gliner.phrases]\nANATOMY = ["part or organ of the body"]\n'
        "\n[gliner.corpora]\n"
    )
    unlike = generate.words_of_phrases(config)
    assert unlike == {"organ", "body"}
    assert generate.Kinds(nouns, []).names == ["animal", "beast", "body part", "tool"]
    assert generate.Kinds(nouns, [], unlike).names == ["animal", "beast", "tool"]


def test_nouns_that_follow_each_other_are_one(modules, nouns):
    kinds = modules[0].Kinds(nouns, [])
    found = [
        (start, end) for start, end, _ in modules[0].find_nouns("a liver mouse ran with liver hammer".split(), kinds)
    ]
    # A hammer is a verb as often.
    assert found == [(1, 3), (5, 6), (6, 7)]
    assert any("{liver mouse|animal" in line for line in marked(modules, nouns, "A liver mouse ran."))


def test_as_many_sentences_as_there_are(modules, nouns, tmp_path):
    generate = modules[0]
    (tmp_path / "note.txt").write_text("The {mouse|ANATOMY} ran off. A beetle a sat.\n")
    lines, types = generate.write(generate.Kinds(nouns, []), [tmp_path], (30, 10), random.Random(0))
    assert len(lines) == len(set(lines))
    assert 10 < len(lines) <= 32
    assert types > 3
    texts = [re.sub(r"\{([^{}|]*)\|[^{}]*\}", r"\1", line) for line in lines]
    assert {"The mouse ran off.", "A beetle a sat."} <= set(texts)
