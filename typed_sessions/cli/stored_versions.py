"""Which versions of a session are stored, before the older ones of them are given up."""

from functools import partial

from typed_sessions.clock import utc_now
from typed_sessions.eager.places import Place
from typed_sessions.errors import SchemaMismatchError, SettingsError, StoreUnavailableError
from typed_sessions.revising.refusal import RevisionError
from typed_sessions.settings import Settings
from typed_sessions.stores.sqlalchemy.bulk import Bulk


def refuse_if_stored(name: str, before: int) -> list[str]:
    """Look into the database of the settings for live sessions of versions below `before`.

    Gives what to tell: that there are none, or what to do where the database is elsewhere.

    Raises:
        RevisionError: there are some.
    """
    advice = f"run `typed-sessions upcast {name}` on the production database, by the code that has the steps"
    try:
        place = Place(Settings())
    except SettingsError:
        return [f"  before you deploy this, {advice}"]
    try:
        counts = place.run(partial(Bulk(place.table, place.dialect).census, model=name, now=utc_now()))
    except (StoreUnavailableError, SchemaMismatchError) as error:
        return [f"  the database could not be asked for older sessions ({error}); before you deploy this, {advice}"]
    alive = sum(count.alive for count in counts if count.version < before)
    if alive:
        raise RevisionError(
            f"the database holds {alive} sessions {name} of versions below {before}, which nobody could read any more: "
            f"run `typed-sessions upcast {name}` first"
        )
    return [f"  the database of TYPED_SESSIONS_DATABASE_URL holds no older session; if there is another one, {advice}"]
