"""Which words of a job title say which level: tables only, `seniority` reads them.

The words stand as `seniority` spells a title: lower-case letters without accents, a comma between roles, ``&`` for
"and" in any of the languages, ``_`` for a letter of another script. In them

- `` | `` parts alternatives, each of whole words; ``(a|b)``, ``[ao]``, ``?`` and ``+`` are as in regular expressions;
- ``~`` is any ending or beginning: ``leiter~`` is Leiter and Leiterin, ``~leiter`` a Vertriebsleiter too;
- ``...`` is the rest of the role, ``...&`` also what "and" adds to it; ``^`` starts a title, ``$`` ends a role.

The rules are tried in order. What a rule matches is taken out of the title, so that no later rule reads it again:
that is why a vice president is no president. Of the levels found the highest counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cleanlist_pandas.services.title_crafts import CRAFTS

__all__ = ["RULES", "Rule"]


class Rule(NamedTuple):
    """Words, the level they say (None: they say nothing and are taken out), and a title they decide."""

    level: str | None
    words: str
    example: str


_CONTRIBUTOR: Final = "individual_contributor"

_C_SUITE: Final = "c(eo|to|fo|oo|mo|ro|io|po|co|do|so|lo|ao|bo|go|no|qo|xo|iso|hro|ino|pto|sco|dto|mio)"
_RANK: Final = (
    f"({_C_SUITE}|c level|chief|president|chair~|vp|svp|evp|vice|md|managing|executive|senior|general|director|board"
    "|founder|owner|head|partner)"
)
_OF: Final = "( (of|to|for|de|d|du|des|del|della|di|do|da|der|an|au|alla|al|a|la|le|il|l|van|voor|von|fur|het|the))+"
_TOP: Final = (
    "(geschaftsfuhr~|geschaftsleit~|vorstand~|aufsichtsrat~|direktion|prasident~|presiden~|direction|direzione"
    "|direccion|direcao|diretoria|directoire|directie|raad van [a-z]+|comite [a-z]+|codir|comex|conseil~|consejo"
    f"|consiglio|conselho|junta directiva|pdg|dg|{_C_SUITE})"
)
_ASSISTANT: Final = "(~ass?ist[ae]nt~|~secretar~|~segretar~|~sekretar~)"
_DIRECTOR: Final = "(director|directora|diretor|diretora|directeur|directrice|direttore|direttrice)"

# Read first: people who no longer are, do not yet, or only work for or with those whom the words name.
_AROUND: Final = (
    Rule(
        None,
        "(ex|former|formerly|past|previously|retired|aspiring|ancien|ancienne|ehem|ehemal~|voormalig~"
        "|antigu[oa]) ...& | ...& ,? ?(retired|former|im ruhestand) $",
        "Former CEO",
    ),
    Rule(
        "c_level",
        "generalsekretar~ | (secretary|secretaire|secretari[oa]|segretari[oa]) generale? | general secretary",
        "Generalsekretär",
    ),
    Rule(_CONTRIBUTOR, "(company|corporate) secretary | physician assistant", "Company Secretary"),
    # An assistant, whoever it is to.
    Rule(
        "entry",
        f"{_ASSISTANT}{_OF} ...& | ~[a-z]assistent~ ...& | ~(assistenz|sekretariat) ...&"
        " | assistent~ (geschaft|vorstand|direk|leit)~ ...&"
        f" | (executive|personal|virtual|{_C_SUITE}|director|management) (assistant|secretary)"
        f"({_OF} ...&)?( ?,? ?({_C_SUITE}|president))? | (ea|pa|aide|adjunt[oa]|adjointe?){_OF} ...& | ^ (ea|pa) $",
        "Assistant to the Managing Director",
    ),
    # A seat on the board is the top of the company; a seat beside it is advice.
    Rule(_CONTRIBUTOR, "(member of (the )?)?advisory board( member)? | board (advis[eo]r|observer)", "Board Advisor"),
    Rule(
        "c_level",
        f"(mitglied|vorsitz~|sprecher~|lid|membre|miembro|membro|presidente?|voorzitter)({_OF})? {_TOP}"
        " | (member of the )?(executive|supervisory|management) board | member of the board"
        " | chef(fe)? de la direction | board of directors | board (member|director)"
        " | (non executive|independent) director | aufsichtsrat~ | raad van bestuur",
        "Mitglied der Geschäftsleitung",
    ),
    # Another noun follows: it is about those people.
    Rule(
        None,
        f"({_C_SUITE}|founder|owner|partner|student|graduate|intern|internship|trainee|apprentice|apprenticeship"
        "|volunteer|executive) (relations?|services|success|magazine|club|network|community|affairs|programs?"
        "|programmes?|recruitment|recruiting|engagement|experience|life|office|admissions|liaison|school|search)"
        " | (thought|market) leader | lead gen(eration)? | head (office|start)"
        " | socio (educ|cultur|econom|profession)~",
        "Founder Success Manager",
    ),
    Rule(None, f"(to|for|office of) ((the|our|group|deputy) )*{_RANK} ...&", "Strategist, Office of the CFO"),
    Rule(None, f"(der|des|fur (die|den)|de|de la|du|della|di|da|do|van de) {_TOP}", "Referent der Geschäftsführung"),
)

# Words of a rank in the name of a craft.
_CRAFTS: Final = (
    Rule(
        _CONTRIBUTOR,
        "(product|process|service|system|data|application|platform|risk|control|solution) owner | home ?owner~",
        "Product Owner",
    ),
    # A partner of the firm owns a part of it; every other partner serves a department or a client.
    Rule(
        "owner",
        "(founding|managing|senior|equity|general|name|audit|tax|law|litigation|advisory|consulting|investment"
        "|venture|corporate|law firm) partner | ^ partner( of ...| in ...)? $ | [,&] ?partner $ | vennoot",
        "Senior Partner",
    ),
    Rule("director", "(associate|junior) partner", "Associate Partner"),
    Rule(_CONTRIBUTOR, "(lead )?business partner~ | [a-z]+ partner $ | hrbp", "HR Business Partner"),
    Rule(
        _CONTRIBUTOR,
        "(art|casting|photography) director | director of photography | direct(eur|rice) artistique"
        f" | {_DIRECTOR} (de arte|de fotografia|de la photographie|artistic[oa])",
        "Art Director",
    ),
    Rule(_CONTRIBUTOR, "cro (specialist|consultant|analyst|expert|strategist)", "CRO Specialist"),
    Rule(_CONTRIBUTOR, f"({_C_SUITE}|executive|leadership|business|founder) coach", "CEO Coach"),
    Rule(
        _CONTRIBUTOR,
        "(senior|managing|principal) associate | associate (attorney|counsel) | (associate|assistant) professor",
        "Senior Associate",
    ),
    Rule(
        _CONTRIBUTOR,
        "head ?hunter~ | ~begleit(er|erin|ung) | ~begeleid(er|ster) | (reise|kurs)leiter~"
        " | chef de (partie|rang|cuisine) | (entrepreneur|executive) in residence",
        "Zugbegleiterin",
    ),
    Rule(
        "manager",
        "head ([a-z]+ )?([a-z]+ )?(coach|chef|cook|waiter|waitress|nurse) | (executive|sous) chef"
        " | gerante? (de|d) (portefeuilles?|patrimoine|immeubles?|fonds|caisse|restauration|magasin)",
        "Head Chef",
    ),
    Rule(
        "director",
        "chief of staff | chef de cabinet | direct(eur|rice) de cabinet | jefe de gabinete | stabschef~"
        " | editor (in )?chief | chefredakt~ | redact~ & chef | (department|division|program) chair",
        "Chief of Staff",
    ),
)

# Still learning, whatever they learn: it says more than the rank beside it.
_LEARNERS: Final = (
    Rule(
        "entry",
        "... (intern|interns|trainee|apprentice|student(in|e)?|volunteer|graduate|undergraduate|junior|jr) $"
        " | (junior~|jr|intern|trainee|apprentice|graduate|entry level) ... | (phd|mba) candidate"
        " | student (assistant|worker)",
        "Marketing Manager Intern",
    ),
    Rule(
        "entry",
        "... (praktikant~|praktikum|~werkstudent~|auszubildend~|azubi|volontar(in)?|doktorand(in)?|dual~ student~"
        "|ausbildung zu[mr]) ...",
        "Werkstudent (m/w/d) Vertrieb",
    ),
    Rule(
        "entry",
        "[a-z0-9_ &]+& (alternance|apprentissage|stage) ...&"
        " | ... (stagiaires?|alternante?|apprentie?|etudiante?|stagiair) ...",
        "Chargé de communication en alternance",
    ),
    Rule(
        "entry",
        "... (becari[oa]|practicas|practicante|pasante|aprendi[zs]|estudiante|estagiari[oa]|estagio|estudante) ...",
        "Becario",
    ),
    Rule("entry", "... (tirocinante|tirocinio|stagista|apprendista|studente(ssa)?|leerling) ...", "Stagista"),
)

_OWNERS: Final = (
    Rule(
        "owner",
        "(co ?)?owner | (co ?)?founder | entrepreneur | self employed | sole (trader|proprietor)",
        "Co-Founder & CTO",
    ),
    Rule(
        "owner",
        "(mit)?inhaber~ | (mit)?eigentumer~ | (mit)?grunder(in)? | (geschaftsfuhr~ )?gesellschafter~"
        " | ~unternehmer(in)? | selbsts?tandige?r? $",
        "Geschäftsführender Gesellschafter",
    ),
    Rule("owner", "(co ?)?fondat(eur|rice|ore) | proprietaire | associee? | chef d entreprise", "Associé fondateur"),
    Rule("owner", "(co ?)?fundador~ | propietari[oa] | duen[oa] | soci[oa] | empresari[oa]", "Socio Fundador"),
    Rule("owner", "titolare | imprendit(ore|rice) | proprietari[oa] | dono", "Titolare"),
    Rule(
        "owner",
        "(mede ?)?(eigenaar|eigenares|oprichter|oprichtster) | ondernemer | directeur grootaandeelhouder",
        "Mede-oprichter",
    ),
)

_TOP_MANAGEMENT: Final = (
    Rule(
        "vp",
        "((senior|executive|assistant|assoc|associate|corporate|group) )?(vice pres~|[asefgr]?vp) | v p"
        " | vize ?prasident~ | vicepresident~",
        "Senior Vice President, Operations",
    ),
    Rule(
        "c_level",
        f"(co |group )?{_C_SUITE} | chief ...& officer | chief executive | c (level|suite)",
        "Chief People & Culture Officer",
    ),
    Rule(
        "c_level",
        "managing director | president | (vice )?chair(man|woman|person) | (board )?chair | general counsel"
        " | ^ md $ | & md $ | group md",
        "Managing Director",
    ),
    Rule(
        "c_level",
        "geschaftsfuhr~ | geschaftsleit(er|erin|ung) | vorstand(in)? | vorstandsvorsitz~ | prasident(in)? | gf",
        "Geschäftsführerin",
    ),
    # DGA: the deputy of a French directeur général, and the Dutch director who owns the company.
    Rule(
        "c_level",
        "direct(eur|rice) (generale?|generaal) | president direct~ generale? | presidente? | pdg | dg | dga"
        " | gerante? | dirigeant~",
        "Directrice générale",
    ),
    Rule(
        "c_level",
        f"{_DIRECTOR} (general|geral|generale|ejecutiv[oa]|executiv[oa]|presidente) | consejer[oa] delegad[oa]",
        "Directora General",
    ),
    Rule("c_level", "gerente (general|geral) | administrador~ (unic[oa]|delegad[oa]|general)", "Gerente General"),
    Rule("c_level", "amministrat(ore|rice) (delegat[oa]|unic[oa])", "Amministratore Delegato"),
    Rule(
        "c_level",
        "(gedelegeerd )?bestuurder | zaakvoer(der|ster) | algemeen direct(eur|rice) | voorzitter",
        "Zaakvoerder",
    ),
)

_DIRECTORS_AND_MANAGERS: Final = (
    # German heads of a place, a shift or a team; every other Leiter heads a department.
    Rule(
        "manager",
        "~(team|gruppen|projekt|filial|schicht|bau|markt|niederlassungs|objekt|regional|gebiets|bezirks|kuchen"
        "|service)leit(er|erin|ung)",
        "Teamleitung Buchhaltung",
    ),
    Rule(
        "director",
        "~leiter(in)? | ~leitung | prokurist(in)? | ~direktor(in)?"
        " | (vertriebs|personal|marketing|finanz|entwicklungs)chef(in)?",
        "Vertriebsleiterin",
    ),
    Rule(
        "director",
        "director | dir | head | general manager | gm | dean | managing editor | head ?(master|mistress|teacher)"
        " | ^ principal $ | (managing|school|vice) principal | chief [a-z]+ | ^ chief $",
        "Head of Product",
    ),
    Rule("director", f"(sub|vice)?{_DIRECTOR} | drh | daf | dsi", "Directeur commercial"),
    Rule("director", "apoderad[oa] | procuratore | dirigente | hoofd | ~hoofd | hoofdredact~", "Hoofd Inkoop"),
    Rule(
        "manager",
        "~manager(in)? | mgr | supervisor~ | team ?lead(er)? | foreman | superintendent | kam | csm | pm | bdm"
        " | asm | rsm",
        "Sales Team Leader",
    ),
    Rule(
        "manager",
        "responsab[a-z]+ | responsavel | chef(fe)? (de|d|des|du) [a-z]+ | gestionnaire de projets?",
        "Responsable marketing",
    ),
    Rule(
        "manager",
        "jef[ae] | (sub ?)?gerente | encargad[oa] | encarregad[oa] | gestor(a)? | coordenador(a)? | lider",
        "Jefe de Ventas",
    ),
    Rule(
        "manager",
        "capo [a-z]+ | capo~ | quadro | ~leid(er|ster) | uitvoerder | vorarbeiter | contremaitre | animat~ d equipe",
        "Capo reparto",
    ),
)

# Those who help or begin; the rest of the role is part of it ("Assistant Accountant").
_BEGINNERS: Final = (
    Rule(
        "entry",
        f"... ({_ASSISTANT}|associate|clerk|receptionist|rezeptionist~|cashier|sdr|bdr|(sales"
        "|business) development rep~|auxiliar|recepcionista|helper) ...",
        "Sales Associate",
    ),
)

RULES: Final = (
    *_AROUND,
    *_CRAFTS,
    *_LEARNERS,
    *_OWNERS,
    *_TOP_MANAGEMENT,
    *_DIRECTORS_AND_MANAGERS,
    *_BEGINNERS,
    *(Rule(_CONTRIBUTOR, words, example) for words, example in CRAFTS),
    # Who leads a subject and was no "lead engineer".
    Rule("manager", "lead(er)?", "Engineering Lead"),
)
