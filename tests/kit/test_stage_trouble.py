"""The stage runtime when something goes wrong in one place: nothing else comes to harm, nothing happens twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import toys
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from street import Street, editing, eventually, everything_sent, log_sequences, same_after_rebuild, taking

from leadway.decider import Decider
from leadway.eventlog import LogError, LogLost, Partition, partition_of
from leadway.facts import Fact
from leadway.stage import (
    Answer,
    Decided,
    Gathering,
    IdempotencyKeyReused,
    Overloaded,
    Request,
    Stage,
    Stopped,
    Timer,
    Unacceptable,
    View,
)
from leadway.stage._catalogs import Snapshot
from leadway.stage._direct import Executes
from leadway.stage._inputs import Input
from leadway.stage._trouble import Surroundings
from leadway.stage.runtime import Batch, CatalogCache, ParkingLot, RequestInput, Runtime, Transactions, check_term

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_key_sent_with_another_body_does_not_spoil_the_answer_that_it_has(street: Street) -> None:
    till = await street.open(toys.TILL)
    first = await till.execute(taking(1, key="k", body=b"x"))
    with pytest.raises(IdempotencyKeyReused):
        await till.execute(taking(2, key="k", body=b"y"))
    assert await till.execute(taking(1, key="k", body=b"x")) == first


async def test_a_value_that_the_driver_cannot_send_harms_nobody_else(street: Street) -> None:
    till = await street.open(toys.TILL)
    bad = till.execute(taking(3_000_000_000, "lead_big"))
    good = [till.execute(taking(number, f"lead_{number}")) for number in range(9)]
    answers = await asyncio.gather(bad, *good, return_exceptions=True)
    assert isinstance(answers[0], Unacceptable)
    assert "3000000000" not in str(answers[0]), "what is refused may be personal"
    assert all(isinstance(answer, Answer) for answer in answers[1:])


async def test_values_that_fail_only_together_are_found(street: Street) -> None:
    total = View("takings", {"number": "int"}, lambda _, state: [(sum(state.taken),)] if state.taken else [])
    till = await street.open(replace(toys.TILL, views=(total,)))
    both = [till.execute(taking(number)) for number in (2_000_000_000, 1_999_999_999)]
    answers = await asyncio.gather(*both, till.execute(taking(3, "lead_b")), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Answer, Unacceptable, Answer]


async def test_a_bug_in_one_command_or_view_is_that_command_s_alone(street: Street) -> None:
    def rows(_: str, state: toys.Till) -> list[tuple[int]]:
        return [(10 // (number - 7),) for number in state.taken]

    till = await street.open(replace(toys.TILL, views=(View("takings", {"number": "int"}, rows),)))

    def broken(_: Decided) -> Answer:
        raise LookupError("a bug")

    answers = await asyncio.gather(
        till.execute(replace(taking(1), respond=broken)),
        till.execute(taking(7, "lead_b")),
        till.execute(taking(2)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [LookupError, ZeroDivisionError, Answer]
    assert (await till.lead("lead_a"))[0].taken == (2,), "what could not be answered was not decided"
    assert (await till.execute(taking(3))).status == 201


async def test_many_commands_that_each_need_a_row_of_their_own_are_decided_together(street: Street) -> None:
    tally = await street.open(replace(toys.TALLY, gathering=Gathering(complete=toys.complete)))
    requests = [Request(toys.Count(n, f"colour{n}"), f"lead_{n}", "user:me") for n in range(40)]
    answers = await asyncio.gather(*map(tally.execute, requests))
    assert {answer.status for answer in answers} == {202}


class Ring(msgspec.Struct, frozen=True):
    due: tuple[Timer, ...] = ()


def ringing(due: Callable[[], Timer]) -> Stage:
    """A stage whose leads ask for a timer, and whose timers' commands fail for `lead_bad`."""

    def decide(command: Any, _: Ring) -> list[Fact]:
        match command:
            case toys.Take():
                return [toys.PaymentTaken(number=command.number, colour="red")]
            case "lead_bad":
                raise ValueError("Jane Doe's timer")
            case _:
                return [toys.PaymentTaken(number=-1, colour="red")]

    def evolve(_: Ring, fact: Fact) -> Ring:
        return Ring((due(),)) if isinstance(fact, toys.PaymentTaken) and fact.number > 0 else Ring()

    def name(subject: str, _: Timer) -> str:
        return subject

    return Stage(
        service="till",
        leads=Decider(Ring(), decide, evolve),
        state_type=Ring,
        timers=lambda state: state.due,
        on_timer=name,
    )


