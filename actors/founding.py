"""Makes a cluster file: `python -m actors.founding FILE HEAD RAY_PORT STORE_PORT`. What `cardkeep cluster new` runs."""

import sys
from pathlib import Path

from actors.adapters.system_clock import SystemClock
from actors.cluster_file import new_cluster, write_cluster_file


def main(file: str, head: str, ray_port: str, store_port: str) -> int:
    """Write it, unless there is one: exit code 1, and nothing changed."""
    cluster = new_cluster(head, ray_port=int(ray_port), store_port=int(store_port), now_ms=SystemClock().now_ms())
    try:
        write_cluster_file(Path(file), cluster)
    except OSError as error:
        sys.stderr.write(f"{file}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
