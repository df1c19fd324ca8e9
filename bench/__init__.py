"""Programs that put a running house under load and check every answer. Nothing here is needed to sell a card."""
