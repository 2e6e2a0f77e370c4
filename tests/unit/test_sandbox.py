"""The tests themselves: no network beyond this machine, no database unless asked for, no settings of the developer."""

import os
import socket
from pathlib import Path

import pytest
from django.conf import settings


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com", "169.254.169.254"])
def test_other_machines_cannot_be_reached(address: str) -> None:
    with socket.socket() as tcp, pytest.raises(RuntimeError, match=address):
        tcp.connect((address, 80))
    with socket.socket() as tcp, pytest.raises(RuntimeError, match=address):
        tcp.connect_ex((address, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(RuntimeError, match=address):
        udp.sendto(b"x", (address, 53))


def test_this_machine_can(tmp_path: Path) -> None:
    for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, str(tmp_path / "s"))):
        with socket.socket(family) as server, socket.socket(family) as client:
            server.bind(address)
            server.listen()
            client.connect(server.getsockname())


def test_the_database_is_not_there_unless_asked_for() -> None:
    from django.db import connection

    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.ensure_connection()


def test_the_installation_is_the_tests_own(data_dir: Path) -> None:
    assert data_dir == settings.DATA_DIR
    assert Path(os.environ["GATEPOST_DATA_DIR"]) == data_dir
    assert len(settings.ENCRYPTION_KEYS) == 1
