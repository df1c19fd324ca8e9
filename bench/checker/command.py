"""`python -m bench check-history FILE`: judge a history that clients wrote, and say what was found.

Exit codes: 0 no rule was seen to be broken; 1 some were; 2 typed wrong; 3 the file is no history, or has nothing to
judge: not one acknowledged operation.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.checker.check import check_file
from bench.checker.history import HistoryUnreadable
from bench.checker.verdict import RULES, Verdict

CLEAN, BROKEN, UNREADABLE = 0, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench check-history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="a history (docs/history-format.md), .gz or plain")
    parser.add_argument("--json", action="store_true", help="the verdict as JSON on stdout")
    options = parser.parse_args(arguments)
    began_s = time.monotonic()
    try:
        verdict = check_file(options.file)
    except HistoryUnreadable as wrong:
        sys.stderr.write(f"{options.file}: {wrong}\n")
        return UNREADABLE
    took_s = time.monotonic() - began_s
    if options.json:
        sys.stdout.write(json.dumps({**verdict.to_json(), "took_s": round(took_s, 3)}) + "\n")
    else:
        sys.stdout.write(told(verdict, took_s))
    if not verdict.is_clean:
        return BROKEN
    return CLEAN if verdict.acknowledged else UNREADABLE


def told(verdict: Verdict, took_s: float) -> str:
    """The verdict for people."""
    told_of = (
        f"{verdict.operations:,} operations on {verdict.skus:,} SKUs: {verdict.acknowledged:,} acknowledged,"
        f" {verdict.refusals:,} told sold out, {verdict.unknown:,} of unknown end;"
        f" {verdict.holds:,} holds, {verdict.sales:,} sales; {took_s:.1f} s"
    )
    lines = [told_of, ""]
    for rule, says in RULES.items():
        found = f"holds, {verdict.looked[rule]:,} looked at" if verdict.looked[rule] else "nothing to look at"
        if verdict.broken[rule]:
            found = f"BROKEN, {verdict.broken[rule]:,} times"
        lines.append(f"  {rule:<4} {says}: {found}")
        lines += [f"       {sku}: {words}" for broken, sku, words in verdict.violations if broken == rule]
    lines.append("")
    if verdict.rate_bound is not None:
        bound = f"fewer than {verdict.rate_bound:.2g} of operations (3/N, at 95 %)"
        lines.append(f"No rule was broken in N = {verdict.acknowledged:,} acknowledged operations: {bound}.")
    elif verdict.is_clean:
        lines.append("Nothing was acknowledged, so nothing is proved.")
    else:
        lines.append(f"{verdict.broken.total():,} violations; of each rule the first are named.")
    return "\n".join(lines) + "\n"
