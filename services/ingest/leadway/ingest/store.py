"""Ingest's tables: views of its leads, and the submissions that are held because nobody can be reached by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from leadway.ingest.decider import Interest, State
from leadway.ingest.policy.vocabulary import Vocabulary
from leadway.stage import StageRuntime, View
from leadway.words import term_key

_SAYINGS_MAX = 100
_SAYINGS_READ_MAX = 5_000


def _lead(_: str, state: State) -> Iterable[tuple[Any, ...]]:
    if isinstance(state, Interest):
        product = term_key(state.product)
        yield (
            state.person_id,
            state.email_digest,
            state.company_id,
            state.company.domain,
            product,
            state.captured_at,
            state.closed,
        )


LEADS = View(
    "leads",
    {
        "person_id": "text",
        "email_digest": "text",
        "company_id": "text",
        "domain": "text",
        "product": "text",
        "captured_at": "timestamptz",
        "closed": "boolean",
    },
    _lead,
    indexes=("email_digest", "domain"),
)


def _saying(_: str, state: State) -> Iterable[tuple[str, str]]:
    """Words for which no vocabulary has a code."""
    if isinstance(state, Interest):
        for vocabulary, term in (("product", state.product), ("industry", state.company.industry)):
            if term is not None and term.code is None and term.said:
                yield vocabulary, term.said.strip().casefold()[:200]


UNMAPPED = View("unmapped_sayings", {"vocabulary": "text", "said": "text"}, _saying, indexes=("vocabulary, said",))
VIEWS = (LEADS, UNMAPPED)


async def find_leads(
    runtime: StageRuntime, *, email_digest: str | None, domain: str | None, after: str, limit: int
) -> list[Mapping[str, Any]]:
    """Leads of a person or a company, by id."""
    return await runtime.query(
        """SELECT subject AS lead_id, person_id, company_id, domain, product, captured_at, closed FROM leads
           WHERE (CAST(:digest AS text) IS NULL OR email_digest = :digest)
             AND (CAST(:domain AS text) IS NULL OR domain = :domain) AND subject > :after
           ORDER BY subject LIMIT :limit""",
        digest=email_digest,
        domain=domain,
        after=after,
        limit=limit,
    )


async def unmapped(runtime: StageRuntime, vocabulary: str, words: Vocabulary) -> list[Mapping[str, Any]]:
    """Sayings without a code, the most frequent first, at most 100. A lead keeps the code that its words had when it
    was captured, so those are left out for which `words`, the vocabulary as it stands, has a code by now.
    """
    rows = await runtime.query(
        """SELECT said, count(*) AS leads FROM unmapped_sayings WHERE vocabulary = :vocabulary
           GROUP BY said ORDER BY leads DESC, said LIMIT :read""",
        vocabulary=vocabulary,
        read=_SAYINGS_READ_MAX,
    )
    return [row for row in rows if words.lookup(row["said"]) is None][:_SAYINGS_MAX]


async def hold(
    runtime: StageRuntime, *, held_id: str, source_id: str, digest: str, reason: str, body: bytes, at: datetime
) -> None:
    """Keep a submission from which no lead can be made; the same one again changes nothing."""
    await runtime.keep(
        """INSERT INTO held (held_id, source_id, digest, reason, body, received_at)
           VALUES (:held_id, :source_id, :digest, :reason, :body, :at) ON CONFLICT (source_id, digest) DO NOTHING""",
        held_id=held_id,
        source_id=source_id,
        digest=digest,
        reason=reason,
        body=body,
        at=at,
    )


async def list_held(runtime: StageRuntime, *, source_id: str, after: str, limit: int) -> list[Mapping[str, Any]]:
    """What is held of a source, the newest last."""
    return await runtime.query(
        """SELECT held_id, source_id, reason, received_at, body FROM held
           WHERE source_id = :source_id AND held_id > :after ORDER BY held_id LIMIT :limit""",
        source_id=source_id,
        after=after,
        limit=limit,
    )
