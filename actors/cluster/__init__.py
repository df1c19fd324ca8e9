"""Ray: the only room that imports it. Wraps the hosts as actors, finds them, and maps Ray's failures to ours."""

from actors.cluster.cluster import Cluster
from actors.cluster.reach import Reach

__all__ = ["Cluster", "Reach"]
