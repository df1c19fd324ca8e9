"""`ray_cluster.yaml` says what Ray's own schema and preparation take, and what our command line takes."""

import re
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from clients.cli.main import app

ROOT = Path(__file__).parents[2]

#: Ray's own check, in a process of its own: to import Ray is a second, and starts threads.
_CHECK = """
import sys, yaml
from ray.autoscaler._private.util import prepare_config, validate_config
config = yaml.safe_load(open(sys.argv[1]))
if len(sys.argv) > 2:
    config[sys.argv[2]] = []
prepared = prepare_config(config)
validate_config(prepared)
print(prepared["available_node_types"]["local.cluster.node"]["max_workers"])
"""


def _checked(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _CHECK, str(ROOT / "ray_cluster.yaml"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_ray_takes_it() -> None:
    """And would not take any file."""
    taken = _checked()
    assert (taken.returncode, taken.stdout.strip()) == (0, "2"), taken.stderr
    assert "ValidationError" in _checked("auth").stderr


def test_our_command_line_takes_what_it_runs() -> None:
    """Each option is one of `cardkeep up`."""
    text = (ROOT / "ray_cluster.yaml").read_text()
    options = set(re.findall(r"cardkeep up (.*)", text)[-1].split()) & set(re.findall(r"--\w+", text))
    helped = CliRunner().invoke(app, ["up", "--help"]).stdout
    assert options == {"--cluster", "--data"}
    assert all(option in helped for option in options)
