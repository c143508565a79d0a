"""What ingest can work out without asking anybody: reading payloads, and putting what they say into normal form."""

from leadway.ingest.policy.companies import company_key, employees
from leadway.ingest.policy.countries import country_code
from leadway.ingest.policy.currencies import CURRENCIES, known_currency
from leadway.ingest.policy.domains import company_domain, is_free_mail
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
from leadway.ingest.policy.vocabulary import Vocabulary, clashes, code_key, resolve_campaign

__all__ = [
    "CURRENCIES",
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
    "code_key",
    "company_domain",
    "company_key",
    "country_code",
    "e164",
    "email_domain",
    "employees",
    "is_free_mail",
    "known_currency",
    "normalise_email",
    "resolve_campaign",
]
