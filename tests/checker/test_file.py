"""A history file: what is read, what is refused and where, and what the program says of it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main as bench
from bench.checker.check import check_file
from bench.checker.history import HistoryUnreadable
from tests.checker.lines import Line, held, released, stocked

HEAD = {"type": "history", "version": 1}
CLEAN = [stocked(2), held("1", ["1-0"], 2, (10, 12)), released("1", 3, (20, 22))]
DOUBLED = [*CLEAN[:2], held("2", ["1-0"], 3, (13, 14))]


def written(path: Path, lines: list[Line], *, head: Line | None = None) -> Path:
    """A file of these lines."""
    text = "".join(json.dumps(line) + "\n" for line in (head or HEAD, *lines)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_a_file_is_read_plain_or_packed(tmp_path: Path, name: str) -> None:
    """Both say the same."""
    verdict = check_file(written(tmp_path / name, DOUBLED))
    assert [rule for rule, _, _ in verdict.violations] == ["R1"]
    assert "line 4" in verdict.violations[0][2], "lines are those of the file"
    assert verdict.operations == 2


def test_skus_are_found_whatever_a_line_looks_like(tmp_path: Path) -> None:
    """With blanks, with its words in another order, with a text in it that looks like the name."""
    odd = {"order_ref": '"sku":"B"', **held("2", ["1-0"], 3, (13, 14))} | {"order_ref": '"sku":"B"'}
    text = [json.dumps(HEAD), *(json.dumps(line, separators=(" , ", " : "), sort_keys=True) for line in CLEAN[:2])]
    (tmp_path / "odd").write_text("\n".join([*text, "", json.dumps(dict(reversed(odd.items())))]))
    verdict = check_file(tmp_path / "odd")
    assert (verdict.skus, dict(verdict.broken)) == (1, {"R1": 1})


def test_the_head_says_how_far_clocks_may_be_apart(tmp_path: Path) -> None:
    """The same two holds, with clocks that agree and with others."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12), expires_at_ms=100.0)]
    lines.append(held("2", ["1-0"], 3, (90, 97), at_ms=0.0))
    assert not check_file(written(tmp_path / "near", lines)).is_clean
    assert check_file(written(tmp_path / "far", lines, head=HEAD | {"clock_error_ms": 5})).is_clean


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("", "does not begin"),
        ("no json\n", "does not begin"),
        ('{"type": "history", "version": 2}\n', "does not begin"),
        (json.dumps(HEAD) + '\n{"type": "op"}\n', "line 2 names no SKU"),
        (json.dumps(HEAD) + '\n\n{"type": "op", "sku": "A"\n', "line 3 is no line"),
        (json.dumps(HEAD) + '\n{"type": "poem", "sku": "A"}\n', "line 2 is no line"),
        (json.dumps(HEAD) + "\n" + json.dumps(CLEAN[1] | {"kind": "steal"}), "line 2 is no line"),
        (json.dumps(HEAD) + "\n" + json.dumps(CLEAN[1] | {"end": "perhaps"}), "line 2 is no line"),
        (json.dumps(HEAD) + "\n" + json.dumps(CLEAN[0] | {"end": "fail"}), "line 2 is no line"),
        (json.dumps(HEAD) + "\n" + json.dumps(CLEAN[1] | {"seq": "third"}), "line 2 is no line"),
    ],
)
def test_what_is_no_history_is_refused_by_its_line(tmp_path: Path, content: str, where: str) -> None:
    """Nothing is skipped in silence."""
    (tmp_path / "history").write_text(content)
    with pytest.raises(HistoryUnreadable, match=where):
        check_file(tmp_path / "history")


def test_a_file_that_is_away_or_torn_is_refused(tmp_path: Path) -> None:
    """A packed file that was cut is no history of the time before the cut."""
    with pytest.raises(HistoryUnreadable, match="cannot be read"):
        check_file(tmp_path / "nowhere")
    whole = written(tmp_path / "whole.gz", CLEAN).read_bytes()
    (tmp_path / "torn.gz").write_bytes(whole[:-12])
    with pytest.raises(HistoryUnreadable, match="breaks off"):
        check_file(tmp_path / "torn.gz")


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (CLEAN, 0, "No rule was broken in N = 2 acknowledged operations: fewer than 1 of operations (3/N, at 95 %)"),
        (DOUBLED, 1, "BROKEN, 1 times"),
        ([], 3, "nothing is proved"),
    ],
)
def test_the_program_says_what_it_found_and_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[Line], code: int, said: str
) -> None:
    """In words."""
    assert bench(["check-history", str(written(tmp_path / "history", lines))]) == code
    assert said in capsys.readouterr().out


def test_the_program_answers_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For other programs."""
    assert bench(["check-history", str(written(tmp_path / "history", DOUBLED)), "--json"]) == 1
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (said["clean"], said["operations"], said["broken"], said["rate_bound_95"]) == (False, 2, {"R1": 1}, None)
    assert said["violations"][0]["rule"] == "R1"


def test_an_unreadable_file_has_an_exit_code_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not that of a broken rule."""
    assert bench(["check-history", str(tmp_path / "nowhere")]) == 3
    assert "cannot be read" in capsys.readouterr().err


def test_the_checker_runs_with_the_standard_library_alone(tmp_path: Path) -> None:
    """Whoever has a file needs Python and the folder `bench/checker`, and none of what the house is made of."""
    room = Path(__file__).parents[2] / "bench" / "checker"
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "checker").symlink_to(room)
    command = [sys.executable, "-I", "-S", "-c"]
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from bench.checker.command import main; sys.exit(main())"
    )
    path = str(written(tmp_path / "history", CLEAN))
    finished = subprocess.run([*command, code, path], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
