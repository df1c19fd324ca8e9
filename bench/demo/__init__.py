"""The demo: an import, a flash sale with a killed owner, the last card, and an audit, in about a minute."""
