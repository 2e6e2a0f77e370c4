import contextlib
import os
import socket

import pytest
from tests.support.ports import quiet_port
from tests.support.processes import as_other_user

from gatepost.processes.errors import ProcessError
from gatepost.processes.ports import free_port


def test_a_free_port_is_taken_as_wanted_and_a_taken_one_moves_on() -> None:
    wanted = quiet_port()
    assert free_port("127.0.0.1", wanted) == wanted
    with socket.create_server(("127.0.0.1", wanted)):
        assert wanted < free_port("127.0.0.1", wanted) < wanted + 50
        with pytest.raises(ProcessError) as refused:
            free_port("127.0.0.1", wanted, tries=1)
    assert refused.value.code == "no_free_port"


def test_a_server_on_every_address_counts_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        taken = everywhere.getsockname()[1]
        assert free_port("127.0.0.1", taken) != taken


def test_a_connection_that_is_only_expiring_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        # The side that closes first is left waiting.
        accepted.close()
        client.close()
    assert free_port("127.0.0.1", port) == port


def test_zero_is_any_port() -> None:
    assert 1024 <= free_port("127.0.0.1", 0) <= 65535


def test_the_range_ends_with_the_last_port() -> None:
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            held.enter_context(socket.create_server(("127.0.0.1", 65535)))
        with pytest.raises(ProcessError, match="from 65535 to 65535"):
            free_port("127.0.0.1", 65535)


def test_an_address_of_another_machine_is_refused_with_a_remedy() -> None:
    with pytest.raises(ProcessError) as refused:
        free_port("192.0.2.1", 28000)
    assert refused.value.code == "cannot_listen"


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root to become another user")
def test_a_low_port_is_refused_to_an_ordinary_user() -> None:
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        first_free = int(file.read())
    if first_free <= 80:
        pytest.skip("every user may use low ports on this machine")
    assert "Permission denied" in as_other_user(lambda: free_port("127.0.0.1", 80))
