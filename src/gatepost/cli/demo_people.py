"""The demo's contacts: a small internet provider with customers and leads in several countries.

Their numbers come from ranges that are set aside for fiction: Ofcom's, the French and the North American one.
"""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatepost.audience.models import Contact
    from gatepost.workspaces.models import Workspace

COUNT: Final = 500
SEED: Final = 2026
DOCUMENTS: Final = 40
TODAY: Final = date(2026, 11, 1)

FIRST: Final = {
    "en": "Amelia Oliver Isla George Freya Harry Imogen Alfie Nia Rhys Callum Maisie",
    "pl": "Zofia Łukasz Agnieszka Paweł Małgorzata Tomasz Żaneta Michał Ewa Krzysztof",
    "cs": "Eliška Jiří Tereza Ondřej Kateřina Tomáš Lucie Matěj Zdeňka Vojtěch",
    "de": "Jürgen Käthe Lukas Sophie Björn Annegret Matthias Ute Sören Heike",
    "fr": "Camille Hugo Élodie Théo Inès Françoise Jérôme Chloé Loïc Maëlle",
    "es": "Lucía Mateo Sofía Íñigo Carmen Álvaro Begoña Pablo Ángela Rubén",
    "uk": "Оксана Андрій Наталія Богдан Ірина Сергій Юлія Тарас Марія Олег",
}
LAST: Final = {
    "en": "Whitfield Ashdown Penrose Merrick Hollis Thackeray Lockwood Fairfax Bowen Garside",
    "pl": "Wiśniewska Żak Kowalczyk Dąbrowski Szczęsna Gołąb Pietrzak Łęcki Jóźwiak Król",
    "cs": "Nováková Dvořák Černá Říha Beneš Křížová Šimek Hájek Veselá Žižka",
    "de": "Müller Weiß Schröder Köhler Groß Jäger Vogt Kühn Lindner Böhm",
    "fr": "Lefèvre Garçon Béranger Moreau Dûval Chrétien Noël Giraud Lemaître Faure",
    "es": "Muñoz Peña Ibáñez Núñez Cordón Vázquez Quiñones Rey Sáez Otero",
    "uk": "Шевченко Коваленко Гончар Ткач Лисенко Мороз Кравець Бойко Савчук Гнатюк",
}
PLACES: Final = {
    "en": ("Bramley Vale", "Port Carrow", "Ashby Wold"),
    "pl": ("Łęgowo", "Świt Górny"),
    "cs": ("Horní Lípa", "Rybníček"),
    "de": ("Neu Königsfeld", "Süderhof"),
    "fr": ("Saint-Évran", "Les Aubiers"),
    "es": ("Peñarroya Baja", "Villanueva del Río"),
    "uk": ("Зелений Гай", "Вишневе"),
}
ZONES: Final = {
    "en": "Europe/London",
    "pl": "Europe/Warsaw",
    "cs": "Europe/Prague",
    "de": "Europe/Berlin",
    "fr": "Europe/Paris",
    "es": "Europe/Madrid",
    "uk": "Europe/Kyiv",
}
COMPANIES: Final = ("Bakery", "Dental Practice", "Garage", "Guest House", "Print Shop", "School of Music", "Farm Shop")
PARTNERS: Final = ("Gatepost Net", "Valley Wireless", "Northern Fibre")
PLANS: Final = (
    *(("Fibre 100", "internet"), ("Fibre 300", "internet"), ("Fibre 1000", "internet"), ("Wireless 50", "internet")),
    *(("Talk Local", "voice"), ("Talk World", "voice"), ("Static IP", "custom"), ("Router rental", "custom")),
)
FIELDS: Final = (
    *(("Contract end", "date", ()), ("Balance", "number", ()), ("Paperless bills", "flag", ())),
    *(("Router", "choice", ("Own", "Rented", "None")), ("Access point", "text", ())),
)
SEGMENTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("Active fibre customers", {"all": [
        {"field": "kind", "op": "is", "value": "customer"},
        {"field": "status", "op": "is", "value": "active"},
        {"field": "plans", "op": "any", "value": ["Fibre 100", "Fibre 300", "Fibre 1000"]},
    ]}),
    ("In debt", {"field": "custom.balance", "op": "at_most", "value": -0.01}),
    ("Contract ends soon", {"all": [
        {"field": "custom.contract_end", "op": "until", "value": "2027-01-31"},
        {"not": {"field": "status", "op": "is", "value": "blocked"}},
    ]}),
)  # fmt: skip


