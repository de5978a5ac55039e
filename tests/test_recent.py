"""What was asked for last is kept, and no more of it."""

import pickle
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from medlink.linking.recent import Recent


@settings(deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 9)))
def test_the_values_asked_for_last_are_kept(most, keys):
    recent: Recent[int, int] = Recent(most)
    for key in keys:
        known = recent.get([key])
        assert known in ({}, {key: key * 2})
        recent.update({key: key * 2})
    last = list(dict.fromkeys(reversed(keys)))[:most]
    assert recent.get(range(10)) == {key: key * 2 for key in last}


def test_copies_begin_empty():
    recent: Recent[str, int] = Recent(3)
    recent.update({"a": 1})
    copy = pickle.loads(pickle.dumps(recent))
    assert (len(recent), len(copy)) == (1, 0)


def test_threads_may_share_it():
    recent: Recent[int, int] = Recent(10)

    def use(start: int) -> bool:
        for i in range(start, start + 2000):
            keys = [i % 17, i % 13]
            known = recent.get(keys)
            recent.update({key: key for key in keys})
            if any(key != value for key, value in known.items()):
                return False
        return len(recent) <= 10

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(0, 80, 10)))
