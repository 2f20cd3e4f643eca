"""flask-session with its SQLAlchemy backend."""

import time

from flask import Flask, session
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy

from tests.benchmarks.web.apps.work import PAUSE, POOL_SIZE, count_up, database_url

app = Flask("benchmark")
app.config["SQLALCHEMY_DATABASE_URI"] = database_url("postgresql+psycopg")
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": POOL_SIZE}
database = SQLAlchemy(app)
app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)
Session(app)


@app.get("/anonymous")
@app.get("/read")
def read() -> str:
    return str(session.get("count", 0))


@app.post("/write")
def write() -> str:
    seen = session.get("count", 0)
    time.sleep(PAUSE)
    return str(count_up(session, seen))