async def test_a_timer_that_fails_parks_its_lead_and_the_others_ring(street: Street) -> None:
    due = Timer("ring", LONG_AGO)
    till = await street.open(ringing(lambda: due))
    await asyncio.gather(*(till.execute(taking(1, lead)) for lead in ("lead_bad", "lead_good")))

    async def rung() -> bool:
        return (await till.lead("lead_good"))[0] == Ring()

    await eventually(rung)
    lot = ParkingLot(till.engine, street.log, till.transactions)
    (waiting,) = await eventually(lot.list)
    assert (waiting.subject, waiting.type) == ("lead_bad", "timer ring")
    assert waiting.reason.startswith("ValueError at test_stage_trouble.py:")
    assert till.stopped is None
    await lot.release("lead_bad")
    assert await eventually(lot.list), "it rang again, in vain"


async def test_what_waits_behind_a_parked_fact_does_not_count_as_parked(street: Street) -> None:
    till, tally = await street.open(toys.TILL), await street.open(toys.TALLY)
    await till.execute(taking(0, text="poison"))
    await asyncio.gather(*(till.execute(taking(number)) for number in range(1, 120)))

    async def all_wait() -> bool:
        return len(await ParkingLot(tally.engine, street.log, tally.transactions).list()) == 120

    await eventually(all_wait)
    assert tally.stopped is None


async def test_stopping_answers_every_request(street: Street) -> None:
    till = await street.open(toys.TILL)
    asked = [asyncio.create_task(till.execute(taking(number, f"lead_{number}"))) for number in range(600)]
    await asyncio.sleep(0.05)
    await till.close()
    answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)
    assert {type(answer) for answer in answers} <= {Answer, Overloaded}
    with pytest.raises(Overloaded):
        await till.execute(taking(1))
    taken = await till.query("SELECT count(*) AS n FROM takings")
    assert taken[0]["n"] == sum(isinstance(answer, Answer) for answer in answers)


async def test_a_caller_that_hangs_up_disturbs_nobody(street: Street) -> None:
    till = await street.open(toys.TILL)
    asked = [asyncio.create_task(till.execute(taking(number, f"lead_{number}"))) for number in range(60)]
    await asyncio.sleep(0.01)
    for task in asked[::2]:
        task.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Answer) for answer in answers[1::2])


def batch_of(request: Request) -> Batch:
    return Batch([RequestInput(request, asyncio.get_running_loop().create_future(), attempt_id=request.subject)])


async def test_a_transaction_that_is_cancelled_leaves_its_connection_clean(street: Street) -> None:
    till = await street.open(toys.TILL)
    for number in range(30):
        task = asyncio.create_task(till.transactions.run(batch_of(taking(number, f"lead_{number}"))))
        await asyncio.sleep(number * 0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    open_ones = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
    )
    assert (await till.query(open_ones + " AND application_name = 'till-1'"))[0]["n"] == 0
    await till.execute(taking(99))
    await eventually(lambda: everything_sent(till))
    for numbers in await log_sequences(street.log, "till"):
        assert numbers == list(range(1, len(numbers) + 1))
    assert await same_after_rebuild(till)


async def test_the_term_check_is_not_misled_by_an_instance_that_works_meanwhile(street: Street) -> None:
    till = await street.open(toys.TILL)
    working = asyncio.create_task(take_all_the_time(till))
    try:
        for _ in range(15):
            await check_term("till", till.engine, street.log)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def take_all_the_time(till: Runtime) -> None:
    number = 0
    while True:
        number += 1
        await till.execute(taking(number, f"lead_{number}"))


