"""The words of those who do a craft and lead nobody: a table only, written as `title_rules` writes its words."""

from __future__ import annotations

from typing import Final

__all__ = ["CRAFTS"]

# Words, and a title that shows them; a title without any of these words, or of a rank's, says nothing.
CRAFTS: Final = (
    (
        "(lead ([a-z]+ )?([a-z]+ )?)?(engineer|developer|programmer|designer|analyst|scientist|specialist|consultant"
        "|architect|administrator|technician|technologist|accountant|auditor|recruiter|writer|copywriter|editor"
        "|journalist|translator|representative|rep|coordinator|officer|advis[eo]r|strategist|planner|buyer"
        "|researcher|nurse|physician|doctor|pharmacist|attorney|lawyer|counsel|paralegal|teacher|instructor|educator"
        "|professor|lecturer|trainer|coach|evangelist|creator|operator|driver|expert|generalist|controller"
        "|bookkeeper|agent|broker|underwriter|actuary|[a-z]+ologist|[a-z]+ician|[a-z]+grapher|economist|chemist"
        "|mechanic|machinist|inspector|scrum master|ae|merchandiser|producer|tester|fellow|artist|illustrator"
        "|therapist|counsell?or|librarian|estimator|surveyor|appraiser|examiner|adjuster|investigator|facilitator"
        "|practitioner|trader|dealer|salesman|saleswoman|salesperson|marketer|scheduler|dispatcher|interpreter"
        "|installer|welder|assembler|worker|cook|chef|pilot|author|contractor|freelancer|sysadmin|tutor|cleaner"
        "|guard|mediator|liaison)",
        "Lead Software Engineer",
    ),
    (
        "(account|sales|marketing|business|development|pr|hr|customer|service|operations) exec(utive)?"
        " | [a-z]+ exec(utive)? $",
        "Account Executive",
    ),
    (
        "~(arbeiter|referent|entwickler|ingenieur|berater|kaufer|buchhalter|architekt|spezialist|techniker"
        "|informatiker|mechaniker|mechatroniker|elektroniker|koordinator|disponent|redakteur|anwalt|anwaltin"
        "|kaufmann|kauffrau|fachkraft|experte|expertin|vertreter|planer|prufer|controller|programmierer"
        "|administrator|analyst|designer|arzt|arztin|lehrer|fahrer|handler|trainer|betreuer|vermittler|gestalter"
        "|zeichner|ubersetzer|makler|pfleger|okonom|chemiker|physiker|jurist|wissenschaftler|therapeut|sprecher"
        "|beauftragter?|angestellter?|monteur)(in|innen)?",
        "Sachbearbeiter Einkauf",
    ),
    (
        "ingenieure? | developpeu(r|se) | commerciale? | technico commerciale? | chargee? (de|d) ..."
        " | attachee? ... | conseill(er|ere) | comptable | acheteu(r|se) | consultante? | juriste"
        " | format(eur|rice) | vendeu(r|se) | architecte | technicien(ne)? | controleu(r|se)"
        " | administrat(eur|rice) | gestionnaire | redact(eur|rice) | analyste | avocate? | concept(eur|rice)"
        " | specialiste | professeure? | medecin | employee? | audit(eur|rice) | economiste | graphiste"
        " | coordinat(eur|rice) | animat(eur|rice) | traduct(eur|rice) | negociat(eur|rice) | inspect(eur|rice)"
        " | courtier | chercheu(r|se) | dessinat(eur|rice) | infirmi(er|ere) | collaborat(eur|rice)",
        "Chargée de communication",
    ),
    (
        "ingenier[oa] | tecnic[oa] | analista | asesor(a)? | comercial | ejecutiv[oa] | contador(a)? | abogad[oa]"
        " | consultor(a)? | programador(a)? | vendedor(a)? | coordinador(a)? | administrador(a)?"
        " | desarrollador(a)? | especialista | arquitect[oa] | disenador(a)? | profesor(a)? | operador(a)?"
        " | emplead[oa] | economista | medic[oa] | enfermer[oa] | periodista | traductor(a)? | redactor(a)?"
        " | inspector(a)? | delegad[oa] | representante | investigador(a)? | administrativ[oa]",
        "Ingeniero de software",
    ),
    (
        "engenheir[oa] | desenvolvedor(a)? | advogad[oa] | contabilista | arquitet[oa] | comprador(a)?"
        " | assessor(a)? | inspetor(a)? | pesquisador(a)? | tradutor(a)? | redator(a)? | corretor(a)? | jornalista"
        " | enfermeir[oa] | psicolog[oa] | professora | atendente | motorista",
        "Engenheiro civil",
    ),
    (
        "impiegat[oa] | addett[oa] | ingegnere | sviluppat(ore|rice) | consulente | ragionier[ea] | agente"
        " | avvocat[oa] | vendit(ore|rice) | architetto | progettista | contabile | coordinat(ore|rice)"
        " | programmat(ore|rice) | specialista | geometra | operai[oa] | operat(ore|rice) | magazziniere"
        " | giornalista | ricercat(ore|rice) | commess[oa]",
        "Addetto alle vendite",
    ),
    (
        "~medewerk(er|ster) | ~adviseur | ~verkoper | ~inkoper | ~boekhouder | ontwikkelaar | werkvoorbereider"
        " | consulent | monteur | vertegenwoordiger | ~beheerder | ontwerper | onderzoeker | programmeur | docent"
        " | verpleegkundige | analist | advocaat | chauffeur",
        "Medewerker binnendienst",
    ),
)
