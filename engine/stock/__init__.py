"""Stock: the cards of one SKU, who holds them and until when. A card is held in `pool.py`."""
