"""Suppliers' protocols: each file turns one into findings, and judges nothing."""
