"""Faults, a small class each: what goes wrong, and how it is put right."""
