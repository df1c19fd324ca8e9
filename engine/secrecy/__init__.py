"""Secrecy, as far as it can be decided without a key: what a seal is bound to, how a code is shown and compared.

Holds no key and no plain code for longer than a call. For keys see actors/adapters/key_ring.py, for
sealing and opening actors/adapters/local_vault.py.
"""
