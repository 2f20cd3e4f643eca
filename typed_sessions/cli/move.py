"""`typed-sessions move`: give a stored session another key."""

from functools import partial
from typing import Annotated

import typer

from typed_sessions.cli.json_output import AsJson, print_document
from typed_sessions.cli.keys import key_of, written
from typed_sessions.cli.opening import settings_of
from typed_sessions.cli.options import DryRun, KeyParts, ModelName, SchemaName, StoreUrl, TableName
from typed_sessions.cli.output import FAILED, complain, say, sentences
from typed_sessions.cli.running import run
from typed_sessions.clock import utc_now
from typed_sessions.engine import Engine
from typed_sessions.errors import SessionConflictError
from typed_sessions.key import SessionKey
from typed_sessions.limits import Limits
from typed_sessions.stores.protocol import Store
from typed_sessions.turnstile import Tasks, Turnstile


@sentences()
def move(  # noqa: PLR0917 # they are options, given by name
    model: ModelName,
    key: KeyParts,
    to: Annotated[str, typer.Option(metavar="KEY", help="The new key, as `ls` prints it; one that lives there stays.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    database_url: StoreUrl = None,
    table: TableName = None,
    schema: SchemaName = None,
) -> None:
    """Give a stored session another key. It never replaces one that lives.

    Its data, owner and revision stay as they are. A turn that has it open meanwhile gets `SessionGoneError`. One
    that has expired, and no code sees, makes way. It ends with 1 if there is no such session, or the new key is taken.

    Example: `typed-sessions move cart guest/9f3c --to user/42`
    """
    settings, old, new = settings_of(database_url, table, schema), key_of(model, key), key_of(model, [to])
    work = partial(rehearsed if dry_run else moved, old, new)
    if not run(settings, work, lambda: "; it may be moved or not"):
        complain(f"there is no session {old}; `typed-sessions ls {model}` lists the keys")
        raise typer.Exit(FAILED)
    if as_json:
        print_document({"model": model, "key": old.text, "to": new.text, "moved": int(not dry_run), "dry_run": dry_run})
    else:
        would = "would move" if dry_run else "moved"
        say(f"{would} {model} {written(old.text)} to {written(new.text)}")


async def moved(old: SessionKey, new: SessionKey, store: Store) -> bool:
    """Move it as `Sessions.move`, which wants a session model, does.

    Raises:
        SessionConflictError: the new key is taken.
    """
    turnstile = Turnstile(Tasks(), 0.0)
    engine = Engine(store, utc_now, Limits(), turnstile, serialize=False, exclusive=False)
    return await engine.move(old, new, codec=None)


async def rehearsed(old: SessionKey, new: SessionKey, store: Store) -> bool:
    """The same answer, and nothing is written."""
    found, now = await store.load([old, new]), utc_now()
    if old not in found or not found[old].is_alive(now):
        return False
    if new != old and new in found and found[new].is_alive(now):
        raise SessionConflictError(new, (), is_taken=True)
    return True
