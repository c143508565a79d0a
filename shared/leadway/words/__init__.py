"""How words are compared that people write in many ways, in every service alike. Pure."""

from leadway.words._fold import fold, squeezed
from leadway.words._terms import code_key, term_key

__all__ = ["code_key", "fold", "squeezed", "term_key"]
