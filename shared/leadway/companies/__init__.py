"""What a company is recognised by, in every service alike: the domain that it registered, else its name. Pure."""

from leadway.companies._domains import company_domain, is_free_mail, registrable_domain
from leadway.companies._names import company_key

__all__ = ["company_domain", "company_key", "is_free_mail", "registrable_domain"]
