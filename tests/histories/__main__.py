"""`python -m tests.histories --store postgresql+asyncpg --operations 10000 --seed 7`."""

import sys

from tests.histories.command import main

sys.exit(main())
