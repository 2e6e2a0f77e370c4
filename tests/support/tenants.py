"""Tenants with their people and keys, for tests that use the database."""

from dataclasses import dataclass
from functools import cached_property

from django.test import Client

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

    @cached_property
    def owner(self) -> Client:
        return self.api()


def tenant(name: str) -> Tenant:
    return Tenant(services.create_workspace(name, actor=ACTOR))


def administrator() -> User:
    return services.create_user("admin@gp.example", is_administrator=True, actor=ACTOR)
