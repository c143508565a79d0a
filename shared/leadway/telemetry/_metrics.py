"""Metrics: a registry for each service, joined into one page where several run in one process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

EXPOSITION_MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class HttpMetrics:
    """How long answers took to begin, by method and class of status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "leadway_http_request_seconds",
            "Time from a request's arrival to the beginning of its answer.",
            ("method", "status"),
            registry=registry,
            buckets=_SECONDS,
        )
        # Children are kept here: finding one by its labels costs more than measuring.
        self._children: dict[tuple[str, int], Histogram] = {}

    def now(self) -> float:
        return time.perf_counter()

    def observe(self, method: str, status: int, started: float, answered: float | None) -> None:
        """Note one request; `status` 0: it broke off unanswered."""
        known = method if method in _METHODS else "other"
        child = self._children.get((known, status // 100))
        if child is None:
            child = self._seconds.labels(known, f"{status // 100}xx" if status else "none")
            self._children[known, status // 100] = child
        child.observe((answered or time.perf_counter()) - started)


_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class _Joined(Collector):
    """The families of several registries, each sample labelled with its service."""

    def __init__(self, registries: Mapping[str, CollectorRegistry]) -> None:
        self._registries = registries

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for service, registry in self._registries.items():
            for family in registry.collect():
                joined = families.get(family.name)
                if joined is None:
                    joined = families[family.name] = Metric(family.name, family.documentation, family.type, family.unit)
                for sample in family.samples:
                    joined.samples.append(sample._replace(labels={"service": service, **sample.labels}))
        return families.values()


def process_registry() -> CollectorRegistry:
    """A registry of what the process as a whole uses: memory, CPU, files, collections."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def exposition(registries: Mapping[str, CollectorRegistry], process: CollectorRegistry) -> bytes:
    """The metrics of all of `registries` (by service), and of the `process`, in Prometheus' text form."""
    joined = CollectorRegistry(auto_describe=False)
    joined.register(_Joined(registries))
    return generate_latest(joined) + generate_latest(process)
