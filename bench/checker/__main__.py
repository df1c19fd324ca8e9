"""`python -m bench.checker FILE`: the same as `python -m bench check-history FILE`, with the standard library alone."""

import sys

from bench.checker.command import main

sys.exit(main())
