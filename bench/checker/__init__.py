"""Checks what clients were told against twelve rules, by their word alone: it shares no code with the house.

`python -m bench check-history FILE` is the program; docs/history-format.md says what a file looks like, what each rule
says and what it cannot see. `check.py` reads first: it names the rooms in the order in which they work.
"""
