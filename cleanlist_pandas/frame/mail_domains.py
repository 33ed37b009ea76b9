"""Mail domains and what kind they are: an address at a free-mail host is found less often than one at a company."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FREE_MAIL", "DomainClass", "classify", "classify_domains"]

_NAMES: Final = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com rocketmail.com icloud.com
    me.com mac.com aol.com aim.com mail.com email.com gmx.com gmx.net gmx.de gmx.at gmx.ch web.de t-online.de
    freenet.de posteo.de mailbox.org proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com fastmail.fm
    hey.com zoho.com yandex.com yandex.ru mail.ru inbox.ru list.ru bk.ru rambler.ru qq.com 163.com 126.com sina.com
    foxmail.com naver.com daum.net hanmail.net rediffmail.com orange.fr wanadoo.fr free.fr laposte.net sfr.fr
    neuf.fr libero.it virgilio.it tiscali.it alice.it bluewin.ch hotmail.co.uk hotmail.fr hotmail.de hotmail.it
    hotmail.es live.co.uk live.fr live.nl outlook.fr outlook.de outlook.es outlook.it yahoo.co.uk yahoo.fr yahoo.de
    yahoo.it yahoo.es yahoo.co.in yahoo.com.br yahoo.co.jp yahoo.ca btinternet.com sky.com virginmedia.com
    ntlworld.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net
    juno.com shaw.ca rogers.com sympatico.ca bigpond.com optusnet.com.au uol.com.br bol.com.br terra.com.br
    ig.com.br wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz ziggo.nl kpnmail.nl planet.nl telenet.be skynet.be
    telia.com
"""
FREE_MAIL: Final = frozenset(_NAMES.split())
"""Hosts that give an address to anybody; written down for this project, 2026-11."""


class DomainClass(IntEnum):
    """What kind of domain an address is at."""

    BUSINESS = 0
    FREE_MAIL = 1


def classify(addresses: pa.LargeStringArray) -> npt.NDArray[np.int8]:
    """Return each normalised address's `DomainClass`."""
    domains: Any = pc.replace_substring_regex(addresses, r"\A[^@]*@", "")
    return classify_domains(domains)


def classify_domains(domains: pa.LargeStringArray) -> npt.NDArray[np.int8]:
    """Return each domain's `DomainClass`."""
    free = pc.is_in(domains, pa.array(sorted(FREE_MAIL), pa.large_string()))
    return np.asarray(free).astype(np.int8)
