"""What is put into the database to lock a lead that nobody knows, and what stays of it."""

from __future__ import annotations

import asyncio

import pytest
import toys
from street import Street, same_after_rebuild, taking

from leadway.decider import NotFound
from leadway.stage import Answer, Edit, Request
from leadway.stage.runtime import Runtime


async def subjects(runtime: Runtime) -> list[str]:
    return [row["subject"] for row in await runtime.query("SELECT subject FROM subjects ORDER BY subject")]


async def test_a_command_that_decides_nothing_leaves_no_row(street: Street) -> None:
    till = await street.open(toys.TILL)
    for number in range(3):
        await till.execute(taking(-1, f"lead_{number}"))
    assert await subjects(till) == []
    await till.execute(taking(1, "lead_1"))
    await till.execute(taking(-1, "lead_1"))
    assert await subjects(till) == ["lead_1"]


async def test_a_refused_edit_of_what_is_not_there_leaves_no_row(street: Street) -> None:
    till = await street.open(toys.TILL)

    def change(held: toys.ColourChanged | None) -> toys.ColourChanged:
        if held is None:
            raise NotFound
        return held

    edit = Request(Edit(toys.ColourChanged, change), "red", "user:me", respond=lambda _: Answer(200))
    (refused,) = await asyncio.gather(till.execute(edit), return_exceptions=True)
    assert isinstance(refused, NotFound)
    assert await subjects(till) == []


@pytest.mark.parametrize("there_before", [False, True])
async def test_rows_that_are_taken_back_lose_nothing_of_those_who_wait_for_them(
    street: Street, *, there_before: bool
) -> None:
    one, other = await street.open(toys.TILL, "1"), await street.open(toys.TILL, "2")
    put = "INSERT INTO subjects (topic, subject) SELECT 'lead-events', unnest(CAST(:leads AS text[]))"
    every: list[str] = []
    for turn in range(40):
        leads = [f"lead_{turn}_{number}" for number in range(5)]
        if there_before:  # as a fact leaves one of which nothing came
            await one.keep(put, leads=leads)
        # Half of the requests decide nothing and take their rows back, the others wait for the same rows.
        asked = [each.execute(taking(number, lead)) for lead in leads for each, number in ((one, -1), (other, 1))]
        await asyncio.gather(*asked)
        every += leads
    taken = await one.query("SELECT subject FROM takings ORDER BY subject")
    assert [row["subject"] for row in taken] == sorted(every)
    assert await same_after_rebuild(one)
