"""Companies, and words of a vocabulary, as every service answers with them. A field that does not apply is left out."""

from __future__ import annotations

from pydantic import BaseModel


class TermBody(BaseModel):
    """A word of a vocabulary: its code where one is known, and what was said."""

    code: str | None = None
    said: str | None = None


class CompanyBody(BaseModel):
    """The prospect's company. `domain` is registrable and never a free-mail one."""

    name: str | None = None
    domain: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    industry: TermBody | None = None
    employees: int | None = None
