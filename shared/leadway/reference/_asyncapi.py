"""The facts as an AsyncAPI 3 document: two topics, a message for each fact, who sends and who receives it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from leadway.facts import TOPICS, Fact, fact_types
from leadway.facts.codec import encode_data
from leadway.reference._samples import sample
from leadway.stage import Service

_TOPICS = {
    "lead-events": ("Everything that happened to a lead, in one order for each lead.", "the lead's id"),
    "catalog-events": ("Partners, rules, campaigns and the like, each whole in its newest version.", "the entry's id"),
}
_HEADERS: dict[str, tuple[dict[str, str], str]] = {
    "ce_id": ({"type": "string"}, "Derived from what led to the fact: the same cause gives the same id again."),
    "ce_type": ({"type": "string"}, "The fact's wire name."),
    "ce_source": ({"type": "string"}, "The service that decided it."),
    "ce_subject": ({"type": "string"}, "The lead or the catalog entry; also the record's key."),
    "ce_time": ({"type": "string", "format": "date-time"}, "When it was decided, never before its cause."),
    "ce_sequence": ({"type": "string", "pattern": "^[0-9]+$"}, "Dense for each source, topic and partition, from 1."),
    "ce_cause": ({"type": "string"}, "The fact or request that led to it."),
    "ce_correlation": ({"type": "string"}, "The capture or registration that began it all."),
    "ce_actor": ({"type": "string"}, "Who: `partner:…`, `user:…`, `source:…` or `service:…`."),
    "ce_traceparent": ({"type": "string"}, "W3C trace context, where the request had one."),
    "ce_specversion": ({"type": "string", "const": "1.0"}, "CloudEvents 1.0, binary mode."),
    "content-type": ({"type": "string", "const": "application/json"}, "What the record's value is."),
}
_OPTIONAL = {"ce_traceparent"}


def asyncapi(services: Iterable[Service], version: str) -> dict[str, Any]:
    """The document, in an order that depends on names only."""
    services = sorted(services, key=lambda each: each.name)
    facts = tuple(cls for cls in fact_types() if cls.source in {each.name for each in services})
    _, schemas = msgspec.json.schema_components(facts, schema_hook=_any, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leadway's facts",
            "version": version,
            "description": "CloudEvents 1.0 in Kafka's binary mode. A fact grows by optional fields; anything else "
            "is a new version of its name. `personal` is opaque to all but its codec.",
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, facts) for topic in TOPICS},
        "operations": _operations(services, facts),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "messages": {cls.wire: _message(cls) for cls in facts},
            "messageTraits": {"envelope": {"headers": _headers()}},
        },
    }


def sentence(cls: type[Fact]) -> str:
    """What a fact means to the business."""
    first, _, _ = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")
    return " ".join(first.split())


def _any(kind: type[Any]) -> dict[str, Any]:
    if kind is not object:
        raise NotImplementedError
    return {"description": "A JSON value of any shape."}


def _channel(topic: str, facts: Iterable[type[Fact]]) -> dict[str, Any]:
    description, _ = _TOPICS[topic]
    messages = {cls.wire: {"$ref": f"#/components/messages/{cls.wire}"} for cls in facts if cls.topic == topic}
    return {"address": topic, "description": description, "messages": messages}


def _operations(services: Iterable[Service], facts: Iterable[type[Fact]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for service in services:
        said = [cls for cls in facts if cls.source == service.name]
        for action, spoken in (("send", said), ("receive", [cls for cls in facts if cls in service.stage.foreign])):
            for topic in TOPICS:
                of_topic = [cls.wire for cls in spoken if cls.topic == topic]
                if of_topic:
                    found[f"{service.name}.{action}.{topic}"] = _operation(action, topic, of_topic)
    return found


def _operation(action: str, topic: str, wires: Iterable[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{wire}"} for wire in wires],
    }


def _message(cls: type[Fact]) -> dict[str, Any]:
    _, key = _TOPICS[cls.topic]
    return {
        "name": cls.wire,
        "title": cls.__name__,
        "summary": sentence(cls),
        "traits": [{"$ref": "#/components/messageTraits/envelope"}],
        "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
        "examples": [{"payload": msgspec.json.decode(encode_data(sample(cls)))}],
    }


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name for name in _HEADERS if name not in _OPTIONAL],
        "properties": {name: {**schema, "description": told} for name, (schema, told) in _HEADERS.items()},
    }
