"""The pages."""

from pathlib import Path


def write_page(path: Path) -> Path:
    """X."""
    return path.with_suffix(".html")


def write_index(build: Path) -> Path:
    """X."""
    return build / "index.html"
