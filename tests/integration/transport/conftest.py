"""A client that may reach loopback, and nothing else."""

from collections.abc import AsyncIterator

import pytest

from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(parse_allow_list(["127.0.0.0/8"])) as client:
        yield client
