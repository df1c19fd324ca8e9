"""Makes a cluster file, for `cardkeep cluster new`: `python -m actors.founding FILE HEAD RAY_PORT STORE_PORT KEYS`.

KEYS is the folder of a house that is to be the head: its key ring becomes the cluster's, where there is one.
"""

import sys
from pathlib import Path

from actors.adapters.key_ring import KeyRingFile, KeyRingRefused
from actors.adapters.system_clock import SystemClock
from actors.cluster_file import new_cluster, write_cluster_file


def main(file: str, head: str, ray_port: str, store_port: str, keys: str) -> int:
    """Write it, unless there is one: exit code 1, and nothing changed."""
    try:
        ring = KeyRingFile(Path(keys)).text_or_new(SystemClock().now_ms())
        write_cluster_file(Path(file), new_cluster(head, ray_port=int(ray_port), store_port=int(store_port), ring=ring))
    except KeyRingRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{file}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
