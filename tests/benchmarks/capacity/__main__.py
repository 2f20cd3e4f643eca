"""`python -m tests.benchmarks.capacity`."""

import sys

from tests.benchmarks.capacity.command import main

sys.exit(main())
