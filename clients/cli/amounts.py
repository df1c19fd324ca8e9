"""Amounts as people read them."""


def money_words(minor: int, currency: str) -> str:
    """`15.00 CNY`, `1500 JPY`: minor units with the decimals of their currency."""
    from engine.intake.amounts import minor_places  # noqa: PLC0415 - help must not wait for the reader of card files

    places = minor_places(currency)
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(places + 1, "0")
    figures = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"{sign}{figures} {currency}"
