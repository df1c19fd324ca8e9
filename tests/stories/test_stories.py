"""Plays every story of this folder. A story is documentation that cannot go out of date."""

from pathlib import Path

import pytest

from tests.stories.story import Stage, scenes

_STORIES = sorted(Path(__file__).parent.glob("*.story"))


@pytest.mark.parametrize("path", _STORIES, ids=lambda path: path.stem)
def test_a_story_goes_as_it_is_told(path: Path) -> None:
    """Each command line of the story answers exactly what stands under it, and breaks no law."""
    stage = Stage()
    for scene in scenes(path.read_text()):
        assert stage.play(scene.line) == scene.expected, f"{path.name}:{scene.line_no}: {scene.line}"
        stage.pool.check()


def test_there_are_stories() -> None:
    """An empty folder must not pass for a green one."""
    assert len(_STORIES) > 15
