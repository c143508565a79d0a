"""Turns are fair, and what spans leads comes out the same in whatever order leads are folded."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from leadway.decider import fold
from leadway.facts.router import PartnerChanged
from leadway.router.decider import DECIDER, Decline, State, Unrouted
from leadway.router.policy.distribution import next_turn
from leadway.router.policy.eligibility import Partners
from leadway.router.policy.spanning import Rotation, evolve, initial, keys, turned
from leadway.router.store import SHARED

WEIGHTS = {"w1": 1, "w2": 2, "w5": 5}


def partners(*names: str, weights: dict[str, int] | None = None) -> Partners:
    return Partners(
        PartnerChanged(entity_id=name, name=name, tier="t", weight=(weights or {}).get(name, 1)) for name in names
    )


def three_partners(worlds: Any, account: str) -> Any:
    world = worlds()
    for name in "abc":
        world.partner(name)
    world.rules({"name": "all", "then": [{"assign": {"method": "round_robin"}}]}, account=account)
    return world


def play(everybody: Partners, rounds: list[frozenset[str]]) -> list[str]:
    """Who got each turn, where `rounds` say who was eligible."""
    rotation = Rotation()
    got: list[str] = []
    for eligible in rounds:
        if eligible:
            turn = next_turn(rotation, "k", everybody, everybody.mask(eligible))
            rotation = turned(rotation, turn)
            got.append(turn.partner_id)
    return got


@given(st.lists(st.frozensets(st.sampled_from(["x", "y", "z"])), max_size=200))
def test_turns_of_those_always_eligible_differ_by_at_most_one(absences: list[frozenset[str]]) -> None:
    everybody = partners("a", "b", "c", "x", "y", "z")
    counts = Counter(play(everybody, [frozenset("abc") | flapping for flapping in absences]))
    always = [counts[name] for name in "abc"]
    assert max(always) - min(always) <= 1
    # One that comes and goes never gets more than its share.
    assert all(counts[name] <= max(always) + 1 for name in "xyz")


def test_a_member_that_comes_and_goes_leaves_the_others_equal() -> None:
    everybody = partners("a", "b", "c")
    rounds = [frozenset("abc") if i % 2 else frozenset("ab") for i in range(2000)]
    counts = Counter(play(everybody, rounds))
    assert abs(counts["a"] - counts["b"]) <= 1


def test_weights_share_turns_in_proportion() -> None:
    everybody = partners(*WEIGHTS, weights=WEIGHTS)
    for rounds in (8, 80, 803):
        counts = Counter(play(everybody, [frozenset(WEIGHTS)] * rounds))
        assert all(abs(counts[name] - rounds * weight / 8) <= 1 for name, weight in WEIGHTS.items())


def test_a_newcomer_starts_where_the_others_are() -> None:
    everybody = partners("a", "b", "new")
    got = play(everybody, [frozenset("ab")] * 100 + [frozenset(["a", "b", "new"])] * 9)
    assert Counter(got[100:]) == {"a": 3, "b": 3, "new": 3}


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_turns_are_fair_in_batches_of_any_size(worlds: Any, sizes: list[int]) -> None:
    world = three_partners(worlds, "ignore")
    number = 0
    for size in sizes:
        told: list[Any] = []
        for _ in range(size):
            told += world.arrival(f"lead_{number}")
            number += 1
        world.batch(*told)
    holders = Counter(world.state(f"lead_{i}").hold.partner_id for i in range(number))
    turns = [holders[name] for name in ("ptr_a", "ptr_b", "ptr_c")]
    assert max(turns) - min(turns) <= 1


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 25), chance=st.randoms(use_true_random=False))
def test_shared_values_do_not_depend_on_the_order_of_leads(worlds: Any, count: int, chance: random.Random) -> None:
    world = three_partners(worlds, "follow")
    for i in range(count):
        world.arrives(f"lead_{i}", company_id=chance.choice(["com_1", "com_2", None]))
        for _ in range(chance.randint(0, 2)):
            state = world.state(f"lead_{i}")
            hold = getattr(state, "hold", None)
            if hold is not None:
                world.asks(f"lead_{i}", Decline(partner_id=hold.partner_id, reason="other"))
    by_lead: dict[str, list[Any]] = defaultdict(list)
    for lead_id, fact in world.own:
        by_lead[lead_id].append(fact)
    values: dict[str, Any] = {}
    queues: list[list[Any]] = list(by_lead.values())
    while queues:
        queue = chance.choice(queues)
        fact = queue.pop(0)
        for key in keys(fact):
            values[key] = evolve(key, values.get(key, initial(key)), fact)
        queues = [each for each in queues if each]
    changed = {key: value for key, value in world.shared.items() if value != initial(key)}
    assert values == changed
    for lead_id, row in world.rows.items():
        own = [fact for subject, fact in world.own if subject == lead_id]
        assert fold(DECIDER, own) == row.state


def test_states_and_shared_values_survive_their_encoding(worlds: Any) -> None:
    world = three_partners(worlds, "follow")
    world.arrives("lead_1", company_id="com_1")
    state = world.state("lead_1")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State) == state
    for value in world.shared.values():
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=SHARED.value_type) == value
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Unrouted()), type=State) == Unrouted()
