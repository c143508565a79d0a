"""What a company is recognised by, as registrations compare it."""

from __future__ import annotations

from leadway.companies import company_key
from leadway.facts.dealreg import CompanyMatch
from leadway.facts.terms import Company


def match_of(company: Company) -> CompanyMatch | None:
    """What a company is recognised by; None where neither domain nor name is known. The domain is taken as it is."""
    name = company_key(company.name)
    if company.domain is None and name is None:
        return None
    country = company.country.upper() if company.country else None
    return CompanyMatch(domain=company.domain, name=name, country=country)
