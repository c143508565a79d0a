"""Companies' names, as they are compared."""

from __future__ import annotations

import re
from typing import Final

from leadway.words import fold

# Legal forms at a name's end, as they fold once dots are gone; several may follow each other ("GmbH & Co. KG").
_LEGAL_FORMS: Final = frozenset(
    """
    ab ag as asa aps bhd bv bvba co company corp corporation cv doo ead eood eurl ev gbr gmbh inc incorporated kft kg
    kgaa kk ks lda llc llp lp ltd limited ltda mbh nv ohg ood oy oyj plc pte pty pvt sa sab sapi sarl sas sasu sca scs
    sdn se sia sl slu snc sp spa spolka spzoo srl sro srls ug vof zrt
    """.split()  # noqa: SIM905  words in rows read better
)
_PHRASES: Final = re.compile(
    r" (?:sp(?:olka)? z ?o(?:graniczona)? ?o(?:dpowiedzialnoscia)?|s r o|s a s|s a|s p a|s r l|b v|n v|d o o|"
    r"sa de cv|s de rl de cv|sa de c v|kabushiki kaisha|gesellschaft mit beschrankter haftung)$"
)
_DOTS: Final = re.compile(r"[.'’`´]")


def company_key(name: str | None) -> str | None:
    """A company's name as it is compared: folded, without its legal form; None where nothing is left."""
    if not name:
        return None
    text = fold(_DOTS.sub("", name.replace("&", " and ")))
    words = (_PHRASES.sub("", text) or text).split()
    # The first word stays, whatever it is: a company may be called "Limited".
    while len(words) > 1 and (words[-1] in _LEGAL_FORMS or words[-1] == "and"):
        words.pop()
    return " ".join(words) or None
