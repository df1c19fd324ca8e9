"""The doors of engine/ports.py, as they really are; memory.py has them in memory. One technology to a file."""
