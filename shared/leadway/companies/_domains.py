"""Domains of companies."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_HOST_LENGTH_MAX: Final = 253
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})")
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://")
# An address at one of these says where a person has a mailbox, not where they work. Every name under which a provider
# of personal mailboxes gives out addresses; several of them in many countries.
_ANYWHERE: Final = "gmail googlemail hotmail outlook live yahoo ymail rocketmail aol icloud gmx yandex".split()  # noqa: SIM905  words in rows read better
FREE_MAIL: Final = frozenset(
    """
    126.com 139.com 163.com 189.cn 21cn.com a1.net aim.com alice.it aliyun.com aon.at arcor.de att.net azet.sk bell.net
    bellsouth.net biglobe.ne.jp bigpond.com bk.ru bluewin.ch blueyonder.co.uk bol.com.br btinternet.com btopenworld.com
    cableone.net centrum.cz centrum.sk charter.net chello.at chello.nl citromail.hu comcast.net cox.net daum.net
    docomo.ne.jp duck.com earthlink.net eclipso.de eircom.net email.cz email.it emailn.de excite.com ezweb.ne.jp
    fastmail.com fastmail.fm foxmail.com free.fr freemail.de freemail.hu freenet.de frontier.com gawab.com globo.com
    globomail.com gmx.com gmx.net go2.pl googlemail.com hanmail.net hey.com hispeed.ch home.nl hotmail.de hushmail.com
    i.softbank.jp i.ua ig.com.br inbox.com inbox.lv inbox.ru indiatimes.com inode.at interia.eu interia.pl juno.com
    kabelmail.de kakao.com keemail.me kpnmail.nl laposte.net libero.it list.ru live.be lycos.com mac.com mail.bg
    mail.com mail.de mail.ee mail.ru mailbox.org mailfence.com me.com mindspring.com msn.com mweb.co.za nate.com
    naver.com netscape.net neuf.fr ngs.ru nifty.com ntlworld.com numericable.fr o2.pl ocn.ne.jp onet.eu onet.pl
    online.de op.pl optonline.net optusnet.com.au orange.fr planet.nl pm.me poczta.fm post.cz posteo.de posteo.net
    proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rogers.com runbox.com sapo.pt sbcglobal.net
    seznam.cz sfr.fr shaw.ca sina.cn sina.com sky.com skynet.be softbank.ne.jp sohu.com spray.se sympatico.ca
    t-online.de t-online.hu talktalk.net telenet.be telia.com telus.net terra.com.br terra.es tin.it tiscali.co.uk
    tiscali.it tlen.pl tuta.com tuta.io tutamail.com tutanota.com tutanota.de ukr.net uol.com.br upcmail.nl verizon.net
    versatel.nl vip.qq.com virgilio.it virgin.net virginmedia.com vodafone.de vodafonemail.de voila.fr volny.cz
    walla.co.il walla.com wanadoo.fr web.de windowslive.com windstream.net wp.eu wp.pl xs4all.nl xtra.co.nz ya.ru
    yeah.net ziggo.nl zoho.com zohomail.com zonnet.nl zoznam.sk
    """.split()  # noqa: SIM905  words in rows read better
)


def is_free_mail(domain: str) -> bool:
    """Whether people who work anywhere have mailboxes at this domain (in lower-case ASCII)."""
    return domain in FREE_MAIL or domain.partition(".")[0] in _ANYWHERE


def registrable_domain(said: str | None) -> str | None:
    """The domain that somebody registered, out of a domain, a host or an address of a page or mailbox; None for none.

    A top-level domain that the list does not know counts as one: new ones come, and companies inside use their own.
    """
    host = _host(said) if said else None
    return (_suffixes().privatesuffix(host) or None) if host else None


def company_domain(said: str | None) -> str | None:
    """The registrable domain that tells a company; None for none and for those where anybody has a mailbox."""
    found = registrable_domain(said)
    return None if found is None or is_free_mail(found) else found


def _host(said: str) -> str | None:
    if len(said) <= _HOST_LENGTH_MAX and _HOST.fullmatch(said):
        return said  # as the domain of a normalised e-mail is
    text = _SCHEME.sub("", said.strip().lower())
    host = re.split(r"[/?#\s]", text, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].rstrip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return None
    return host if len(host) <= _HOST_LENGTH_MAX and _HOST.fullmatch(host) else None


@cache
def _suffixes() -> PublicSuffixList:
    # The list comes with the package: nothing is fetched. Read when the first domain is met.
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

    return PublicSuffixList()