def fill(workspace: "Workspace", *, actor: str) -> None:
    """Put the demo's people into the workspace. Django must be set up."""
    from gatepost.audience import contacts, entries, segments
    from gatepost.audience.models import Contact

    for name, kind in PLANS:
        entries.add_entry(workspace, entries.REGISTERS["plans"], name, kind=kind, actor=actor)
    for label, type_, choices in FIELDS:
        entries.add_field(workspace, label, type_, choices, actor=actor)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret
    contacts.upsert(workspace, [_person(number, chance) for number in range(COUNT)], by="external_id", actor=actor)
    for name, filter_ in SEGMENTS:
        segments.save(workspace, name, filter_, actor=actor)
    customers = Contact.objects.filter(workspace=workspace, kind="customer").select_related("workspace")
    for contact in customers.order_by("id")[:DOCUMENTS]:
        _document(contact, chance, actor)


def _person(number: int, chance: random.Random) -> dict[str, Any]:
    language = chance.choices(list(FIRST), weights=(10, 4, 3, 3, 3, 2, 2))[0]
    first, last = (chance.choice(names[language].split()) for names in (FIRST, LAST))
    is_company, is_lead = chance.random() < 0.12, number % 7 == 6
    name = f"{last} {chance.choice(COMPANIES)}" if is_company else f"{first} {last}"
    person: dict[str, Any] = {
        "external_id": f"C{1000 + number}",
        "kind": "lead" if is_lead else "customer",
        "full_name": name,
        "category": "company" if is_company else "person",
        "email": f"person{number}@mail.example",
        "phones": [_phone(number)] if number % 25 else [],
        "location": chance.choice(PLACES[language]),
        "language": language,
        "time_zone": ZONES[language],
        "status": "new",
        "tags": [tag for tag, share in (("VIP", 0.05), ("Beta", 0.08)) if chance.random() < share],
        "lists": ["Newsletter"] if chance.random() < 0.4 else [],
    }
    return person if is_lead else person | _customer(number, chance, is_company=is_company)


def _customer(number: int, chance: random.Random, *, is_company: bool) -> dict[str, Any]:
    plans = [chance.choice([name for name, kind in PLANS if kind == "internet"])]
    services = ["internet"]
    if chance.random() < 0.3:
        plans.append(chance.choice(["Talk Local", "Talk World"]))
        services += ["voice", "bundle"]
    if chance.random() < 0.2:
        plans.append("Router rental")
        services.append("recurring")
    return {
        "login": f"gp{20000 + number}",
        "status": chance.choices(["active", "inactive", "blocked", "new"], weights=(80, 8, 7, 5))[0],
        "billing": "prepaid" if chance.random() < 0.25 else "recurring",
        "billing_email": f"accounts{number}@office.example" if is_company else "",
        "partner": chance.choice(PARTNERS),
        "plans": plans,
        "services": services,
        "custom.contract_end": (TODAY + timedelta(days=chance.randrange(20, 720))).isoformat(),
        "custom.balance": round(chance.choice([0, 0, 0, -19.9, -39.8, 25, 12.5]), 2),
        "custom.paperless_bills": chance.random() < 0.7,
        "custom.router": chance.choice(["Own", "Rented", "None"]),
        "custom.access_point": f"AP-{chance.randrange(1, 25):02}" if "Wireless 50" in plans else "",
    }


def _phone(number: int) -> str:
    """A number of fiction that no other of the demo's people has."""
    if number % 5 == 3:
        return f"+3363998{number:04}"
    if number % 5 == 4:
        return f"+1202555{100 + number // 5:04}"
    return f"+447700900{200 + number:03}"


def _document(contact: "Contact", chance: random.Random, actor: str) -> None:
    from gatepost.audience import documents

    kind = chance.choice(["invoice", "invoice", "payment", "proforma"])
    day = TODAY - timedelta(days=chance.randrange(1, 90))
    amount = Decimal(chance.choice(["19.90", "29.90", "39.90", "59.80"]))
    title = f"{kind.capitalize()} {contact.external_id}/{day:%m%y}"
    documents.add_document(
        contact,
        kind=kind,
        number=f"{contact.external_id}/{day:%m%y}",
        day=day,
        amount=amount,
        currency="EUR",
        name=f"{kind}-{contact.external_id}.pdf",
        content=[_pdf(f"{title}: {amount} EUR")],
        actor=actor,
    )


def _pdf(line: str) -> bytes:
    """One page with one line of ASCII."""
    text = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET"
    parts = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    )
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{part}\nendobj\n".encode("ascii")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = f"trailer\n<< /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}{tail}".encode("ascii")
