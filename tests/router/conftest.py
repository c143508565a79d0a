"""The router's stage in memory: its own gathering, deciding and folding, without a database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from leadway.facts import CatalogFact, Envelope, Fact
from leadway.facts.ingest import CampaignChanged, LeadCaptured
from leadway.facts.personal import SubmissionDetails, seal
from leadway.facts.router import PartnerChanged, RulesChanged
from leadway.facts.scoring import LeadQualified
from leadway.facts.terms import CampaignSaid, Company, Term, Touch
from leadway.router.app import STAGE
from leadway.stage import Request
from leadway.stage._catalogs import Snapshot
from leadway.stage._deciding import Deciding
from leadway.stage._inputs import FactInput, Input, Place, RequestInput
from leadway.stage._rows import KeyedRows, SubjectRow

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """Leads, partners and rules; each thing that happens is decided at once."""

    now: datetime = START
    rows: dict[str, SubjectRow] = field(default_factory=dict[str, SubjectRow])
    shared: dict[str, Any] = field(default_factory=dict[str, Any])
    catalogs: Snapshot = field(default_factory=lambda: Snapshot(1, {}))
    own: list[tuple[str, Fact]] = field(default_factory=list[tuple[str, Fact]])
    count: int = 0

    def catalog(self, *facts: CatalogFact) -> None:
        self.count += 1
        self.catalogs = self.catalogs.with_entries(
            [msgspec.structs.replace(fact, version=self.count) for fact in facts]
        )

    def partner(self, name: str, **fields: Any) -> str:
        entity_id = f"ptr_{name}"
        given: dict[str, Any] = {"entity_id": entity_id, "name": name, "tier": "gold"}
        self.catalog(PartnerChanged(**{**given, **fields}))
        return entity_id

    def rules(self, *rules: dict[str, Any], account: str = "ignore", otherwise: str = "inside-sales") -> None:
        document: dict[str, object] = {
            "account": account,
            "rules": list(rules),
            "otherwise": {"retain": {"queue": otherwise}},
        }
        self.catalog(RulesChanged(entity_id="rules", document=document))

    def campaign(self, code: str, tactic: str = "webinar") -> None:
        self.catalog(CampaignChanged(entity_id=f"cmp_{code}", codes=(code,), name=code, tactic=tactic))

    def hears(self, lead_id: str, *facts: Fact) -> tuple[Fact, ...]:
        """Other services' facts about a lead, decided in one batch; what the router says to them."""
        return self.batch(*((lead_id, fact) for fact in facts))

    def batch(self, *told: tuple[str, Fact]) -> tuple[Fact, ...]:
        return self._run([self._told(lead_id, fact) for lead_id, fact in told], [lead_id for lead_id, _ in told])

    def asks(self, lead_id: str, command: Any, attempt: str | None = None) -> tuple[Fact, ...]:
        """A command from outside; raises its refusal."""
        self.count += 1
        request = Request(command=command, subject=lead_id, actor="user:test")
        loop = asyncio.new_event_loop()
        try:
            item = RequestInput(request, loop.create_future(), final=True, attempt_id=attempt or f"req_{self.count}")
            return self._run([item], [lead_id])
        finally:
            loop.close()

    def state(self, lead_id: str) -> Any:
        return self.rows[lead_id].state

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def arrives(self, lead_id: str, **fields: Any) -> tuple[Fact, ...]:
        """A lead is captured and qualified, in one batch."""
        return self.batch(*self.arrival(lead_id, **fields))

    def arrival(self, lead_id: str, **fields: Any) -> tuple[tuple[str, Fact], ...]:
        return (lead_id, captured(lead_id, **fields)), (lead_id, qualified(lead_id))

    def _told(self, lead_id: str, fact: Fact) -> FactInput:
        self.count += 1
        envelope = Envelope(
            id=f"fact_{self.count}",
            type=fact.wire,
            source=fact.source,
            subject=lead_id,
            time=self.now,
            sequence=self.count,
            cause="test",
            correlation="test",
            actor="test",
            data=fact,
        )
        return FactInput(Place("lead-events", 0, self.count), lead_id, fact.wire, envelope)

    def _run(self, inputs: list[Input], lead_ids: list[str]) -> tuple[Fact, ...]:
        assert STAGE.leads is not None
        assert STAGE.mirror is not None
        assert STAGE.shared is not None
        for lead_id in lead_ids:
            initial, unknown = STAGE.leads.initial, STAGE.mirror.initial
            self.rows.setdefault(lead_id, SubjectRow("lead-events", lead_id, initial, unknown, initial, unknown))
        keyed = KeyedRows({})
        deciding = Deciding(STAGE, self.rows, keyed, KeyedRows({}), self.catalogs, self.now)
        # Only what the stage named beforehand is there, as under real locks.
        for key in deciding.shared_keys(inputs):
            keyed.values[key] = self.shared.get(key, STAGE.shared.initial(key))
        deciding.run(inputs)
        for answer in deciding.answers.values():
            if isinstance(answer, Exception):
                raise answer
        assert not deciding.parked, deciding.parked
        self.shared.update(keyed.values)
        facts = tuple(envelope.data for envelope in deciding.facts)
        self.own.extend((envelope.subject, envelope.data) for envelope in deciding.facts)
        return facts


def captured(lead_id: str, **fields: Any) -> LeadCaptured:
    given: dict[str, Any] = {
        "lead_id": lead_id,
        "person_id": f"per_{lead_id}",
        "company_id": None,
        "source_id": "src_web",
        "company": Company(country="DE", postal_code="70173", employees=250, industry=Term("healthcare")),
        "product": Term("imaging"),
        "touch": Touch(kind="form.submitted", occurred_at=START, campaign=CampaignSaid(said=("spring",))),
        "personal": seal(SubmissionDetails(fields={"budget": "50000"})),
    }
    return LeadCaptured(**{**given, **fields})


def qualified(lead_id: str) -> LeadQualified:
    return LeadQualified(lead_id=lead_id, score=70.0, model_version=1, label="hot")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def worlds() -> type[World]:
    """For property tests, which need a new world for each example."""
    return World


@pytest.fixture
def lead() -> Any:
    """How the facts of other services about a lead are made."""
    return captured
