# See ray.
