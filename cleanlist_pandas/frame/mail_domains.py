"""Mail domains and what kind they are: an address at a free-mail host is found less often than one at a company."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FREE_MAIL", "DomainClass", "classify", "classify_domains", "domains_of"]

_COUNTRIES: Final = {
    "yahoo": "com at be ca ch co.id co.in co.jp co.nz co.th co.uk co.za com.ar com.au com.br com.hk com.mx com.ph "
    "com.sg com.tr com.tw com.vn de dk es fr gr ie in it nl no pl ro se",
    "hotmail": "com at be ca ch co.il co.jp co.nz co.uk co.za com.ar com.au com.br com.tr cz de dk es fi fr gr hu it "
    "lt nl no rs se sk",
    "live": "com at be ca cl cn co.uk co.za com.ar com.au com.mx com.pt de dk fr ie in it jp nl no ru se",
    "outlook": "com at be cl co.id co.il co.th com.ar com.au com.br com.gr com.tr com.vn cz de dk es fr hu ie in it "
    "jp kr lv my ph pt sa sg sk",
    "gmx": "com at ch co.uk de es fr info net org us",
    "aol": "com co.uk de fr it jp",
    "yandex": "by com com.tr kz ru ua",
}
_PROVIDERS: Final = """
    gmail.com googlemail.com ymail.com rocketmail.com msn.com passport.com windowslive.com icloud.com me.com mac.com
    aim.com proton.me protonmail.ch protonmail.com pm.me mail.com email.com usa.net fastmail.com fastmail.fm hey.com
    hushmail.com inbox.com tuta.io tutamail.com tutanota.com tutanota.de zoho.com zohomail.com duck.com web.de
    t-online.de freenet.de arcor.de email.de mail.de posteo.de mailbox.org online.de vodafone.de mail.ru bk.ru
    inbox.ru list.ru ya.ru rambler.ru ukr.net i.ua seznam.cz centrum.cz email.cz wp.pl o2.pl onet.pl interia.pl
    qq.com 163.com 126.com 139.com sina.com sohu.com yeah.net foxmail.com naver.com daum.net hanmail.net orange.fr
    wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it alice.it tin.it tiscali.it
    bluewin.ch chello.at telenet.be skynet.be ziggo.nl kpnmail.nl xs4all.nl planet.nl home.nl uol.com.br bol.com.br
    terra.com.br ig.com.br rediffmail.com btinternet.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net
    juno.com shaw.ca sympatico.ca bigpond.com optusnet.com.au xtra.co.nz
"""
FREE_MAIL: Final = frozenset(
    [f"{name}.{ending}" for name, endings in _COUNTRIES.items() for ending in endings.split()]
).union(_PROVIDERS.split())
"""Hosts that give an address to anybody: facts about their providers, written down 2026-11."""


class DomainClass(IntEnum):
    """What kind of domain an address is at."""

    BUSINESS = 0
    FREE_MAIL = 1


def classify(addresses: pa.LargeStringArray) -> npt.NDArray[np.int8]:
    """Return each normalised address's `DomainClass`."""
    return classify_domains(domains_of(addresses))


def domains_of(addresses: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return each normalised address's domain."""
    domains: pa.LargeStringArray = pc.replace_substring_regex(addresses, r"\A[^@]*@", "")
    return domains


def classify_domains(domains: pa.LargeStringArray) -> npt.NDArray[np.int8]:
    """Return each domain's `DomainClass`."""
    free = pc.is_in(domains, pa.array(sorted(FREE_MAIL), pa.large_string()))
    return np.asarray(free).astype(np.int8)
