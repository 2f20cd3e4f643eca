"""The jobs that send reminders. What they send is in the sessions, so they can be made anew at any time."""

from datetime import datetime, timedelta
from typing import Any, cast

from telegram.error import Forbidden, TelegramError
from telegram.ext import ContextTypes, JobQueue

from reminder.bindings import books
from reminder.reminders import Reminder, Reminders
from typed_sessions import Sessions

Context = ContextTypes.DEFAULT_TYPE
Queue = JobQueue[Any]

RETRY = timedelta(minutes=1)


def schedule(queue: Queue, chat_id: int, reminder: Reminder, *, now: datetime) -> None:
    """Send it when it is due, or at once if that is past. A job for it that is there already is replaced."""
    run_in(queue, chat_id, reminder.number, max(reminder.due - now, timedelta(0)))


def run_in(queue: Queue, chat_id: int, number: int, wait: timedelta) -> None:
    name = f"{chat_id}/{number}"
    for job in queue.get_jobs_by_name(name):
        job.schedule_removal()
    # Without the grace time, a job that the scheduler is late for would be dropped.
    queue.run_once(ring, wait, data=number, name=name, chat_id=chat_id, job_kwargs={"misfire_grace_time": None})


async def restore(queue: Queue, sessions: Sessions, *, bot_id: int, now: datetime) -> int:
    """Make the jobs of all reminders of a bot, as it starts, and say how many."""
    count = 0
    async for key, book in sessions.items(Reminders, prefix=bot_id):
        for reminder in book.waiting:
            schedule(queue, int(key.parts[-1]), reminder, now=now)
            count += 1
    return count


@books.inject
async def ring(context: Context, book: Reminders) -> None:
    """Send a reminder and drop it, in this order: one that could not be sent or saved is sent again."""
    job = context.job
    reminder = book.find(int(str(job.data))) if job else None
    if job is None or job.chat_id is None or reminder is None:
        return  # it was forgotten meanwhile
    try:
        await context.bot.send_message(job.chat_id, f"⏰ {reminder.text}")
    except Forbidden:
        book.waiting.clear()  # the bot was blocked, or thrown out of the group
        return
    except TelegramError:
        run_in(queue_of(context), job.chat_id, reminder.number, RETRY)
        raise
    book.drop(reminder.number)


def queue_of(context: Context) -> Queue:
    """Raises RuntimeError if there is none."""
    queue = cast("Queue | None", context.job_queue)  # pyright: ignore[reportUnknownMemberType]  # it is generic in nothing
    if queue is None:
        raise RuntimeError('there is no job queue; pip install "python-telegram-bot[job-queue]"')
    return queue
