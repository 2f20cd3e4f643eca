"""`python -m tests.benchmarks.peers`."""

import sys

from tests.benchmarks.peers.command import main

sys.exit(main())
