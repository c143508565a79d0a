"""What terms and codes are compared by."""

from __future__ import annotations

from leadway.facts.terms import Term


def term_key(term: Term | None) -> str | None:
    """A term's code, else what was said, without regard to case and blanks; None where nothing is named.

    Accents and punctuation count: without a code, "C++" and "C" are two products.
    """
    if term is None:
        return None
    return term.code or " ".join((term.said or "").casefold().split()) or None


def code_key(code: str) -> str:
    """How campaign codes are compared."""
    return code.strip().casefold()
