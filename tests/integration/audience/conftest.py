"""A workspace with custom fields, for tests of contacts."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import entries


@pytest.fixture
def north() -> Tenant:
    made = tenant("North")
    made.workspace.default_country = "PL"
    made.workspace.save()
    for label, type_, choices in (
        ("Node", "text", ()),
        ("Debt", "number", ()),
        ("Contract end", "date", ()),
        ("Paperless", "flag", ()),
        ("Grade", "choice", ("Gold", "Silver")),
    ):
        entries.add_field(made.workspace, label, type_, choices, actor=ACTOR)
    return made


@pytest.fixture(autouse=True)
def files_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files, of this test only."""
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path / "files")
    return tmp_path / "files"


@pytest.fixture
def send(north: Tenant) -> Any:
    """`send(method, path, body)`: a request to the API with every scope."""
    client = north.api()

    def ask(method: str, path: str, body: Any = None) -> Any:
        return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")

    return ask
