"""The topics' settings on a Kafka cluster: made right, or checked and refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from leadway.eventlog._port import LogError, LogLost

_REPLICATION_MAX = 3
_TELLING_TRIES = 100
_TELLING_SECONDS = 0.1
# A log that forgets by time or size, or keeps only each key's newest record, is none; a replica that lagged behind
# must not become the leader and drop what was acknowledged.
_REQUIRED = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}


class Topics:
    """Creates and checks the topics of one deployment."""

    def __init__(self, admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int, batch_bytes_max: int) -> None:
        self._admin: Any = admin
        self._names = list(names)
        self._partitions = partitions
        self._batch_bytes_max = batch_bytes_max

    async def ensure(self) -> int:
        """Create what is missing, check the rest; the largest batch in bytes that all of them take.

        Raises LogLost with everything that is wrong, LogError where the cluster takes too long with new ones.
        """
        existing = set(await self._admin.list_topics())
        brokers = len((await self._admin.describe_cluster())["brokers"])
        missing = [name for name in self._names if name not in existing]
        if missing:
            await self._create(missing, min(_REPLICATION_MAX, brokers))
        return await self._check([name for name in self._names if name in existing])

    async def _create(self, names: Sequence[str], replication: int) -> None:
        settings = {
            **_REQUIRED,
            "min.insync.replicas": str(max(1, replication - 1)),
            "max.message.bytes": str(self._batch_bytes_max),
            # The broker's clock: a client's, an hour ahead, would have its records refused. Facts carry their own time.
            "message.timestamp.type": "LogAppendTime",
            "compression.type": "producer",
        }
        response = await self._admin.create_topics(
            [NewTopic(name, self._partitions, replication, topic_configs=settings) for name in names]
        )
        for name, code, *rest in response.topic_errors:
            error = for_code(code)
            if code != 0 and error is not TopicAlreadyExistsError:  # another process was quicker: as good
                raise error(f"could not create {name}: {rest}")
        await self._until_told(names)

    async def _until_told(self, names: Sequence[str]) -> None:
        """A topic is made before every broker tells of it: whoever joins a group then goes without its partitions."""
        untold = set(names)
        for _ in range(_TELLING_TRIES):
            told = await self._admin.describe_topics(names)
            untold = set(names) - {each["topic"] for each in told if _is_led(each)}
            if not untold:
                return
            await asyncio.sleep(_TELLING_SECONDS)
        raise LogError(f"the cluster does not yet tell of {', '.join(sorted(untold))}, which it has made")

    async def _check(self, names: Sequence[str]) -> int:
        limit = self._batch_bytes_max
        if not names:
            return limit
        faults: list[str] = []
        described = {each["topic"]: each for each in await self._admin.describe_topics(names)}
        configured = await self._configured(names)
        for name in names:
            partitions = described[name]["partitions"]
            if len(partitions) != self._partitions:
                faults.append(f"{name} has {len(partitions)} partitions, not {self._partitions}")
            replicas = min((len(each["replicas"]) for each in partitions), default=1)
            faults += [f"{name}: {fault}" for fault in _faults(configured[name], replicas)]
            limit = min(limit, int(configured[name].get("max.message.bytes", limit)))
        if faults:
            raise LogLost(f"topics that this log must not use as they are: {'; '.join(faults)}")
        return limit

    async def _configured(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        for response in await self._admin.describe_configs(resources):
            for code, message, _kind, name, entries in response.resources:
                if code != 0:
                    raise for_code(code)(f"could not read the settings of {name}: {message}")
                found[name] = {entry[0]: entry[1] for entry in entries}
        return found


def _is_led(topic: Mapping[str, Any]) -> bool:
    """Whether each of its partitions has a leader to be asked."""
    partitions = topic["partitions"]
    return bool(partitions) and all(each["error_code"] == 0 and each["leader"] >= 0 for each in partitions)


def _faults(settings: Mapping[str, str], replicas: int) -> Sequence[str]:
    faults = [
        f"{setting} is {settings.get(setting)}, not {right}"
        for setting, right in _REQUIRED.items()
        if settings.get(setting) != right
    ]
    in_sync, wanted = int(settings.get("min.insync.replicas", "1")), max(1, min(replicas - 1, 2))
    if in_sync < wanted:
        faults.append(f"min.insync.replicas is {in_sync}, not {wanted} (of {replicas} replicas)")
    return faults
