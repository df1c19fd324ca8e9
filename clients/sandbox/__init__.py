"""A supplier to practise with: a real HTTP server with real stock, money and codes, and told to misbehave."""