async def test_a_busy_relay_also_sends_what_other_instances_wrote(street: Street) -> None:
    busy = await street.open(toys.TILL, "1", lease_seconds=1.0)
    await busy.execute(taking(0))
    other = await street.open(toys.TILL, "2", lease_seconds=1.0)
    places = {partition_of(f"lead_{n}".encode(), street.log.partitions): f"lead_{n}" for n in range(40)}
    (_, mine), (number, theirs), *_ = sorted(places.items())

    async def alone_no_more() -> bool:
        return not busy.relay.alone

    await eventually(alone_no_more)
    partition = Partition("lead-events", number)
    before = (await street.log.heads())[partition]

    async def keep_busy() -> None:
        count = 0
        while True:
            count += 1
            await busy.execute(taking(count, mine))
            busy.relay.offer([])  # wakes it, as commits do

    working = asyncio.create_task(keep_busy())
    try:
        await asyncio.sleep(0.1)
        await other.execute(taking(1, theirs))

        async def arrived() -> bool:
            return (await street.log.heads())[partition] > before

        await eventually(arrived, seconds=1.0)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_relay_that_another_one_overtook_goes_on_behind_it(street: Street) -> None:
    till = await street.open(toys.TILL)
    await till.execute(taking(1))
    await eventually(lambda: everything_sent(till))
    till.relay.sent.clear()  # as if what is sent by now had been sent by an instance that had the lease before
    await till.execute(taking(2))
    await eventually(lambda: everything_sent(till))
    (numbers,) = await log_sequences(street.log, "till")
    assert numbers[-1] == 2


async def answered(transactions: Transactions, *requests: Request) -> list[Answer | Exception]:
    """What the callers of one batch are answered once it was committed."""
    loop = asyncio.get_running_loop()
    inputs: list[Input] = [
        RequestInput(each, loop.create_future(), final=True, attempt_id=f"req_{number}")
        for number, each in enumerate(requests)
    ]
    return [answer for _, answer in (await transactions.run(Batch(inputs))).answers]


async def test_a_check_that_finds_no_connection_free_blames_no_input(street: Street) -> None:
    till = await street.open(toys.TILL, start=False)
    failing = [NoConnectionFree("all are taken"), LogError("the log is away")]

    async def check() -> None:
        if failing:
            raise failing.pop()

    transactions = Transactions(till.engine, toys.TILL, partitions=4, cache=CatalogCache(), check_server=check)
    for _ in range(2):
        with pytest.raises(Surroundings):
            await answered(transactions, taking(1))
    assert [answer.status for answer in await answered(transactions, taking(1)) if isinstance(answer, Answer)] == [201]


async def test_a_log_that_lost_data_stops_the_batch_that_finds_out(street: Street) -> None:
    till = await street.open(toys.TILL, start=False)

    async def check() -> None:
        raise LogLost("the log lost data")

    transactions = Transactions(till.engine, toys.TILL, partitions=4, cache=CatalogCache(), check_server=check)
    with pytest.raises(Stopped, match="the log lost data"):
        await answered(transactions, taking(1))


class Forgetful(CatalogCache):
    """Cannot be read anew after the change of an entry."""

    async def refresh(self, connection: Executes) -> Snapshot:  # noqa: ARG002 named as in what it overrides
        raise NoConnectionFree("all are taken")


async def test_nothing_that_fails_after_the_commit_has_it_done_again(street: Street) -> None:
    till = await street.open(toys.TILL, start=False)
    transactions = Transactions(till.engine, toys.TILL, partitions=4, cache=Forgetful())
    answers = await answered(transactions, editing("red", "Red"), taking(1), taking(2, "lead_b"))
    assert [answer.status for answer in answers if isinstance(answer, Answer)] == [200, 201, 201]
    assert (await till.lead("lead_a"))[0].taken == (1,)


async def test_a_counter_that_a_rolled_back_batch_put_there_is_not_taken_for_known(street: Street) -> None:
    till = await street.open(toys.TILL, start=False)
    first, other = (
        next(lead for lead in map("lead_{}".format, range(100)) if partition_of(lead.encode(), 4) == number)
        for number in (0, 1)
    )
    transactions = Transactions(till.engine, toys.TILL, partitions=4, cache=CatalogCache())
    await answered(transactions, taking(1, first))
    await answered(transactions, taking(3_000_000_000, other))  # refused: no column takes that number
    await answered(transactions, taking(2, first))
    (answer,) = await answered(transactions, taking(3, other))
    assert isinstance(answer, Answer)


async def test_a_fact_has_room_in_what_the_log_takes(street: Street) -> None:
    street.log.batch_bytes_max = 50_000  # as a topic of Kafka's may be that somebody else made
    till = await street.open(toys.TILL)
    with pytest.raises(Unacceptable, match="at most 34000"):
        await till.execute(taking(1, text="x" * 34_000))
    assert (await till.execute(taking(1, text="x" * 33_000))).status == 201
    await eventually(lambda: everything_sent(till))
