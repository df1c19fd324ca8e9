"""Buying: desks that deal with one supplier each, refills that keep shelves full, codes on their way into stock."""
