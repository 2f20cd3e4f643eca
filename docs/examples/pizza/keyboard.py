"""Lines from the terminal, without blocking the event loop."""

import asyncio
import threading


async def ask(prompt: str) -> str | None:
    """A line that is typed now; None at the end of the input (Ctrl-D).

    It is read in a daemon thread, which need not end for the program to end: Ctrl-C works without Enter.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def read() -> None:
        line = line_or_end(prompt)
        loop.call_soon_threadsafe(lambda: None if answer.done() else answer.set_result(line))

    threading.Thread(target=read, daemon=True).start()
    return await answer


def line_or_end(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        return None
