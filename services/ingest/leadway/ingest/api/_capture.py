"""From a submission as read to the command that captures it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from leadway.facts.ingest import SourceChanged
from leadway.facts.personal import Person, SubmissionDetails
from leadway.facts.terms import Company, Consent
from leadway.ingest.decider import Capture
from leadway.ingest.policy.submission import CompanySaid, Submission
from leadway.words import fold

_ASSET_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True)
class Digests:
    """Keyed digests of what identifies people and submissions: useless without the deployment's key."""

    secret: bytes

    def of(self, text: str) -> str:
        """128 bits of HMAC-SHA256, in hex."""
        return hmac.digest(self.secret, text.encode(), "sha256").hex()[:32]

    def email(self, email: str) -> str:
        """The identity of the person behind a normalised e-mail."""
        return self.of(f"email\n{email}")


def capture_of(source: SourceChanged, submission: Submission, digests: Digests, received_at: datetime) -> Capture:
    """The command; its second half is filled in under the lock."""
    person = submission.person
    email = person.email or ""
    email_digest = digests.email(email)
    key = submission.submission_key
    submission_digest = digests.of(f"{source.entity_id}\n{key}") if key else None
    touch = submission.touch
    return Capture(
        source_id=source.entity_id,
        origin=submission.origin or source.origin,
        brought_by=source.partner_id if (submission.origin or source.origin) != "vendor" else None,
        email_digest=email_digest,
        submission_digest=submission_digest,
        company=company_of(submission.company),
        domain=submission.company.domain,
        product_said=submission.product,
        industry_said=submission.company.industry,
        campaigns_said=submission.campaigns_said(source.campaign),
        touch_kind=touch.kind,
        asset=asset_code(touch.asset),
        occurred_at=submission.occurred_at,
        consent=tuple(Consent(purpose=c.purpose, granted=c.granted, at=c.at) for c in submission.consent),
        details=SubmissionDetails(
            person=Person(
                email=email,
                first_name=person.first_name,
                last_name=person.last_name,
                phone=person.phone or person.phone_said,
            ),
            email_digest=email_digest,
            submission_digest=submission_digest,
            url=touch.url,
            asset=touch.asset,
            fields=submission.fields,
            consent_texts={c.purpose: c.text for c in submission.consent if c.text},
            received_at=received_at,
        ),
    )


def company_of(said: CompanySaid) -> Company:
    """The company as facts carry it; its industry is looked up under the lock."""
    return Company(
        name=said.name,
        domain=said.domain,
        country=said.country,
        region=said.region,
        city=said.city,
        postal_code=said.postal_code,
        employees=said.employees,
    )


def asset_code(said: str | None) -> str | None:
    """An asset's title as a code-like name: `Buyer's guide, 2nd ed.` is `buyer-s-guide-2nd-ed`."""
    if not said:
        return None
    return fold(said).replace(" ", "-")[:_ASSET_CHARACTERS_MAX] or None
