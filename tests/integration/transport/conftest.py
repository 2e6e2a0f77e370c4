"""Every test of an exchange runs over both ways: our own client, and the library's that serves proxies."""

from collections.abc import AsyncIterator

import pytest
from tests.integration.transport.clients import CLIENTS, NAMES, Make

from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client


@pytest.fixture(params=CLIENTS, ids=NAMES)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes clients of the kind under test."""
    made: Make = request.param
    return made


@pytest.fixture
async def client(make: Make) -> AsyncIterator[Client]:
    """A client that may reach loopback, and nothing else."""
    async with make(parse_allow_list(["127.0.0.0/8"])) as client:
        yield client
