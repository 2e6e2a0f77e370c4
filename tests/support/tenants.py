"""Tenants with their people and keys, for tests that use the database."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from gatepost.audience import contacts, documents, segments
from gatepost.audience.models import Import
from gatepost.campaigns import planning, prices
from gatepost.campaigns import services as campaigns
from gatepost.channels import accounts, attachments
from gatepost.channels.models import Mail, PortalMessage
from gatepost.gateways import sender_ids
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message
from gatepost.routing import services as routing
from gatepost.sms.ids import IdSource, to_ref
from gatepost.texts import services as templates
from gatepost.texts.services import Draft
from gatepost.workspaces import services
from gatepost.workspaces.models import Role, User, Workspace
from gatepost.workspaces.permissions import Scope

ACTOR = "test"


@dataclass(frozen=True)
class Tenant:
    """A workspace, and whoever is needed of its people and keys."""

    workspace: Workspace

    def key(self, *scopes: str) -> str:
        """The token of a new key; without scopes named it has all."""
        _, token = services.create_api_key(self.workspace, "key", list(scopes or Scope), actor=ACTOR)
        return token

    def api(self, *scopes: str) -> Client:
        """A client with such a key."""
        return Client(headers={"Authorization": f"Bearer {self.key(*scopes)}"})

    def member(self, role: Role) -> User:
        """The member with that role."""
        email = f"{role}@{self.workspace.pk}.example"
        found = User.objects.filter(email=email).first()
        if found is None:
            found = services.create_user(email, actor=ACTOR)
            services.add_member(self.workspace, found, role, actor=ACTOR)
        return found

    def console(self, role: Role) -> Client:
        """A client that is signed in as the member with that role."""
        client = Client()
        client.force_login(self.member(role))
        return client


def tenant(name: str) -> Tenant:
    return Tenant(services.create_workspace(name, actor=ACTOR))


def one_of_everything(owner: Tenant, gateway: Gateway) -> dict[str, Any]:
    """The tenant gets one of each thing that a route names; these are its ids by the name of the path's parameter."""
    sender = sender_ids.request_sender_id(owner.workspace, "Acme", actor=ACTOR)
    rule = routing.create_rule(owner.workspace, {"name": "All", "targets": [(gateway.pk, 1)]}, actor=ACTOR)
    key, _ = services.create_api_key(owner.workspace, "Shop", ["messages:read"], actor=ACTOR)
    [message_id] = IdSource(0).take()
    Message.objects.create(
        id=message_id,
        workspace=owner.workspace,
        gateway=gateway,
        state="unknown",
        expires_at=timezone.now() + timedelta(days=3),
        to_digits="48600100200",
        body="Hello",
        encoding="gsm7",
        segments=1,
    )
    contact = contacts.create(owner.workspace, {"full_name": "Nora North", "phones": ["+48600100200"]}, actor=ACTOR)
    document = documents.add_document(
        contact,
        kind="invoice",
        number="1/2026",
        day="2026-01-31",
        amount="49.99",
        name="invoice.pdf",
        content=[b"%PDF-1.4 North"],
        actor=ACTOR,
    )
    campaign = campaigns.create(owner.workspace, {"name": "North works", "text": "Hello"}, actor=ACTOR)
    planning.ask(campaign)
    price = prices.save(owner.workspace, prefix="48", amount="0.03", currency="EUR", actor=ACTOR)
    account = accounts.create_account(
        [owner.workspace],
        "North mail",
        {"host": "127.0.0.1", "port": 9, "from_address": "news@north.example"},
        actor=ACTOR,
    )
    plan = attachments.add(owner.workspace, "plan.txt", "text/plain", [b"North"], actor=ACTOR)
    written = {"workspace": owner.workspace, "due_at": timezone.now(), "subject": "North", "body": "Hello"}
    Mail.objects.create(
        id=message_id,
        account=account,
        state="unknown",
        next_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=3),
        to_address="nora@north.example",
        attachments=[plan.pk],
        **written,
    )
    PortalMessage.objects.create(id=message_id, contact=contact, attachments=[plan.pk], **written)
    return {
        "campaign_id": campaign.pk,
        "price_id": price.pk,
        "account_id": account.pk,
        "file": f"a{plan.pk}",
        "attachment_id": plan.pk,
        "contact_id": contact.pk,
        "document_id": document.pk,
        "import_id": Import.objects.create(workspace=owner.workspace, name="North.csv", path="gone.csv", size=1).pk,
        "template_id": templates.save(owner.workspace, Draft("sms", "Northern", "Hello"), actor=ACTOR).pk,
        "segment_id": segments.save(owner.workspace, "Northerners", {}, actor=ACTOR).pk,
        "gateway_id": gateway.pk,
        "rule_id": rule.pk,
        "sender_id": sender.pk,
        "key_id": key.pk,
        "slug": gateway.provider,
        "ref": to_ref(message_id),
    }


def administrator() -> User:
    return services.create_user("admin@gp.example", is_administrator=True, actor=ACTOR)
