"""`leadway tail`: the facts as they come, one line each, without personal data."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import msgspec
from rich.markup import escape
from rich.text import Text

from leadway.cli._console import MISUSED, REFUSED, Failed, err, out, program
from leadway.cli._key import key_of
from leadway.cli._place import settings_of
from leadway.facts import fact_types
from leadway.web import issue_token

_STYLES = {
    "ingest": "cyan",
    "scoring": "blue",
    "router": "magenta",
    "sla-timer": "yellow",
    "dealreg": "green",
    "delivery": "bright_black",
}
_TOKEN_TTL = timedelta(hours=12)
_PAUSE_SECONDS_MAX = 10.0
_QUIET_SECONDS_MAX = 60.0
_VALUE_CHARACTERS_MAX = 60
_UNAUTHENTICATED = 401
_STREAM = "text/event-stream"


def tail(given: dict[str, Any], *, url: str | None, types: str | None, lead: str | None, from_start: bool) -> None:
    """Print facts until interrupted; a broken connection is made again where it ended. Raises Failed."""
    _check(types)
    settings = settings_of(**given)
    base = url or settings.base_url or f"http://{settings.host}:{settings.port}"
    key = key_of(settings)
    asked = {"follow": "true", **({"types": types} if types else {}), **({"lead": lead} if lead else {})}
    if not from_start and lead is None:
        asked["from"] = datetime.now(UTC).isoformat()
    last: str | None = None
    pause, hinted = 0.5, False
    with httpx.Client(base_url=base, timeout=httpx.Timeout(10.0, read=_QUIET_SECONDS_MAX)) as client:
        while True:
            token = issue_token(key, role="analyst", subject="leadway-tail", ttl=_TOKEN_TTL)
            headers = {"Authorization": f"Bearer {token}", "Accept": _STREAM}
            if last is not None:
                headers["Last-Event-ID"] = last
            try:
                for seen, fact in _facts(client, asked, headers):
                    out.print(line(fact), soft_wrap=True)
                    last, pause = seen, 0.5
            except httpx.HTTPError as error:
                told = f"{base}: {str(error) or type(error).__name__}; trying again."
                err.print(f"[dim]{escape(told)}[/]")
                if last is None and not hinted:
                    err.print(f"  start it with `{program()} up`, or name another with --url")
                    hinted = True
            time.sleep(pause)
            pause = min(pause * 2, _PAUSE_SECONDS_MAX)


def _facts(
    client: httpx.Client, asked: Mapping[str, str], headers: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    with client.stream("GET", "/attribution/v1/facts", params=dict(asked), headers=dict(headers)) as response:
        _judge(response)
        last = ""
        for text in response.iter_lines():
            if text.startswith("id: "):
                last = text[4:]
            elif text.startswith("data: "):
                yield last, msgspec.json.decode(text[6:])


def _judge(response: httpx.Response) -> None:
    """Raises Failed where asking again would not help, httpx.HTTPError where it may."""
    kind = response.headers.get("content-type", "").partition(";")[0]
    if response.is_client_error and kind == "application/problem+json":
        problem = msgspec.json.decode(response.read())
        told = f"{response.status_code}: {problem.get('detail') or problem.get('title')}"
        remedy = "is --data-dir that of this deployment?" if response.status_code == _UNAUTHENTICATED else ""
        raise Failed(told, remedy, code=REFUSED)
    if response.is_client_error or response.has_redirect_location or (response.is_success and kind != _STREAM):
        told = f"{response.url.copy_with(query=None)} answers {response.status_code} with {kind or 'nothing'}"
        remedy = "name the deployment's address with --url; the service attribution must be behind it"
        raise Failed(f"{told}: that is no Leadway", remedy, code=REFUSED)
    response.raise_for_status()


def _check(types: str | None) -> None:
    """Raises Failed where a fact is named that there is not: of such one nothing would ever come."""
    known = {each.wire.rpartition(".v")[0] for each in fact_types()}
    unknown = [name for name in (types or "").split(",") if name and re.sub(r"\.v\d+$", "", name) not in known]
    if unknown:
        raise Failed(f"no such fact: {', '.join(unknown)}", f"there are {', '.join(sorted(known))}", code=MISUSED)


def line(fact: Mapping[str, Any]) -> Text:
    """A fact on one line: when, what, about whom, and what it says."""
    source = str(fact["source"])
    at = datetime.fromisoformat(fact["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    text = Text(f"{at} ")
    text.append(f"{str(fact['type']).rpartition('.v')[0]:<24}", _STYLES.get(source, "white"))
    text.append(f" {fact['subject']}", "bold")
    said = "  ".join(f"{name}={_short(value)}" for name, value in fact["data"].items() if _short(value))
    text.append(f"  {said}", "dim")
    return text


def _short(value: object) -> str:
    """A value where it is short enough for a line; empty where it is not."""
    if isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value)
        if set(named) == {"minor", "currency"}:
            return f"{named['minor']}_{named['currency']}"
        return str(named.get("code") or named.get("said") or named.get("kind") or "")[:_VALUE_CHARACTERS_MAX]
    if isinstance(value, list | dict) or value is None:
        return ""
    return str(value)[:_VALUE_CHARACTERS_MAX]
