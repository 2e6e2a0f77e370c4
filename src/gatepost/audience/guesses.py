"""Which field a column of a table is meant for, by what its header says in English, Polish or Russian."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gatepost.audience.values import is_phone
from gatepost.audience.vocabulary import Vocabulary
from gatepost.audience.words import fold

HEADERS: Final[Mapping[str, str]] = {
    "external_id": "id, external id, customer id, contact id, client id, account number, numer klienta, id klienta, "
    "nr klienta, numer abonenta, ид, код, код клиента, id клиента, номер договора, лицевой счет",
    "kind": "kind, type, contact type, rodzaj, typ, typ kontaktu, тип, вид",
    "login": "login, user, username, user name, portal login, użytkownik, nazwa użytkownika, логин, пользователь",
    "status": "status, state, stan, статус, состояние",
    "full_name": "name, full name, customer, customer name, client, contact, company name, imię i nazwisko, nazwa, "
    "nazwisko i imię, klient, abonent, имя, фио, ф.и.о., клиент, абонент, название, наименование",
    "email": "email, e-mail, mail, email address, e-mail address, adres email, adres e-mail, poczta, почта, "
    "эл. почта, электронная почта, емейл",
    "billing_email": "billing email, billing e-mail, invoice email, invoice e-mail, email do faktur, e-mail do faktur, "
    "email rozliczeniowy, email для счетов, почта для счетов",
    "phones": "phone, phones, phone number, phone numbers, mobile, mobile phone, cell, msisdn, telephone, tel, tel., "
    "telefon, numer, numer telefonu, nr telefonu, komórka, telefon komórkowy, kontakt, телефон, телефоны, "
    "номер, номер телефона, мобильный, моб. телефон, мобильный телефон",
    "category": "category, customer type, kategoria, rodzaj klienta, категория, тип клиента",
    "location": "location, city, town, place, site, lokalizacja, miasto, miejscowość, местоположение, город, "
    "населенный пункт, район",
    "billing": "billing, billing type, type of billing, payment type, typ rozliczenia, rozliczenie, rodzaj płatności, "
    "тип оплаты, тип биллинга, расчеты",
    "partner": "partner, reseller, provider, partnerzy, operator, партнер, партнёр, оператор",
    "plans": "plan, plans, tariff, tariff plan, tariff plans, taryfa, taryfy, plan taryfowy, abonament, pakiet, тариф, "
    "тарифы, тарифный план",
    "services": "service, services, usługa, usługi, услуга, услуги",
    "lists": "list, lists, group, groups, lista, listy, grupa, список, группа",
    "tags": "tag, tags, label, labels, tagi, etykiety, тег, теги, метки",
    "language": "language, lang, locale, język, язык",
    "time_zone": "time zone, timezone, tz, strefa czasowa, часовой пояс",
}


def guess(columns: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """For each column the field that it fills, empty where nothing is known; each field once."""
    known = {_plain(word): field for field, words in HEADERS.items() for word in words.split(", ")}
    known |= {_plain(field.label): f"custom.{key}" for key, field in vocabulary.custom.items()}
    known |= {_plain(key): f"custom.{key}" for key in vocabulary.custom if _plain(key) not in known}
    found: list[str] = []
    for column in columns:
        field = known.get(_plain(column), "")
        found.append(field if field not in found else "")
    return found


def country_of_phones(cells: Sequence[str], default_country: str) -> str:
    """Where the phones without + are dialled: at home, unless more of them begin with a country code.

    Spreadsheets take the + off a column of numbers.
    """
    bare = [cell for cell in cells if cell.strip()[:1].isdigit()]
    return "" if _misread(bare, "") < _misread(bare, default_country) else default_country


def _misread(cells: Sequence[str], country: str) -> int:
    return sum(not is_phone(cell, country) for cell in cells)


def looks_like_header(columns: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether the first row names the columns: some are known, or none holds a digit or an @."""
    if any(guess(columns, vocabulary)):
        return True
    return not any(re.search("[0-9@]", cell) for cell in columns)


def _plain(text: str) -> str:
    return re.sub(r"[\s_:.*-]+", " ", fold(text)).strip()
