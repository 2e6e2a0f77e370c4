import stat
from pathlib import Path

from gatepost.processes.child_log import ChildLog


def test_lines_stay_whole_across_chunks_and_files(tmp_path: Path) -> None:
    losses: list[str] = []
    log = ChildLog(tmp_path / "web.log", losses.append, limit_bytes=1000)
    text = b"".join(b"line %04d\n" % number for number in range(500))
    for start in range(0, len(text), 77):
        log.write(text[start : start + 77])
    log.finish()
    files = [tmp_path / f"web.log{suffix}" for suffix in (".3", ".2", ".1", "")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    kept = b"".join(path.read_bytes() for path in files)
    assert text.endswith(kept)
    assert kept.startswith(b"line ")
    assert all(path.stat().st_size <= 1000 for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert losses == []


def test_an_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "web.log", lambda text: None)
    for _ in range(20):
        log.write(b"x" * 10_000)
    assert (tmp_path / "web.log").stat().st_size > 100_000


def test_a_link_at_the_logs_place_is_not_followed(tmp_path: Path) -> None:
    losses: list[str] = []
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "web.log").symlink_to(tmp_path / "precious")
    log = ChildLog(tmp_path / "web.log", losses.append)
    log.write(b"one\n")
    log.write(b"two\n")
    assert (tmp_path / "precious").read_text() == "precious"
    assert len(losses) == 1


def test_lines_come_back_when_the_disk_does(tmp_path: Path) -> None:
    losses: list[str] = []
    log = ChildLog(tmp_path / "gone" / "web.log", losses.append)
    log.write(b"one\n")
    (tmp_path / "gone").mkdir()
    log.write(b"two\n")
    assert (tmp_path / "gone" / "web.log").read_text() == "two\n"
    assert len(losses) == 1
