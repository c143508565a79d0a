"""The partition of a key: Kafka's own answer, everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import partitioner
from hypothesis import given
from hypothesis import strategies as st

from leadway.eventlog import murmur2, partition_of

# From the tests of Kafka's Java client (UtilsTest.testMurmur2); signed there.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


reference: Any = getattr(partitioner, "murmur2")  # noqa: B009  # its types are unknown


@pytest.mark.parametrize(("key", "expected"), JAVA.items())
def test_murmur2_gives_what_the_java_client_gives(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected % 2**32


@given(key=st.binary(max_size=80), partitions=st.integers(1, 64))
def test_a_key_goes_where_the_kafka_client_would_put_it(key: bytes, partitions: int) -> None:
    assert murmur2(key) == reference(key)
    assert partition_of(key, partitions) == (reference(key) & 0x7FFFFFFF) % partitions
