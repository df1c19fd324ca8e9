"""`ray_cluster.yaml` on three hosts of this machine: `make hosts`."""
