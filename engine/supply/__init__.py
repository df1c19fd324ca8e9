"""Supply: from whom cards are bought, what became of each purchase, and when to buy."""
