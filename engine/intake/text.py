"""TXT and CSV: lines of text in, records out. The only file that knows the csv module.

Both kinds decide their delimiter from the first lines of the file and hold to it. CSV is read
strictly: where quotation marks do not match, nothing after them can be trusted, so the file is refused.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice

from engine.intake.columns import says_what_it_holds
from engine.intake.records import Record, Table
from engine.intake.refusals import CardFileRefused
from engine.limits import sample_lines_max
from engine.secrecy.masks import SEPARATOR

_TXT_DELIMITERS = (SEPARATOR, "\t", "|", ",", " ")
_CSV_DELIMITERS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\s*")


def read_txt(lines: Iterable[str]) -> Table:
    """One card a line; fields stand apart by the delimiter that most lines have, if there is one.

    Spaces delimit only when most lines are two words. When several delimiters are in most
    lines, one whose fields are known (a header, a date) goes before the order of `_TXT_DELIMITERS`.
    """
    filled = ((line_no, line.rstrip("\n")) for line_no, line in enumerate(lines, 1) if line and not line.isspace())
    sample = list(islice(filled, sample_lines_max))
    delimiter = _txt_delimiter([line for _, line in sample])
    records = ((line_no, _split(line, delimiter)) for line_no, line in chain(sample, filled))
    return Table(delimiter, records)


def read_csv(lines: Iterable[str]) -> Table:
    """Records of a CSV file with `,`, `;` or tab. `lines` keep their line ends.

    Raises CardFileRefused, while records are read, where quotation marks do not match.
    """
    every = iter(lines)
    sample = list(islice(every, sample_lines_max))
    said = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
    if said:
        sample[0] = "\n"  # a blank line keeps the count
    delimiter = said[1] if said else _csv_delimiter(sample)
    return Table(delimiter, _csv_records(chain(sample, every), delimiter))


def _txt_delimiter(sample: list[str]) -> str:
    common = [
        delimiter
        for delimiter in _TXT_DELIMITERS
        if 2 * sum(_delimits(delimiter, line) for line in sample) > len(sample)
    ]
    known = (each for each in common if says_what_it_holds([_split(line, each) for line in sample]))
    return next(chain(known, common), "")


def _delimits(delimiter: str, line: str) -> bool:
    return len(line.split()) == 2 if delimiter == " " else delimiter in line


def _split(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return [line]
    return line.split() if delimiter == " " else line.split(delimiter)


def _csv_delimiter(sample: list[str]) -> str:
    """The delimiter that cuts most lines into the same number of fields, two or more."""

    def lines_alike(delimiter: str) -> int:
        widths: Counter[int] = Counter()
        with suppress(csv.Error):  # said where records are read, with the line
            widths.update(len(fields) for fields in csv.reader(sample, delimiter=delimiter))
        return max((count for width, count in widths.items() if width > 1), default=0)

    return max(_CSV_DELIMITERS, key=lines_alike)


def _csv_records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line_no = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise CardFileRefused(
                f"the quotation marks of the record on line {line_no} do not match: "
                'a cell that holds " must be written "like ""this"""'
            ) from None
        if any(field and not field.isspace() for field in fields):
            yield line_no, fields
