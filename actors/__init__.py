"""The house's hands: every await, socket, timer and process. What is decided is decided in `engine/`."""
