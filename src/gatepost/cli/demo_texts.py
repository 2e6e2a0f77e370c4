"""The demo's templates: what an internet provider writes, on each channel and in several languages."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gatepost.workspaces.models import Workspace

TEMPLATES: Final = (
    {
        "channel": "sms",
        "category": "Billing",
        "name": "Payment reminder",
        "body": (
            "Dear {{ first_name }}, your balance is {{ custom.balance | money }} EUR. Please pay by "
            "Friday to keep {{ plans | first | default: 'your service' }} running."
        ),
        "missing": "skip",
    },
    {
        "channel": "sms",
        "category": "Billing",
        "name": "Payment reminder (Polish)",
        "body": (
            "Witaj {{ first_name }}, Twoje saldo to {{ custom.balance | money: ',' }} EUR. Prosimy o wpłatę do piątku."
        ),
        "missing": "skip",
    },
    {
        "channel": "sms",
        "category": "Network",
        "name": "Planned works",
        "body": (
            "Works in {{ location | default: 'your area' }} tonight from 01:00 to 04:00. Internet may "
            "be away for a few minutes. Sorry! Your Gatepost Net"
        ),
    },
    {
        "channel": "sms",
        "category": "Network",
        "name": "Planned works (Ukrainian)",
        "body": (
            "{{ location | default: 'Ваш район' }}: роботи вночі з 01:00 до 04:00, інтернет може "
            "зникати на кілька хвилин."
        ),
    },
    {
        "channel": "sms",
        "category": "Contracts",
        "name": "Contract ends",
        "body": (
            "%NAME%, your contract ends on {{ custom.contract_end | date: '%-d.%m.%Y' }}. Answer YES to renew it."
        ),
        "missing": "skip",
    },
    {
        "channel": "sms",
        "category": "Billing",
        "name": "Zahlungserinnerung (German)",
        "body": (
            "Guten Tag {{ name }}, Ihr Saldo beträgt {{ custom.balance | money: ',' }} EUR. Bitte "
            "überweisen Sie bis Freitag. Vielen Dank!"
        ),
        "missing": "skip",
    },
    {
        "channel": "email",
        "category": "Billing",
        "name": "Invoice",
        "subject": "Your invoice, {{ full_name }}",
        "body": (
            "Dear {{ first_name | default: 'customer' }},\n\nyour invoice is attached. It is for:\n{% "
            "for plan in plans %}- {{ plan }}\n{% else %}- our services\n{% endfor %}\n{% if "
            "custom.paperless_bills %}You chose paperless bills: this e-mail is all that you get.\n{% "
            "else %}A copy is on its way by post.\n{% endif %}\nGatepost Net"
        ),
    },
    {
        "channel": "email",
        "category": "Contracts",
        "name": "Bienvenue (French)",
        "subject": "Bienvenue chez Gatepost Net",
        "body": (
            "Bonjour {{ first_name }},\n\nvotre ligne est prête. Votre identifiant : {{ login }}.\n\nÀ "
            "bientôt,\nGatepost Net"
        ),
        "missing": "default",
        "default": "—",
    },
    {
        "channel": "portal",
        "category": "Network",
        "name": "Faster plans",
        "subject": "More speed for {{ location | default: 'you' }}",
        "body": (
            "Hello {{ first_name }},\n\n{% if plans contains 'Fibre 1000' %}you have our fastest plan "
            "already; it now has twice the upload.{% else %}Fibre 1000 has come to you. Write to us "
            "and we switch you over.{% endif %}"
        ),
    },
)


def fill(workspace: "Workspace", *, actor: str) -> None:
    """Put the demo's templates into the workspace, which has the fields of demo_people. Django must be set up."""
    from gatepost.texts import services

    for said in TEMPLATES:
        services.save(workspace, services.Draft(**said), actor=actor)
