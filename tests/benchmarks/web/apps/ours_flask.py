"""typed-sessions in Flask."""

import time

from flask import Flask
from sqlalchemy import create_engine

from tests.benchmarks.web.apps.tally import Tally
from tests.benchmarks.web.apps.work import PAUSE, POOL_SIZE, database_url
from typed_sessions import SyncSessions
from typed_sessions.integrations.flask import Cookie, TypedSessions, Visits, data_of
from typed_sessions.stores.sqlalchemy import SyncSQLAlchemyStore

engine = create_engine(database_url("postgresql+psycopg"), pool_size=POOL_SIZE)
app = Flask("benchmark")
visits = Visits(SyncSessions(SyncSQLAlchemyStore(engine)), [Tally], cookie=Cookie(secure=False))
TypedSessions(visits).init_app(app)


@app.get("/anonymous")
@app.get("/read")
def read() -> str:
    return str(data_of(Tally).count)


@app.post("/write")
def write() -> str:
    tally = data_of(Tally)
    seen = tally.count
    time.sleep(PAUSE)
    tally.count_up(seen)
    return str(tally.count)
