"""`gatepost users create` and `gatepost sign-in-link`: the way in from the terminal of the machine."""

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.test import Client
from django.urls import reverse
from tests.support.tenants import ACTOR
from typer.testing import CliRunner

from gatepost.cli.app import app
from gatepost.cli.terminal import Refusal
from gatepost.problems import Problem
from gatepost.workspaces import services
from gatepost.workspaces.models import AuditEntry, User

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    monkeypatch.setenv("GATEPOST_DATABASE_URL", settings.CONFIG["DATABASE_URL"])


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert answer.exit_code == 0
    return answer.output


def path_of(output: str) -> str:
    found = re.search(r"https://gp\.example(/sign-in/\S+)", output)
    assert found, output
    return found[1]


def test_the_first_administrator_comes_from_the_terminal() -> None:
    output = run("users", "create", "Boss@example.com", "--administrator")
    assert "within 1440 minutes" in output
    client = Client()
    assert client.post(path_of(output)).status_code == 302
    assert client.get(reverse("workspaces")).status_code == 200
    with pytest.raises(Problem, match="is a user with"):
        run("users", "create", "boss@example.com")


def test_a_link_for_who_is_locked_out() -> None:
    jan = services.create_user("jan@example.com", "correct horse battery", actor=ACTOR)
    TOTP.activate(jan, SECRET)
    client = Client()
    output = run("sign-in-link", "JAN@example.com")
    assert "within 15 minutes" in output
    assert client.post(path_of(output))["Location"].startswith(reverse("mfa_authenticate"))
    anew = run("sign-in-link", "jan@example.com", "--anew")
    assert client.post(path_of(anew))["Location"] == reverse("account_set_password")
    assert not User.objects.get(email="jan@example.com").has_usable_password()
    actions = AuditEntry.objects.filter(actor="operator of the machine").order_by("id")
    assert [entry.action for entry in actions] == ["user.sign-in-link", "user.let-in-anew"]


def test_who_has_no_account_or_may_not_sign_in_gets_no_link() -> None:
    with pytest.raises(Refusal, match="no account"):
        run("sign-in-link", "nobody@example.com")
    services.create_user("jan@example.com", actor=ACTOR)
    User.objects.update(is_active=False)
    with pytest.raises(Refusal, match="switched off"):
        run("sign-in-link", "jan@example.com")
