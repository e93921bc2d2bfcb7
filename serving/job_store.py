"""Jobs on disk: what was asked for and what became of it. A database that outlives a killed server."""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

State = Literal["pending", "running", "completed", "failed", "cancelled"]
PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = get_args(State)
ENDED = (COMPLETED, FAILED, CANCELLED)
MOST_BEGINNINGS = 2  # a job in whose time the server died twice is not begun again
VERSION = 1  # of the table
TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    progress REAL NOT NULL, message TEXT NOT NULL, stage TEXT NOT NULL, work TEXT NOT NULL, title TEXT NOT NULL,
    callback TEXT NOT NULL,
    idempotency_key TEXT UNIQUE, beginnings INTEGER NOT NULL, created REAL NOT NULL, began REAL, ended REAL
)
"""
COLUMNS = "id, kind, state, progress, message, stage, work, title, callback, created, began, ended"


@dataclass(frozen=True)
class Job:
    """`progress` in 0..1; `created`, `began` and `ended` in seconds since 1970.

    `stage`: what is being done of a running job, see serving/meter.py; `work`: what a worker is told.
    """

    id: str
    kind: str
    state: State
    progress: float
    message: str
    stage: dict[str, Any]
    work: dict[str, Any]
    title: str
    callback: str
    created: float
    began: float | None
    ended: float | None

    @property
    def is_over(self) -> bool:
        return self.state in ENDED


def new_id() -> str:
    return uuid.uuid4().hex


class JobStore:
    """Every method is one transaction and may be called from any thread."""

    def __init__(self, path: Path):
        self.lock = threading.RLock()
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", f"user_version = {VERSION}"):
            self.database.execute(f"PRAGMA {setting}")
        self.database.execute(TABLE)

    def close(self) -> None:
        with self.lock:
            self.database.close()

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[Job]:
        """The jobs that a statement gives, whose columns are COLUMNS."""
        with self.lock:
            rows = self.database.execute(statement, values).fetchall()
        return [Job(*row[:5], json.loads(row[5]), json.loads(row[6]), *row[7:]) for row in rows]

    def add(
        self, identity: str, kind: str, work: dict[str, Any], title: str, callback: str = "", key: str | None = None
    ) -> Job:
        """A new job; where there is one of the same key, that one."""
        values = (identity, kind, PENDING, json.dumps(work), title, callback, key, time.time())
        with self.lock:
            self.query(
                "INSERT INTO jobs (id, kind, state, progress, message, stage, work, title, callback, idempotency_key,"
                " beginnings, created) VALUES (?, ?, ?, 0, '', '{}', ?, ?, ?, ?, 0, ?)"
                f" ON CONFLICT (idempotency_key) DO NOTHING RETURNING {COLUMNS}",
                values,
            )
            return self.get(identity) or self.of_key(key)

    def get(self, identity: str) -> Job | None:
        return next(iter(self.query(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (identity,))), None)

    def of_key(self, key: str | None) -> Job | None:
        return next(iter(self.query(f"SELECT {COLUMNS} FROM jobs WHERE idempotency_key = ?", (key,))), None)

    def listed(self, state: str | None = None, most: int = 100) -> list[Job]:
        """Newest first."""
        which = "" if state is None else "WHERE state = :state"
        order = f"SELECT {COLUMNS} FROM jobs {which} ORDER BY number DESC LIMIT :most"
        with self.lock:
            return self.query(order, {"state": state, "most": most})

    def counts(self) -> dict[str, int]:
        with self.lock:
            found = dict(self.database.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in get_args(State)}

    def take(self, kinds: Collection[str]) -> Job | None:
        """The job of these kinds that has waited longest, previews first; it now runs. None where none waits."""
        marks = ", ".join("?" * len(kinds))
        taken = self.query(
            f"UPDATE jobs SET state = '{RUNNING}', began = ?, beginnings = beginnings + 1, progress = 0, stage = '{{}}'"
            f" WHERE number = (SELECT number FROM jobs WHERE state = '{PENDING}' AND kind IN ({marks})"
            " ORDER BY kind != 'preview', number LIMIT 1)"
            f" RETURNING {COLUMNS}",
            (time.time(), *kinds),
        )
        return taken[0] if taken else None

    def note(self, identity: str, progress: float, stage: dict[str, Any]) -> None:
        """How far a running job has come."""
        values = (progress, json.dumps(stage), identity)
        self.query(f"UPDATE jobs SET progress = ?, stage = ? WHERE id = ? AND state = '{RUNNING}'", values)

    def end(self, identity: str, state: str, message: str, among: Sequence[str] = (PENDING, RUNNING)) -> Job | None:
        """The job, now ended; None where it was in none of the states `among`."""
        marks = ", ".join("?" * len(among))
        ended = self.query(
            "UPDATE jobs SET state = ?, message = ?, ended = ?,"
            f" progress = CASE ? WHEN '{COMPLETED}' THEN 1 ELSE progress END"
            f" WHERE id = ? AND state IN ({marks}) RETURNING {COLUMNS}",
            (state, message, time.time(), state, identity, *among),
        )
        return ended[0] if ended else None

    def give_back(self, identity: str) -> None:
        """Let a running job wait again, as if it had not begun: the server ends, and it is not to blame."""
        self.query(
            f"UPDATE jobs SET state = '{PENDING}', beginnings = beginnings - 1, progress = 0, stage = '{{}}'"
            f" WHERE id = ? AND state = '{RUNNING}'",
            (identity,),
        )

    def recover(self) -> None:
        """Let jobs that ran when the server died run again; those that did so too often have failed."""
        with self.lock:
            self.query(
                f"UPDATE jobs SET state = '{FAILED}', ended = ?, message = ?"
                f" WHERE state = '{RUNNING}' AND beginnings >= {MOST_BEGINNINGS}",
                (time.time(), f"the server died {MOST_BEGINNINGS} times while it ran; post it again"),
            )
            self.query(f"UPDATE jobs SET state = '{PENDING}', progress = 0, stage = '{{}}' WHERE state = '{RUNNING}'")

    def remove(self, identity: str) -> None:
        self.query("DELETE FROM jobs WHERE id = ?", (identity,))

    def expired(self, before: float) -> list[Job]:
        """Those that ended before a time."""
        return self.query(f"SELECT {COLUMNS} FROM jobs WHERE ended < ?", (before,))

    def identities(self) -> set[str]:
        with self.lock:
            return {row[0] for row in self.database.execute("SELECT id FROM jobs")}
