"""The house's study: everything that is decided is decided here.

Plain, synchronous, deterministic Python. A line that could answer differently when run
twice does not belong here; it belongs in `actors/`.
"""
