"""Pricing: what a card really cost, what it should sell for, and why nothing goes out at a loss by mistake."""
