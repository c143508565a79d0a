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
    126.com 139.com 163.com 189.cn 21cn.com aim.com alice.it aliyun.com arcor.de att.net azet.sk bell.net bellsouth.net
    bigpond.com bk.ru blueyonder.co.uk bluewin.ch bol.com.br btinternet.com btopenworld.com centrum.cz centrum.sk
    charter.net citromail.hu cox.net daum.net duck.com earthlink.net email.cz email.it eircom.net emailn.de excite.com
    fastmail.com fastmail.fm foxmail.com free.fr freemail.hu freenet.de gmx.net googlemail.com gawab.com globo.com
    globomail.com go2.pl hanmail.net hey.com hispeed.ch home.nl hushmail.com i.ua ig.com.br inbox.lv inbox.ru inbox.com
    indiatimes.com interia.eu interia.pl juno.com keemail.me kpnmail.nl kakao.com laposte.net libero.it list.ru
    live.be lycos.com mac.com mail.bg mail.com mail.de mail.ee mail.ru mailbox.org mailfence.com me.com msn.com
    mweb.co.za naver.com nate.com neuf.fr ngs.ru nifty.com ntlworld.com numericable.fr o2.pl onet.eu onet.pl op.pl
    online.de optonline.net optusnet.com.au orange.fr planet.nl pm.me poczta.fm post.cz posteo.de posteo.net proton.me
    protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz
    sfr.fr shaw.ca sina.cn sina.com skynet.be sky.com sohu.com spray.se sympatico.ca t-online.de t-online.hu
    talktalk.net telenet.be telia.com telus.net terra.com.br terra.es tin.it tiscali.it tiscali.co.uk tlen.pl tuta.com
    tuta.io tutamail.com tutanota.com tutanota.de ukr.net uol.com.br upcmail.nl verizon.net versatel.nl vip.qq.com
    virgilio.it virgin.net virginmedia.com vodafone.de vodafonemail.de volny.cz voila.fr walla.co.il walla.com wanadoo.fr web.de
    windowslive.com wp.eu wp.pl xs4all.nl xtra.co.nz yeah.net ya.ru zoho.com zohomail.com ziggo.nl zonnet.nl zoznam.sk
    chello.at chello.nl aon.at a1.net inode.at eclipso.de freemail.de hotmail.de kabelmail.de comcast.net frontier.com
    windstream.net mindspring.com netscape.net cableone.net gmx.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp
    i.softbank.jp ocn.ne.jp biglobe.ne.jp
    """.split()  # noqa: SIM905  words in rows read better
)


def is_free_mail(domain: str) -> bool:
    """Whether people who work anywhere have mailboxes at this domain (in lower-case ASCII)."""
    return domain in FREE_MAIL or domain.partition(".")[0] in _ANYWHERE


def company_domain(said: str | None) -> str | None:
    """The registrable domain out of a domain, a host or an address of a page; None for none and for free-mail ones."""
    host = _host(said) if said else None
    if host is None:
        return None
    found = _suffixes().privatesuffix(host)
    return None if not found or is_free_mail(found) else found


def _host(said: str) -> str | None:
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
