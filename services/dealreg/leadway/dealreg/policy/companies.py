"""What a company is recognised by: its registrable domain, else its name without what varies in writing."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from leadway.facts.dealreg import CompanyMatch
from leadway.facts.terms import Company, Term

if TYPE_CHECKING:
    from tldextract import TLDExtract

# Legal forms as they stand at a name's end, folded; several may follow each other ("GmbH & Co. KG").
_LEGAL_FORM_WORDS: Final = """
    ab ag as asa aps bhd bv bvba co company corp corporation cv doo ead eood eurl ev gbr gmbh inc incorporated kft
    kg kgaa ks lda llc llp lp ltd limited ltda mbh nv ohg ood oy oyj plc pte pty pvt sa sab sapi sarl sas sasu sca
    scs sdn se sia sl slu snc sp spa spolka spzoo srl sro srls ug vof zrt
"""
_LEGAL_FORMS: Final = frozenset(_LEGAL_FORM_WORDS.split())
_PHRASES: Final = (
    (re.compile(r"\bsp(?:olka)?\s*z\s*o(?:graniczona)?\s*o(?:dpowiedzialnoscia)?$"), ""),
    (re.compile(r"\bs\s*r\s*o$"), ""),
    (re.compile(r"\bs\s*a\s*s?$"), ""),
    (re.compile(r"\bs\s*p\s*a$"), ""),
    (re.compile(r"\bs\s*r\s*l$"), ""),
    (re.compile(r"\bb\s*v$|\bn\s*v$"), ""),
    (re.compile(r"\bd\s*o\s*o$"), ""),
)
_DROPPED: Final = re.compile(r"[.'’`´]")
_SEPARATORS: Final = re.compile(r"[\W_]+")
# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# An address at one of these says where a person has a mailbox, not where they work.
_FREE_MAIL_DOMAINS: Final = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk icloud.com me.com
    aol.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de mail.com proton.me protonmail.com zoho.com
    yandex.ru mail.ru wp.pl o2.pl onet.pl interia.pl orange.fr free.fr laposte.net libero.it qq.com 163.com
    126.com
"""
_FREE_MAIL: Final = frozenset(_FREE_MAIL_DOMAINS.split())


def normalise_name(name: str | None) -> str | None:
    """A company's name as it is compared: folded, without accents, punctuation and legal form; None if none is left."""
    if not name:
        return None
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    letters = "".join(character for character in folded if not unicodedata.combining(character))
    text = _SEPARATORS.sub(" ", _DROPPED.sub("", letters.replace("&", " and "))).strip()
    for phrase, instead in _PHRASES:
        text = phrase.sub(instead, text).strip() or text
    words = text.split()
    # The first word stays whatever it is: a company may be called "Limited".
    while len(words) > 1 and words[-1] in _LEGAL_FORMS | {"and"}:
        words.pop()
    return " ".join(words) or None


def registrable_domain(domain: str | None) -> str | None:
    """The domain that a company registered, out of a host name or an address; None for none and for free-mail ones."""
    if not domain:
        return None
    found = _extractor()(domain.strip().lower()).top_domain_under_public_suffix
    return None if not found or found in _FREE_MAIL else found


@cache
def _extractor() -> TLDExtract:
    # Read on first use, from the list inside the package: nothing is fetched, and a start does not pay for it.
    from tldextract import TLDExtract  # noqa: PLC0415

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def match_of(company: Company) -> CompanyMatch | None:
    """What a company is recognised by; None where neither domain nor name is known. The domain is taken as it is."""
    name = normalise_name(company.name)
    if company.domain is None and name is None:
        return None
    country = company.country.upper() if company.country else None
    return CompanyMatch(domain=company.domain, name=name, country=country)


def product_key(product: Term | None) -> str | None:
    """What a product is compared by: its code, else what was said, folded; None where none is named."""
    if product is None:
        return None
    if product.code:
        return product.code
    said = " ".join((product.said or "").casefold().split())
    return said or None
