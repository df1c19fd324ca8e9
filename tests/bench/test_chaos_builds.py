"""Houses that are wrong on purpose can still be made: the source has not moved away under their changes."""

from pathlib import Path

import pytest

from bench.chaos.wrong_builds import CHANGES, Change, wrong_build


@pytest.mark.parametrize("name", CHANGES)
def test_every_wrong_build_is_another_house(tmp_path: Path, name: str) -> None:
    """Each change stands in its copy, and compiles where it is Python."""
    folder = wrong_build(tmp_path / "wrong", CHANGES[name])
    for change in CHANGES[name]:
        text = (folder / change.path).read_text()
        assert change.after in text
        if change.path.endswith(".py"):
            compile(text, change.path, "exec")


def test_a_change_whose_place_has_moved_is_an_error(tmp_path: Path) -> None:
    """A wrong house that is right would be a control that nobody can pass."""
    with pytest.raises(ValueError, match="mend the wrong build"):
        wrong_build(tmp_path / "wrong", [Change("actors/settings.py", "what is not there", "")])
