"""A stage begins while a part of what it reads from does not answer: it asks again, and goes on when it does."""

from __future__ import annotations

import pytest
import toys
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from street import Street, counted, eventually, everything_sent, taking
from structlog.testing import capture_logs

from leadway.database import migrate, schema_of

PAYMENTS = 3


async def say(street: Street, sql: str) -> None:
    engine = create_async_engine(street.url)
    async with engine.begin() as connection:
        await connection.execute(text(sql))
    await engine.dispose()


@pytest.mark.parametrize(
    ("schema", "table"),
    [("log", "members"), (schema_of("tally"), "positions")],
    ids=["the log's readers", "the stage's own positions"],
)
async def test_what_does_not_answer_at_the_start_is_asked_again(street: Street, schema: str, table: str) -> None:
    till = await street.open(toys.TILL)
    for number in range(PAYMENTS):
        await till.execute(taking(number))
    await eventually(lambda: everything_sent(till))
    await migrate(street.url, "tally", None)
    await say(street, f"ALTER TABLE {schema}.{table} RENAME TO away")
    with capture_logs() as said:
        tally = await street.open(toys.TALLY)

        async def asked_again() -> bool:
            told = [each for each in said if each["event"] == "consumer_backs_off" and each["service"] == "tally"]
            return len(told) > 1 or tally.stopped is not None

        await eventually(asked_again)
    await say(street, f"ALTER TABLE {schema}.away RENAME TO {table}")
    assert tally.stopped is None
    await eventually(lambda: counted(tally, PAYMENTS))
