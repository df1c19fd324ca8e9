"""A run as a page one opens from disk: plots, tables, goals, and how to get it all again. It loads nothing."""

from bench.report.page import write_index, write_page

__all__ = ["write_index", "write_page"]
