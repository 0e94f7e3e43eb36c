"""A small site in the whole chain: a visitor's visits in the session, everybody's in PostgreSQL.

``gunicorn -c deploy/gunicorn.conf.py deploy.production:application`` serves it. deploy/README.md
says which settings and secrets it takes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from deploy.chain import configure, production
from wsgikit import App, g, health_checks, session
from wsgikit.sessions.postgresql import set_up_postgresql

# Seconds that a view waits for the database. Without that limit all threads would soon wait for one
# that hangs, and none be left for probes: each host would be restarted again and again.
PATIENCE = 2

app = App(__name__)
configure(app)


def engine() -> Engine:
    """This process's pool of connections."""
    pool: Engine = app.extensions["database"]
    return pool


@app.on_startup
def open_pool() -> None:
    """After the fork, for two processes cannot share a connection."""
    waits = {"connect_timeout": PATIENCE, "tcp_user_timeout": PATIENCE * 1000}
    pool = create_engine(
        app.config["DATABASE"], pool_pre_ping=True, pool_timeout=PATIENCE, connect_args=waits
    )
    set_up_postgresql(pool, PATIENCE)
    app.extensions["database"] = pool
    with pool.begin() as db:
        db.execute(text("SELECT pg_advisory_xact_lock(1)"))  # one worker after the other
        db.execute(text("CREATE TABLE IF NOT EXISTS visits (at timestamptz NOT NULL)"))


@app.on_shutdown
def close_pool() -> None:
    engine().dispose()


def connect() -> Iterator[Connection]:
    """``g.db``: a connection for one request, whose end commits or rolls back."""
    with engine().connect() as db:
        yield db
        db.commit()


def check_database() -> None:
    """A function, because the pool is opened after the chain is built."""
    health_checks.database(engine())()


@app.errorhandler(OperationalError)
def database_is_away(error: OperationalError) -> tuple[str, int, dict[str, str]]:
    return "Please try again in a moment.\n", 503, {"Retry-After": str(PATIENCE)}


@app.get("/")
def index() -> dict[str, int]:
    session["visits"] = session.get("visits", 0) + 1
    g.db.execute(text("INSERT INTO visits VALUES (now())"))
    everybody = g.db.execute(text("SELECT count(*) FROM visits")).scalar_one()
    return {"yours": session["visits"], "everybodys": everybody}


application = production(app, checks={"database": check_database}, db=connect)
