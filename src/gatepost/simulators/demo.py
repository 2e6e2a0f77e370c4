"""The three simulated accounts of the demo, and the settings by which gateways reach them.

Pass `demo_accounts()` to the server and create a gateway for each of `demo_gateways(url)`. Then tell the accounts
where the gateways' callbacks are: POST /_control/<account> with receipt_url, inbound_url and mms_url; or hand them to
`demo_accounts` at the next start. The credentials are no secrets: they open nothing but a simulator on this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from gatepost.simulators.engine import Account
from gatepost.simulators.faults import Faults

WARSAW: Final = Account(
    name="warsaw",
    slug="smsapi",
    label="Warsaw",
    credentials={"token": "warsaw-demo-token", "login": "warsaw", "password": "warsaw-demo-password"},
    options={"per_number_per_minute": "0"},
    numbers=("48732100100",),
    balance=Decimal(2500),
)
CAPE: Final = Account(
    name="cape",
    slug="bulksms",
    label="Cape",
    credentials={"login": "cape-demo-token-id", "password": "cape-demo-token-secret"},
    numbers=("27600100100",),
    balance=Decimal(4000),
)
FLAKY: Final = Account(
    name="flaky",
    slug="generic_http",
    label="Flaky",
    credentials={"username": "flaky", "password": "flaky-demo-password"},
    numbers=("48799100100",),
    balance=Decimal(300),
    delivery_s=(1.0, 3.0),
    faults=Faults(fail=0.15, delay_ms=900),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoGateway:
    """What a gateway of the demo needs. `account` is the simulated account, `number` where phones reply to.

    `provider` is a slug, `settings` are in the terms of its manifest. URLs are http on the loopback interface, and
    callbacks come from there: the gateway has to be allowed both. `sender` is the gateway's default sender ID.
    """

    name: str
    account: str
    provider: str
    description: str
    url: str
    settings: Mapping[str, Any]
    sender: str
    number: str


def demo_accounts(
    ports: Mapping[str, int] | None = None, callbacks: Mapping[str, Mapping[str, str]] | None = None
) -> list[Account]:
    """The accounts; with a port of its own by name, `break` refuses connections instead of dropping them.

    `callbacks`: by name, what the gateway's receipt_url, inbound_url and mms_url are where that is known already.
    """
    accounts = []
    for account in (WARSAW, CAPE, FLAKY):
        known = (callbacks or {}).get(account.name, {})
        accounts.append(
            replace(
                account,
                port=(ports or {}).get(account.name),
                receipt_url=known.get("receipt_url", ""),
                inbound_url=known.get("inbound_url", ""),
                mms_url=known.get("mms_url", ""),
            )
        )
    return accounts


def demo_gateways(base_url: str, ports: Mapping[str, int] | None = None) -> list[DemoGateway]:
    """The gateways for `demo_accounts(ports)` on a server at `base_url` (http://host:port, no slash at the end)."""

    def url_of(account: Account) -> str:
        port = (ports or {}).get(account.name)
        return f"{base_url}/{account.name}" if port is None else f"{base_url.rpartition(':')[0]}:{port}"

    return [
        DemoGateway(
            name=account.label,
            account=account.name,
            provider=account.slug,
            description=description,
            url=url_of(account),
            settings=_SETTINGS[account.name](url_of(account), account.credentials),
            sender=sender,
            number=account.numbers[0],
        )
        for account, description, sender in (
            (WARSAW, "A simulated SMSAPI account: quick and reliable.", "Gatepost"),
            (CAPE, "A simulated BulkSMS account: quick, reports each step.", "Gatepost"),
            (FLAKY, "A simulated Kannel: slow, and one message in seven fails.", FLAKY.numbers[0]),
        )
    ]


def _warsaw(url: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    return {"base_url": url, "auth_mode": "token", "api_token": credentials["token"]}


def _cape(url: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    return {"base_url": f"{url}/v1", "login": credentials["login"], "password": credentials["password"]}


def _flaky(url: str, credentials: Mapping[str, str]) -> dict[str, Any]:
    return {
        "username": credentials["username"],
        "password": credentials["password"],
        "method": "GET",
        "url": f"{url}/cgi-bin/sendsms",
        "body_format": "none",
        "query": (
            "username={{username}}",
            "password={{password}}",
            "from={{sender?}}",
            "to={{to}}",
            "text={{text}}",
            "charset=UTF-8",
            "coding={{coding}}",
            "dlr-mask=31",
            "dlr-url={{dlr_url?}}",
        ),
        "coding_gsm": "0",
        "coding_unicode": "2",
        "sender_default": FLAKY.numbers[0],
        "rules": (
            "body regex ^(0|3): -> success",
            "body starts_with Temporal failure -> temporary",
            "body starts_with Not routable -> permanent",
            "body starts_with Authorization failed -> auth",
        ),
        "unprocessed_statuses": "503",
        "dlr_enabled": True,
        "dlr_suffix": "&status=%d&err=%A",
        "dlr_status": "status",
        "dlr_error": "err",
        "status_preset": "kannel",
        "mo_enabled": True,
    }


_SETTINGS: Final = {"warsaw": _warsaw, "cape": _cape, "flaky": _flaky}
