"""History on disk: written where journals are folded, read for reports. Nothing that buyers wait for needs it."""
