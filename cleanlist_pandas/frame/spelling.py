"""One spelling for names, titles and phone numbers that only look different, to compare them by; never shown."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.frame.addresses import trim

__all__ = ["fold", "fold_company", "fold_phone"]

Texts = pa.LargeStringArray
_compute: Final[Any] = pc  # its stubs lack utf8_normalize
_EMPTY: Final = pa.scalar("", pa.large_string())

_WORDS: Final = (
    ("ß", "ss"),
    ("&", " and "),
    (r"[\x{0300}-\x{036f}.'’`]", ""),  # marks of Latin letters; in other scripts marks are vowels and stay
    (r"[^\p{L}\p{M}\p{N}+#]+", " "),  # C, C++ and C# are three
)
_DIGITS: Final = (
    (r"\A(\d+)\.0\z", r"\1"),  # 15550100.0, read beside gaps, was written 15550100
    (r"\(0\)", ""),
    (r"\D+", ""),
    (r"\A00", ""),
)

# As `_WORDS` leaves them.
_LEGAL_FORMS: Final = (
    "inc|incorporated|corp|corporation|co|company|llc|llp|lllp|lp|pllc|plc|ltd|limited|ulc|pty|pte|pvt|bhd|sdn"
    "|gmbh|mbh|ggmbh|ag|kg|kgaa|ohg|gbr|ug|haftungsbeschrankt|eg|ek|ev|se|sa|sas|sasu|sarl|eurl|snc|scs"
    "|spa|srl|srls|sl|slu|sau|cv|bv|nv|vof|bvba|cvba|ab|as|asa|aps|oy|oyj|sro|zrt|nyrt|kft|doo|dd|ad|ood|eood"
    "|sia|uab|ltda|lda|sgps|eireli|ooo|oao|zao|pao|jsc|pjsc|ojsc|kk|gk|tbk|fze|fzco|wll"
    "|and co|and company|de cv|private limited|private ltd|sp z oo|spol s ro|a s|s a|fz llc"
)
_LEGAL_END: Final = rf"\A(?:the )?(.+?)(?: (?:{_LEGAL_FORMS}))*\z"


def fold(text: Texts) -> Texts:
    """Write texts without case, accents, punctuation and spaces; as they are where nothing is left.

    Examples
    --------
    >>> import pyarrow as pa
    >>> fold(pa.array(["VP, R & D", "vp  r&d", "C++", "C#"], pa.large_string())).to_pylist()
    ['vprandd', 'vprandd', 'c++', 'c#']
    """
    return _close(_words(text), text)


def fold_company(text: Texts) -> Texts:
    """Do as `fold` and leave out the legal form at the end of a company's name.

    Examples
    --------
    >>> import pyarrow as pa
    >>> fold_company(pa.array(["Acme, Inc.", "ACME", "Acme GmbH & Co. KG", "Acme Labs"], pa.large_string())).to_pylist()
    ['acme', 'acme', 'acme', 'acmelabs']
    """
    return _close(_replace(trim(_words(text)), ((_LEGAL_END, r"\1"),)), text)


def fold_phone(text: Texts) -> Texts:
    """Write phone numbers as their digits; as they are where there are none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> fold_phone(pa.array(["+49 (0)30 1234", "0049-30-1234", "ask"], pa.large_string())).to_pylist()
    ['49301234', '49301234', 'ask']
    """
    return _close(_replace(text, _DIGITS), text)


def _words(text: Texts) -> Texts:
    """Write words without case, accents and punctuation, a space between them."""
    return _replace(_compute.utf8_lower(_compute.utf8_normalize(text, "NFKD")), _WORDS)


def _replace(text: Texts, patterns: tuple[tuple[str, str], ...]) -> Texts:
    """Replace patterns one after the other."""
    for pattern, instead in patterns:
        text = pc.replace_substring_regex(text, pattern, instead)
    return text


def _close(folded: Texts, text: Texts) -> Texts:
    """Drop all spaces; give the text itself where nothing is left."""
    folded = pc.replace_substring(folded, " ", "")
    kept: Texts = pc.if_else(pc.equal(folded, _EMPTY), text, folded)
    return kept
