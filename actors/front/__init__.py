"""Reception: what the outside may say, checked, translated, handed to owners, and translated back."""
