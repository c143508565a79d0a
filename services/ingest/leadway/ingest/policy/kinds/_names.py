"""How the fields of tools and the columns of files become ours: the words that are known, and a source's own map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leadway.ingest.policy.submission import DEFAULT_TOUCH, PURPOSES
from leadway.words import squeezed

FIELD: Final = "fields."
CONSENT: Final = "consent."
CONSENTS: Final = frozenset(CONSENT + purpose for purpose in PURPOSES)
UTMS: Final = frozenset(f"utm_{name}" for name in ("source", "medium", "campaign", "term", "content"))
OWN: Final = frozenset(
    "email first_name last_name full_name phone company domain country region city postal_code industry employees "  # noqa: SIM905  words in rows read better
    "product campaign asset url".split()
)
TARGETS: Final = OWN | UTMS | CONSENTS
"""What a source's map may lead to; beside them `fields.<name>`, and the paths of a native submission."""

_PATHS: Final = {
    **{f"person.{name}": name for name in ("email", "first_name", "last_name", "phone")},
    **{
        f"company.{name}": name
        for name in ("domain", "country", "region", "city", "postal_code", "industry", "employees")
    },
    **{f"utm.{name.removeprefix('utm_')}": name for name in UTMS},
    "company.name": "company",
    "touch.asset": "asset",
    "touch.url": "url",
}

# Words in English, German, French, Spanish, Italian, Polish, Portuguese and Dutch, as forms and spreadsheets say them.
_SAYINGS: Final = {
    "email": "email, e-mail, email address, e-mail address, mail, work email, work e-mail, business email, user email, "
    "contact email, e-mail-adresse, mailadresse, email-adresse, adresse e-mail, adresse mail, courriel, "
    "adresse électronique, correo, correo electrónico, correo e, email aziendale, indirizzo email, posta elettronica, "
    "adres e-mail, adres email, poczta, endereço de e-mail, correio eletrónico, e-mailadres, e-mail adres",
    "first_name": "first name, firstname, given name, forename, vorname, prénom, nombre, nome, imię, primeiro nome, "
    "voornaam, nombre de pila",
    "last_name": "last name, lastname, surname, family name, nachname, familienname, zuname, nom, nom de famille, "
    "apellido, apellidos, cognome, nazwisko, sobrenome, apelido, achternaam, último nome",
    "full_name": "full name, fullname, name, contact, contact name, your name, ansprechpartner, kontakt, "
    "vollständiger name, nom complet, nom et prénom, nombre completo, nombre y apellidos, nome completo, "
    "nome e cognome, imię i nazwisko, naam, volledige naam, contactpersoon, osoba kontaktowa",
    "phone": "phone, phone number, telephone, telephone number, mobile, mobile phone, mobile number, cell, work phone, "
    "telefon, telefonnummer, tel, tel., handy, mobil, rufnummer, téléphone, numéro de téléphone, portable, teléfono, "
    "móvil, telefono, cellulare, numer telefonu, komórka, telefone, telemóvel, celular, telefoon, telefoonnummer, "
    "mobiel, mobilephone",
    "company": "company, company name, organisation, organization, organisation name, account, account name, employer, "
    "business name, firma, firmenname, unternehmen, betrieb, société, entreprise, raison sociale, nom de l'entreprise, "
    "empresa, compañía, razón social, nombre de la empresa, azienda, società, ragione sociale, nome azienda, "
    "nazwa firmy, przedsiębiorstwo, organizacja, nome da empresa, bedrijf, bedrijfsnaam, organisatie",
    "domain": "domain, company domain, website, web site, company website, website url, homepage, webseite, internet, "
    "site web, sitio web, página web, sito web, sito, strona www, strona internetowa, www, site",
    "country": "country, country name, country code, country/region, land, pays, país, paese, nazione, kraj, "
    "país/região, staat",
    "region": "region, state, state/region, province, county, state/province, bundesland, kanton, région, département, "
    "provincia, estado, regione, województwo, distrito, provincie, regio, región, comunidad autónoma",
    "city": "city, town, stadt, ort, wohnort, ville, ciudad, localidad, città, comune, miasto, miejscowość, cidade, "
    "localidade, stad, plaats, woonplaats",
    "postal_code": "postal code, postcode, post code, zip, zip code, zip/postal code, plz, postleitzahl, code postal, "
    "cp, código postal, cap, codice postale, kod pocztowy, cep, código postal (cep)",
    "industry": "industry, sector, business sector, vertical, branche, industrie, wirtschaftszweig, secteur, "
    "secteur d'activité, industria, settore, branża, sektor, setor, ramo, bedrijfstak",
    "employees": "employees, number of employees, no. of employees, numemployees, numberofemployees, company size, "
    "employee count, headcount, size, mitarbeiter, mitarbeiterzahl, anzahl mitarbeiter, unternehmensgröße, effectif, "
    "effectifs, nombre d'employés, nombre de salariés, taille de l'entreprise, empleados, número de empleados, "
    "plantilla, dipendenti, numero di dipendenti, numero dipendenti, pracownicy, liczba pracowników, zatrudnienie, "
    "funcionários, número de funcionários, colaboradores, werknemers, aantal werknemers, medewerkers, "
    "aantal medewerkers",
    "product": "product, product name, product interest, product of interest, interested in, produkt, "
    "produktinteresse, produit, produit d'intérêt, producto, producto de interés, prodotto, produkty, produto, "
    "produto de interesse, produktname",
    "campaign": "campaign, campaign code, campaign id, campaign name, sfdc campaign id, kampagne, campagne, campaña, "
    "campagna, kampania, campanha",
    "asset": "asset, asset name, content, content name, title, file name, resource",
    "url": "page url, page uri, landing page",
    "fields.note": "note, notes, comment, comments, message, remarks, notiz, notizen, bemerkung, bemerkungen, "
    "kommentar, nachricht, remarque, remarques, commentaire, commentaires, nota, notas, comentario, comentarios, "
    "observaciones, mensaje, commento, messaggio, osservazioni, uwagi, notatka, komentarz, wiadomość, observações, "
    "comentários, mensagem, opmerking, opmerkingen, notitie, bericht",
    "fields.job_title": "job title, jobtitle, position, role, funktion, berufsbezeichnung, fonction, poste, cargo, "
    "puesto, ruolo, stanowisko, função, functie",
    "consent.processing": "consent to process, processing consent, privacy consent",
    "consent.partner_sharing": "partner sharing, share with partners, partner sharing consent",
    "consent.marketing": "marketing consent, marketing opt-in, newsletter opt-in",
    **{name: name for name in UTMS},
}
_WORDS: Final = {squeezed(word): target for target, words in _SAYINGS.items() for word in (target, *words.split(", "))}


def known_target(name: str) -> str | None:
    """Our field for the word of a tool or a file, None where it is not known."""
    return _WORDS.get(squeezed(name))


def mapped(fields: Mapping[str, str]) -> dict[str, str]:
    """A source's own map, its names folded, what they lead to in our names."""
    return {squeezed(name): target_named(target) or FIELD + target for name, target in fields.items()}


def touch_of_form(events: Mapping[str, str]) -> str:
    """The touch that a form or a row of a file is; a source's map may call `form.submitted` otherwise (an event)."""
    return events.get(DEFAULT_TOUCH, DEFAULT_TOUCH)


def target_named(target: str) -> str | None:
    """Our field by its name or by its path in a native submission; None where it names none."""
    text = target.strip()
    found = _PATHS.get(text, text)
    return found if found in TARGETS or (found.startswith(FIELD) and len(found) > len(FIELD)) else None
