"""What `check` knows by heart: words and domains, tables only.

References
----------
Reserved domains: RFC 2606, RFC 6761, RFC 6762 (``.local``), RFC 7686 (``.onion``), ICANN 2024-07-29 (``.internal``).
Mailboxes of a function: RFC 2142 names the English ones of the first line; the others are what company websites show.
Free-mail and throw-away domains: facts about their providers.
"""

from __future__ import annotations

from typing import Final

__all__: list[str] = []


def _listed(text: str) -> tuple[str, ...]:
    """Split a text into its words."""
    return tuple(text.split())


RESERVED_DOMAIN: Final = (
    r"(?:\A|\.)(?:test|example|invalid|localhost|local|localdomain|internal|onion|example\.(?:com|net|org))\z"
)

# Local parts, as RE2 writes them, that stand where somebody gave no address, at whatever domain.
PLACEHOLDERS: Final = (
    r"test(?:er|ing|test|user|mail|email)?[0-9]*",
    r"(?:do[._-]?not|no)[._-]?reply[0-9]*",
    r"no[._-]?(?:e-?)?mail[0-9]*",
    r"not?[._-]?(?:provided|available|applicable|given)",
    r"(?:asdf)+(?:g?h?j?k?l?)|qwert[yz]?(?:uiop)?|azerty|zxcvb?n?m?",
    r"x{3,}|" + "|".join(f"{letter}{{4,}}" for letter in "abcdefghijklmnopqrstuvwyz"),
    r"none|null|undefined|unknown|nobody|somebody|someone|anonymous|invalid|dummy|fake|placeholder|example",
    r"name|user|user[._-]?name|your[._-]?(?:name|e?-?mail|address)|e?-?mail[._-]?address",
    r"first(?:[._-]?name)?[._-]?last(?:[._-]?name)?|first[._-]?name|last[._-]?name",
    r"vorname[._-]nachname|prenom[._-]nom|nombre[._-]apellidos?|nome[._-]cognome",
)
# The same, only where the domain says it again (a@a.com): elsewhere they may be initials.
TWICE: Final = frozenset(
    _listed("""
    a aa aaa abc abcd ab asd asdf bar bla blah company demo domain email fake foo mail me my na name no none nomail
    noemail qwe sample test user x xx xxx xy xyz you 1 11 111 12 123 1234 12345 123456
    """)
)
PLACEHOLDER_DOMAINS: Final = frozenset(
    _listed("""
    asdf.com blah.com domain.com fake.com fakemail.com mydomain.com no-email.com noemail.com nodomain.com nomail.com
    none.com test.com test.de test.fr test.net test.org unknown.com yourcompany.com yourdomain.com
    your-domain.com yourmail.com
    """)
)

ROLES: Final = _listed("""
    info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp
    accounting accounts accountspayable accountsreceivable admin administration administrator all-staff billing
    board booking bookings careers clientservices comms communications compliance contact contactus contracts
    contact-us customer-service customercare customerservice customersupport datenschutz dpo editor email enquiries
    enquiry events everyone facilities feedback finance frontdesk fundraising general hello help helpdesk hi hiring
    hr humanresources inbox inquiries inquiry invest investors invoice invoices invoicing it itsupport jobs legal
    list logistics mail mailer-daemon mailbox management media membership newsletter newsroom office operations
    order orders partners partnerships payments payroll pr press privacy procurement production purchasing reception
    recruiting recruitment rental reply reservations returns root sale secretary service services shipping shop
    staff sysadmin talent team tech techsupport tickets warehouse web website welcome anfrage bestellung bewerbung
    buchhaltung buero einkauf empfang hallo karriere kontakt kundenservice personal post presse rechnung rechnungen
    sekretariat verkauf vertrieb verwaltung zentrale accueil achats commercial comptabilite contacts direction
    facturation recrutement secretariat serviceclient administracion atencionalcliente atendimento clientes
    comercial compras contabilidad contabilidade contacto contato empleo facturacion financeiro informacion pedidos
    prensa reservas rrhh suporte ventas vendas amministrazione assistenza commerciale contatti direzione
    fatturazione ordini segreteria ufficio vendite boekhouding inkoop klantenservice receptie verkoop biuro
    sekretariat
""")
# Functions that companies split further: info.berlin@, sales-emea@.
SPLIT_ROLES: Final = ("info", "sales", "support", "office")

# Those so much used, and with so long a name, that a domain one slip away is a slip: mail.com is no gmail.com.
OFTEN_MISTYPED: Final = _listed("""
    gmail.com googlemail.com yahoo.com hotmail.com outlook.com icloud.com protonmail.com comcast.net verizon.net
    sbcglobal.net bellsouth.net btinternet.com rediffmail.com t-online.de wanadoo.fr laposte.net yandex.ru
    yahoo.co.in yahoo.co.uk yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it hotmail.co.uk hotmail.de hotmail.es
    hotmail.fr hotmail.it
""")

# The best-known ones only; `pip install 'cleanlist-pandas[lists]'` brings ten thousand, kept up to date by others.
DISPOSABLE_DOMAINS: Final = frozenset(
    _listed("""
    10minutemail.com 1secmail.com 20minutemail.com byom.de discard.email dispostable.com dropmail.me emailfake.com
    emailondeck.com emltmp.com fakeinbox.com fakemail.net getairmail.com getnada.com grr.la guerrillamail.biz
    guerrillamail.com guerrillamail.de guerrillamail.net guerrillamail.org guerrillamailblock.com incognitomail.com
    inboxkitten.com jetable.org mail-temporaire.fr mailcatch.com maildrop.cc mailexpire.com mailinator.com
    mailinator.net mailnesia.com mailnull.com mailpoof.com mailsac.com mintemail.com minuteinbox.com moakt.com
    mohmal.com mytemp.email nada.email sharklasers.com spam4.me spambox.us spamex.com spamgourmet.com temp-mail.io
    temp-mail.org tempail.com tempinbox.com tempmail.com tempmail.net tempmailo.com tempr.email throwawaymail.com
    trash-mail.com trashmail.com trashmail.de trashmail.net wegwerfmail.de yopmail.com yopmail.fr yopmail.net
    """)
)

# Letters of other alphabets that are drawn as a Latin one; those that merely resemble one would accuse honest words.
LOOK_ALIKES: Final = dict(
    zip(
        "асеорхуіԁһјӏԛѕԝѵ" + "АВЕЅІЈКМНОРСТУХ" + "αγικνορυχ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "օսհոց",
        "aceopxyidhjlqswv" + "abesijkmhopctyx" + "ayikvopux" + "abezhikmnoptyx" + "ouhng",
        strict=True,
    )
)
