"""History: what reports need of a pool's life, as rows of plain tables."""
