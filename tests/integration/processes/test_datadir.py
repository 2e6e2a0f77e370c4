import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gatepost.processes.datadir import DataDir
from gatepost.processes.errors import ProcessError

CLAIM = """
import sys, time
from pathlib import Path
from gatepost.processes.datadir import DataDir
DataDir.create(Path(sys.argv[1]), embedded_postgres=False).lock()
print("locked", flush=True)
time.sleep(600)
"""


def create(path: Path) -> DataDir:
    return DataDir.create(path, embedded_postgres=False)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        data = create(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [mode_of(path) for path in (data.path, data.logs, data.keys)] == [0o700] * 3
    assert create(tmp_path / "a" / "b") == data


def test_keys_are_made_once_private_and_usable(tmp_path: Path) -> None:
    data = create(tmp_path / "data")
    secret, key = data.secret_key(), data.encryption_key()
    assert len(secret) >= 50
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert (create(data.path).secret_key(), create(data.path).encryption_key()) == (secret, key)
    assert {mode_of(path) for path in data.keys.iterdir()} == {0o600}
    assert {path.name for path in data.keys.iterdir()} == {"secret-key", "encryption-key"}
    other = create(tmp_path / "other")
    assert other.secret_key() != secret
    assert other.encryption_key() != key


def test_processes_that_race_for_a_key_agree(tmp_path: Path) -> None:
    data = create(tmp_path / "data")
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        keys = {result.get(60) for result in [pool.apply_async(data.secret_key) for _ in range(16)]}
        pool.close()
        pool.join()
    assert keys == {data.secret_key()}


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    data = create(tmp_path / "data")
    data.encryption_key()
    (data.keys / "encryption-key").chmod(0o640)
    with pytest.raises(ProcessError) as refused:
        data.encryption_key()
    assert refused.value.code == "secret_readable"
    assert "chmod 600" in refused.value.remedy


def test_an_empty_key_is_refused_and_not_overwritten(tmp_path: Path) -> None:
    data = create(tmp_path / "data")
    (data.keys / "secret-key").touch(mode=0o600)
    with pytest.raises(ProcessError) as refused:
        data.secret_key()
    assert refused.value.code == "secret_empty"
    assert (data.keys / "secret-key").read_text() == ""


def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProcessError) as refused:
        create(tmp_path / "data")
    assert refused.value.code == "not_our_folder"


def test_a_path_that_cannot_be_a_folder_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProcessError) as refused:
        create(tmp_path / "file" / "data")
    assert refused.value.code == "data_dir_unusable"
    assert "GATEPOST_DATA_DIR" in refused.value.remedy


def test_a_second_supervisor_is_refused_by_name_until_the_first_is_gone(tmp_path: Path) -> None:
    data = create(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", CLAIM, str(data.path)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(ProcessError) as refused:
            data.lock()
        assert refused.value.code == "in_use"
        assert f"Process {first.pid} is already using the data folder {data.path}." == refused.value.sentence
        first.kill()
    with data.lock():
        assert (data.path / "lock").read_text() == f"{os.getpid()}\n"
    data.lock().release()
