"""The tables of roles and scopes."""

import pytest

from gatepost.workspaces.models import Role
from gatepost.workspaces.permissions import ADMINISTRATOR, ROLES, SCOPES, Right, Scope, of_role, of_scopes


def test_every_role_and_scope_has_its_row() -> None:
    assert set(ROLES) == set(Role)
    assert set(SCOPES) == set(Scope)


def test_roles_grow_from_viewer_to_owner() -> None:
    assert of_role("viewer") < of_role("sender") < of_role("operator") < of_role("owner") < ADMINISTRATOR


def test_deciding_on_sender_ids_is_the_administrators_alone() -> None:
    holders = [*ROLES.values(), *SCOPES.values()]
    assert all(Right.SENDERS_DECIDE not in rights for rights in holders)
    assert Right.SENDERS_DECIDE in ADMINISTRATOR


def test_who_may_write_may_read() -> None:
    for rights in [*ROLES.values(), *SCOPES.values()]:
        for right in rights:
            if right.endswith(":write"):
                assert right.replace(":write", ":read") in rights


def test_a_scope_that_no_longer_exists_gives_nothing() -> None:
    assert of_scopes(["messages:send", "moon:write"]) == {Right.MESSAGES_SEND}
    with pytest.raises(ValueError, match="emperor"):
        of_role("emperor")
