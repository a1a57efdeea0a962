"""A replay that is killed at any moment leaves the live view as it is, and the next one starts cleanly."""
import pytest
from replay_shop import kill_at

DEATHS = 20


@pytest.mark.seconds(420)
@pytest.mark.parametrize("view, sink", [("orders", "mongodb"), ("orders", "elasticsearch")])
def test_killed_again_and_again(new_shop, view, sink):
    shop = new_shop(f"killed-{sink}")
    shop.feed(1500)
    shop.projectors(only=f"{view}/{sink}")
    shop.await_caught_up()
    before = shop.prove([(view, sink)])[view, sink]
    live, phases = shop.live(view, sink), set()
    for death in range(DEATHS):
        where = kill_at(shop, 1000 * death // DEATHS, view, "--sink", sink, "--memory-mebibytes", 1)
        phases.add(where[0])
        now = shop.live(view, sink)
        if where[0] == "swap":  # it may have been made live in its last moment, and then is right
            live = now
        assert now == live, where
        if death % 5 == 4:
            proof = shop.prove([(view, sink)])[view, sink]
            assert proof["digest"] == before["digest"]
    assert {"fold", "prove", "compare"} <= phases, phases
    row = shop.replay(view, "--sink", sink, "--memory-mebibytes", 1)[0]
    assert row["outcome"] == "live" and row["proof"]["digest"] == before["digest"]
    proof = shop.prove([(view, sink)])[view, sink]
    assert proof["digest"] == before["digest"] and proof["documents"] == before["documents"]
    states = shop.states(view, sink)
    assert sorted(states.values()).count("live") == 1 and "building" not in states.values(), states
    shop.feed(200, "--seed", 2)
    shop.await_caught_up()
    shop.prove([(view, sink)])
    assert shop.parked() == 0
