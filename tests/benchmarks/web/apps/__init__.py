"""One small application for each library; all do the same work.

`GET /anonymous` looks into the session of a visitor who has none; `GET /read` gives the count in an existing one;
`POST /write` counts up, and appends to a list of at most `ENTRIES`. Each module has an `app`, and reads the URL of a
PostgreSQL database, in SQLAlchemy's form without a driver, from `DATABASE_URL`.
"""
