"""`python -m tests.benchmarks.web`."""

import sys

from tests.benchmarks.web.command import main

sys.exit(main())
