"""Tests of what a process shares by a token; tests/cluster has those on a cluster."""

import gc
import pickle

from skrnn.parallel._dask import Shared, find_shared


def test_a_process_has_one_object_of_each_token_however_often_it_comes():
    shared = Shared("token", [1, 2])
    sent = pickle.dumps(shared)
    again = pickle.loads(sent)
    assert again is shared
    del again
    gc.collect()
    assert find_shared("token") is shared
    del shared
    gc.collect()
    assert find_shared("token") is None
    other = pickle.loads(sent)
    assert (other.token, other.value) == ("token", [1, 2])
    assert find_shared("token") is other
