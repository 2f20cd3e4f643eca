"""What `import typed_sessions` costs, each time in a new process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from tests.benchmarks.case import Case
from tests.benchmarks.race import Contest, Sample, race

# `import pydantic` alone loads only names; nobody who uses Pydantic gets by without BaseModel.
OURS = "import typed_sessions"
FLOOR = "from pydantic import BaseModel"


def cases() -> list[Case]:
    return [Case("import", OURS, "import BaseModel", 1.3, partial(race, _imports))]


@asynccontextmanager
async def _imports() -> AsyncGenerator[Contest]:
    yield Contest(_importing(OURS), _importing(FLOOR))


def _importing(statement: str) -> Sample:
    script = f"import time; begun = time.perf_counter(); {statement}; print(time.perf_counter() - begun)"

    async def sample() -> float:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
        told, _ = await process.communicate()
        return float(told)

    return sample
