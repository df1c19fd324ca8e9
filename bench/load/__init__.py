"""The load generator: prepared HTTP/2 frames over raw sockets, so that the client is not what is measured.

`plan.py` says what goes in and comes out, `fleet.py` runs it in several processes, `history.py` reads what they
wrote down.
"""
