"""The pytest fixtures with the real things: PostgreSQL and Apache Kafka, each one server for all test processes.

    postgres_url    address of the shared server (a test makes nothing there)
    database        address of a fresh, empty database, dropped after the test
    kafka           bootstrap address of the shared broker
    fresh_topics    a prefix for topic and group names that no other test uses

They start with their first user, end with the last one, and skip nothing: what is missing is an error.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterator

import pytest
import pytest_asyncio

from leadway.database import scratch_database
from leadway.testing._keeper import Share


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server that all test processes share; it need not survive a power cut."""
    share = Share("postgres")
    yield share.address
    share.close()


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncGenerator[str]:
    """The address of an empty database of the test's own."""
    async with scratch_database(postgres_url, f"test_{secrets.token_hex(8)}") as url:
        yield url


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of an Apache Kafka broker that all test processes share."""
    share = Share("kafka")
    yield share.address
    share.close()


@pytest.fixture
def fresh_topics() -> str:
    """A prefix for the names of topics and groups, the test's own."""
    return f"test-{secrets.token_hex(6)}-"
