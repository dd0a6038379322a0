from __future__ import annotations

from pathlib import Path

from banyan_tools.local.checkpoints import Checkpoints


def test_a_checkpoint_stands_behind_the_last_record_before_an_open_one() -> None:
    checkpoints = Checkpoints()
    checkpoints.read("shard", ["1", "2", "3"])

    checkpoints.done("shard", "2")
    assert checkpoints.positions() == {}

    checkpoints.done("shard", "1")
    assert checkpoints.positions() == {"shard": "2"}


def test_open_records_are_those_read_and_not_done() -> None:
    checkpoints = Checkpoints()
    checkpoints.read("a", ["1", "2"])
    checkpoints.read("b", ["1"])
    checkpoints.done("a", "2")

    assert checkpoints.open == 2


def test_checkpoints_are_kept_in_their_file(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.json"
    first = Checkpoints(file)
    first.read("a", ["1", "2"])
    first.done("a", "1")
    first.save()

    assert Checkpoints(file).positions() == {"a": "1"}


def test_nothing_is_written_before_a_checkpoint_moves(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints.json")
    checkpoints.read("a", ["1"])
    checkpoints.save()

    assert list(tmp_path.iterdir()) == []
