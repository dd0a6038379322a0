"""What every table of cells does: a cell goes only while it still holds what was read."""

from __future__ import annotations

from tests.support.engines import Engine

from banyan.reconciliation.cells import Key


def test_cells_that_changed_meanwhile_stay(engine: Engine) -> None:
    cells = engine.cells()
    keys = [Key("marks", f"{number:03}") for number in range(120)]
    cells.write(dict.fromkeys(keys, "old"))
    cells.write({keys[7]: "new", keys[8]: None})

    cells.remove(dict.fromkeys(keys, "old"))

    assert cells.read(keys) == {keys[7]: "new"}


def test_removing_nothing_is_nothing(engine: Engine) -> None:
    cells = engine.cells()
    cells.write({Key("marks", "a"): "kept"})
    cells.remove({})
    assert cells.page("marks", 10) == [("a", "kept")]
