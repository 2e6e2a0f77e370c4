"""What `gatepost up --demo` puts into an empty installation, through the services that everybody uses."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gatepost.cli import demo_campaigns, demo_channels, demo_past, demo_people, demo_texts
from gatepost.cli.demo_file import Demo, Simulators

if TYPE_CHECKING:
    from gatepost.gateways.models import Gateway
    from gatepost.simulators.demo import DemoGateway
    from gatepost.workspaces.models import User, Workspace

WORKSPACE: Final = "Demo"
EMAIL: Final = "demo@gatepost.example"
SENDER: Final = "Gatepost"
KEY_NAME: Final = "Demo"
PHONE: Final = "+447700900123"
"""Of Ofcom's range for drama: no subscriber has it."""
_ACTOR: Final = "gatepost up --demo"


def seed(
    known: Demo | None,
    url: str,
    simulators_url: str,
    ports: Mapping[str, int],
    mail_port: int = 0,
    *,
    has_past: bool = True,
) -> Demo:
    """The demo, made where it is missing; what people have changed since stays. Django must be set up.

    `known`: the demo of the last start. `url`: of Gatepost now. `simulators_url`, `ports`: of the simulated providers.
    `mail_port`: of the mailbox; without one there is no e-mail account. `has_past`: whether it wrote to many before.
    """
    from django.db import transaction

    from gatepost.simulators.demo import demo_gateways
    from gatepost.workspaces.models import Workspace

    wanted = demo_gateways(simulators_url, ports)
    with transaction.atomic():
        workspace = Workspace.objects.filter(name=WORKSPACE).first()
        is_new = workspace is None
        if workspace is None:
            workspace = _new_workspace(wanted)
        else:
            _move_gateways(workspace, wanted)
        demo_channels.fill(workspace, mail_port, actor=_ACTOR)
        if is_new and has_past:
            demo_campaigns.fill(workspace, actor=_ACTOR)
            demo_past.fill(workspace, actor=_ACTOR)
        user, password = _owner(workspace, known)
        return Demo(
            url=url,
            api_key=_api_key(workspace, user, known),
            email=user.email,
            password=password,
            simulators=Simulators(
                url=simulators_url,
                token=known.simulators.token if known else secrets.token_urlsafe(24),
                ports=dict(ports),
                callbacks=_callbacks(workspace, wanted),
                mail_port=mail_port,
            ),
        )


def is_key_good(demo: Demo) -> bool:
    """Whether the API key still holds. Django must be set up."""
    from gatepost.workspaces import services

    return services.authenticate_key(demo.api_key) is not None


def sign_in_link(url: str) -> str | None:
    """A one-time link for the demo's owner; None where people have taken the account away. Django must be set up."""
    from django.urls import reverse

    from gatepost.workspaces import services
    from gatepost.workspaces.models import User

    user = User.objects.filter(email=EMAIL, is_active=True).first()
    return url + reverse("sign-in-link", args=[services.create_sign_in_link(user)]) if user else None


def _new_workspace(wanted: "list[DemoGateway]") -> "Workspace":
    from gatepost.gateways import sender_ids
    from gatepost.gateways import services as gateways
    from gatepost.routing import services as routing
    from gatepost.workspaces import services

    workspace = services.create_workspace(WORKSPACE, default_country="GB", actor=_ACTOR)
    made = [
        gateways.create_gateway(
            [workspace],
            each.provider,
            each.name,
            each.settings,
            {"description": each.description, "sender": each.sender, "inbound_number": each.number},
            actor=_ACTOR,
        )
        for each in wanted
    ]
    services.update_workspace(workspace, default_gateway=made[0], actor=_ACTOR)
    stands_in = [(made[0].pk, 1), (made[1].pk, 0)]
    routing.create_rule(workspace, {"name": "Everything", "targets": stands_in}, actor=_ACTOR)
    asked = sender_ids.request_sender_id(workspace, SENDER, made[0], actor=_ACTOR)
    sender_ids.decide(asked, is_approved=True, actor=_ACTOR)
    demo_people.fill(workspace, actor=_ACTOR)
    demo_texts.fill(workspace, actor=_ACTOR)
    return workspace


def _move_gateways(workspace: "Workspace", wanted: "list[DemoGateway]") -> None:
    """Lead the demo's gateways to where the simulators are now. One that leads elsewhere is no longer the demo's."""
    from gatepost.gateways import services as gateways

    for each in wanted:
        row = _gateway(workspace, each)
        if row is not None and not _leads_to(row, each.url):
            gateways.update_gateway(row, settings=each.settings, actor=_ACTOR)


def _gateway(workspace: "Workspace", wanted: "DemoGateway") -> "Gateway | None":
    """The demo's gateway as it was seeded, if nobody has renamed, deleted or turned it to a real provider."""
    row = workspace.gateways.filter(name=wanted.name, provider=wanted.provider).first()
    is_simulated = row is not None and any(
        urlsplit(value).hostname == urlsplit(wanted.url).hostname for value in _urls(row.settings)
    )
    return row if is_simulated else None


def _leads_to(row: "Gateway", url: str) -> bool:
    return any(urlsplit(value).netloc == urlsplit(url).netloc for value in _urls(row.settings))


def _urls(settings: Mapping[str, object]) -> list[str]:
    return [value for value in settings.values() if isinstance(value, str) and value.startswith("http")]


def _owner(workspace: "Workspace", known: Demo | None) -> "tuple[User, str]":
    """The demo's owner and their password; a new one where nobody knows the old one any more."""
    from gatepost.workspaces import services
    from gatepost.workspaces.models import Role, User

    password = known.password if known else secrets.token_urlsafe(15)
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = services.create_user(EMAIL, password, name="Demo owner", is_administrator=True, actor=_ACTOR)
        services.add_member(workspace, user, Role.OWNER, actor=_ACTOR)
    elif known is None:
        user.set_password(password)
        user.save(update_fields=["password"])
        services.audit(_ACTOR, "user.password", user)
    return user, password


def _api_key(workspace: "Workspace", user: "User", known: Demo | None) -> str:
    from gatepost.workspaces import services
    from gatepost.workspaces.permissions import SCOPES

    key = services.authenticate_key(known.api_key) if known else None
    if known is not None and key is not None and key.workspace == workspace:
        return known.api_key
    return services.create_api_key(workspace, KEY_NAME, list(SCOPES), created_by=user, actor=_ACTOR)[1]


def _callbacks(workspace: "Workspace", wanted: "list[DemoGateway]") -> dict[str, dict[str, str]]:
    """By account and kind, the paths at which its gateway is called back."""
    from gatepost.gateways import services as gateways

    found = {}
    for each in wanted:
        row = _gateway(workspace, each)
        if row is not None:
            found[each.account] = {kind: urlsplit(url).path for kind, url in gateways.callback_urls(row).items()}
    return found
