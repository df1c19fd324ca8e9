"""`ray_cluster.yaml` says what Ray's own schema and preparation take, and what our command line takes.

So does the manifest for Kubernetes, of which there is none here that could take it.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from actors.cluster_file import read_cluster_file
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


@pytest.fixture(scope="module")
def manifest() -> dict[str, list[dict[str, Any]]]:
    """Everything that is to be applied to Kubernetes, by kind."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in yaml.safe_load_all((ROOT / "docs/cluster/kuberay.yaml").read_text()):
        kinds.setdefault(each["kind"], []).append(each)
    return kinds


def _pods(manifest: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    (cluster,) = manifest["RayCluster"]
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_pods_run_what_our_command_line_takes(manifest: dict[str, list[dict[str, Any]]]) -> None:
    """With probes of their own: KubeRay would end a pod whose Ray it cannot find."""
    helped = CliRunner().invoke(app, ["up", "--help"]).stdout
    for pod in _pods(manifest):
        (container,) = pod["containers"]
        options = set(re.findall(r"--[\w-]+", container["args"][0]))
        assert options == {"--foreground", "--cluster", "--machine", "--data"}
        assert all(option in helped for option in options)
        assert container["readinessProbe"]
        assert container["livenessProbe"]


def test_the_manifest_has_all_that_it_names(manifest: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    """Ports are those of a new cluster file, the head's name is its service's, volumes are claimed."""
    made = CliRunner().invoke(app, ["cluster", "new", "cardkeep-head", "--file", str(tmp_path / "cluster.json")])
    assert made.exit_code == 0, made.output
    cluster = read_cluster_file(tmp_path / "cluster.json")
    (head,) = [service for service in manifest["Service"] if service["metadata"]["name"] == cluster.head]
    assert {port["port"] for port in head["spec"]["ports"]} == {cluster.ray_port, cluster.store_port}
    (claim,) = manifest["PersistentVolumeClaim"]
    volumes = [volume for pod in _pods(manifest) for volume in pod["volumes"]]
    claimed = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    assert claimed == {claim["metadata"]["name"]}
    for pod in _pods(manifest):
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
