"""Reads card files: bytes in, rows out, with a reason for every line that was not taken.

Knows how shops and suppliers write cards (TXT, CSV, workbooks; UTF-8 and GBK; English and Chinese
headers). Knows nothing of stock: whether a card is already there is asked later, by fingerprint.
It would rather refuse a line than guess at a code, a date or an amount.
"""

from engine.intake.card_file import CardFile, CardStream, Kind, Preview, read_cards, stream_cards
from engine.intake.columns import Columns
from engine.intake.doubts import Doubts, Unread
from engine.intake.refusals import CardFileRefused, Reason, RefusedLine
from engine.intake.report import ImportReport
from engine.intake.rows import Row

__all__ = [
    "CardFile",
    "CardFileRefused",
    "CardStream",
    "Columns",
    "Doubts",
    "ImportReport",
    "Kind",
    "Preview",
    "Reason",
    "RefusedLine",
    "Row",
    "Unread",
    "read_cards",
    "stream_cards",
]
