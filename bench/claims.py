"""A hundred partners race for each lead of a pool: one wins, all others are told so, and soon.

The same run has leads that one partner claims unopposed, at the same concurrency: what the race itself costs.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import uvloop

from bench._client import Connection
from bench._system import Leadway, Scratch, plain
from bench._table import Line, percentile
from bench.bulk import rows
from leadway.web import issue_token

_RACERS = 100
_LEADS = 200
_CONNECTIONS = 16
_SECONDS_MAX = 120.0
_TAKEN = "/problems/lead-already-claimed"


class Race(msgspec.Struct, frozen=True):
    """What claims were answered, by lead, and how long each took."""

    winners: dict[str, list[str]]
    refused: Counter[str]
    seconds: list[float]


class Pool:
    """A running system whose leads all go into one pool, open to every racer."""

    def __init__(self, leadway: Leadway, scratch: Scratch, racers: int) -> None:
        self._leadway = leadway
        self._database = scratch.database
        self._port = leadway.ports["router"]
        made = [{"name": f"Racer {number}", "status": "active", "tier": "gold"} for number in range(racers)]
        self.racers = [str(leadway.ask("POST", "/router/v1/partners", each)["id"]) for each in made]
        pool = {"pool": {"method": "shark_tank", "among": {"tier": ["gold"]}}}
        rules: list[dict[str, Any]] = [{"name": "all", "when": {}, "then": [pool]}]
        otherwise = {"retain": {"queue": "other"}}
        leadway.ask("PUT", "/router/v1/rules", {"account": "ignore", "rules": rules, "otherwise": otherwise})
        self._tokens = {
            each: issue_token(leadway.key, role="partner", subject=each, partner_id=each) for each in self.racers
        }

    async def fill(self, leads: int) -> list[str]:
        """Capture leads, and wait until they are in the pool."""
        source = self._leadway.ask("POST", "/ingest/v1/sources", {"name": "pool", "kind": "csv"})
        connection = await Connection.open(self._leadway.ports["ingest"])
        path = f"/ingest/v1/sources/{source['id']}/leads"
        headers = {"x-leadway-key": source["key"], "content-type": "text/csv"}
        answer = await connection.ask("POST", path, headers, rows(0, leads))
        connection.close()
        ids = [each["lead_id"] for each in answer.json["results"]]
        database = await plain(self._database)
        deadline = time.monotonic() + _SECONDS_MAX
        pooled = "SELECT count(*) FROM router.routed_leads WHERE state = 'pooled'"
        while (found := await database.fetchval(pooled)) < leads:
            assert time.monotonic() < deadline, f"{found} of {leads} leads are in the pool"
            await asyncio.sleep(0.1)
        await database.close()
        return ids

    async def claim(self, claims: Iterable[tuple[str, str]], connections: int) -> Race:
        """Claim (lead, partner) in this order, so many at a time."""
        race = Race({}, Counter(), [])
        left = iter(claims)

        async def work() -> None:
            connection = await Connection.open(self._port)
            for lead, partner in left:
                headers = {"authorization": f"Bearer {self._tokens[partner]}"}
                answer = await connection.ask("POST", f"/router/v1/leads/{lead}/claim", headers)
                race.seconds.append(answer.seconds)
                if answer.status == 200:
                    race.winners.setdefault(lead, []).append(partner)
                else:
                    race.refused[f"{answer.status} {answer.json['type']}"] += 1
            connection.close()

        await asyncio.gather(*(work() for _ in range(connections)))
        return race


def check(race: Race, leads: Sequence[str], racers: int) -> None:
    """Each lead has one winner; whoever lost was told that the lead is taken, and nothing else."""
    assert sorted(race.winners) == sorted(leads)
    assert all(len(winners) == 1 for winners in race.winners.values())
    assert race.refused == {f"409 {_TAKEN}": len(leads) * (racers - 1)} or racers == 1, race.refused


async def _measure(pool: Pool, leads: int, connections: int) -> tuple[Race, Race]:
    found = await pool.fill(3 * leads)
    contended, quiet = found[:leads], found[leads:]
    racers = pool.racers
    warm, alone = quiet[: leads // 2], quiet[leads // 2 :]
    await pool.claim(zip(warm, racers * leads, strict=False), connections)
    unopposed = await pool.claim(zip(alone, racers * leads, strict=False), connections)
    check(unopposed, alone, 1)
    race = await pool.claim(((lead, racer) for lead in contended for racer in racers), connections)
    check(race, contended, len(racers))
    return race, unopposed


def raced(racers: int, leads: int, connections: int) -> tuple[Race, Race]:
    """The race, and the claims that nobody opposed."""
    with (
        Scratch() as scratch,
        Leadway(scratch) as leadway,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        pool = Pool(leadway, scratch, racers)
        time.sleep(1.0)  # the catalogs reach the services that copy them
        return runner.run(_measure(pool, leads, connections))


def run(share: float = 1.0) -> list[Line]:
    """`share` of the full counts."""
    racers, leads = _RACERS, max(1, int(_LEADS * share))
    race, alone = raced(racers, leads, _CONNECTIONS)
    what = f"{racers} racers on each of {leads} leads, {_CONNECTIONS} at a time, one winner each"
    lines: list[Line] = []
    for name, each in (("p50", 0.5), ("p99", 0.99)):
        ours, other = percentile(race.seconds, each) * 1000, percentile(alone.seconds, each) * 1000
        goal = 50 if name == "p99" else None
        lines.append(
            Line("claims", f"{what}: {name}", ours, "ms", other, "unopposed claims", goal, goal_on="ours", at_most=True)
        )
    return lines
