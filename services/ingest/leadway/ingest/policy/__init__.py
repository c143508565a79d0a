"""What ingest can work out without asking anybody: reading payloads, and putting what they say into normal form."""

from leadway.ingest.policy.companies import employees
from leadway.ingest.policy.countries import country_code
from leadway.ingest.policy.emails import email_domain, normalise_email
from leadway.ingest.policy.phones import e164
from leadway.ingest.policy.refusals import BadPayload, UnreadablePayload
from leadway.ingest.policy.submission import (
    Accepted,
    CampaignCode,
    CompanySaid,
    ConsentSaid,
    Held,
    Ignored,
    PersonSaid,
    Reading,
    Row,
    RowError,
    Submission,
    TouchSaid,
    Utm,
)
from leadway.ingest.policy.vocabulary import Vocabulary, clashes, resolve_campaign

__all__ = [
    "Accepted",
    "BadPayload",
    "CampaignCode",
    "CompanySaid",
    "ConsentSaid",
    "Held",
    "Ignored",
    "PersonSaid",
    "Reading",
    "Row",
    "RowError",
    "Submission",
    "TouchSaid",
    "UnreadablePayload",
    "Utm",
    "Vocabulary",
    "clashes",
    "country_code",
    "e164",
    "email_domain",
    "employees",
    "normalise_email",
    "resolve_campaign",
]
