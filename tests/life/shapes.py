"""Comparing what services answer with what their OpenAPI says: each field described, each of its type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@dataclass
class Shapes:
    """The OpenAPI documents of a running system's services, read when they are first needed."""

    documents: dict[str, Any] = field(default_factory=dict[str, Any])

    async def check(self, client: httpx.AsyncClient, base: str, response: httpx.Response) -> None:
        """Fail where a good answer is not of the shape that its service describes."""
        path, method = response.request.url.path, response.request.method.lower()
        is_json = response.headers.get("content-type") == "application/json"
        if not response.is_success or not is_json or path.endswith("openapi.json"):
            return
        service = path.split("/", 2)[1]
        if service not in self.documents:
            self.documents[service] = (await client.get(f"{base}/{service}/openapi.json")).json()
        document = self.documents[service]
        if schema := schema_of(document, method, path, response.status_code):
            found = list(faults(document, schema, response.json()))
            assert found == [], f"{method} {path}: {found}"


def schema_of(document: Any, method: str, path: str, status: int) -> Any:
    """The schema of an answer, where the document has one."""
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path) and method in operations:
            described = operations[method]["responses"].get(str(status), {})
            return described.get("content", {}).get("application/json", {}).get("schema")
    return None


def faults(document: Any, schema: Any, value: Any, at: str = "#") -> Iterator[str]:
    """Where a value is not as its schema says, and which of its fields the schema does not know."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        tried = [list(faults(document, each, value, at)) for each in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
        return
    if "type" in schema and (
        not isinstance(value, _TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean")
    ):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{at}: {value!r} is none of those that are named"
    if isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from faults(document, schema.get("items", {}), item, f"{at}/{index}")
    if isinstance(value, dict):
        yield from _of_object(document, schema, cast("dict[str, Any]", value), at)


def _of_object(document: Any, schema: Any, value: dict[str, Any], at: str) -> Iterator[str]:
    named, others = schema.get("properties", {}), schema.get("additionalProperties", "properties" not in schema)
    yield from (f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        if name in named or isinstance(others, dict):
            yield from faults(document, named.get(name, others), inner, f"{at}/{name}")
        elif not others:
            yield f"{at}: {name} is not described"
