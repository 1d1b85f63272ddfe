# SPDX-License-Identifier: MIT
"""A small reader: it lists, shows, takes and drops notes.

One SQLite database for both colors, in WAL mode, so that reading goes on while the other color
writes. The primary opens it read-write. A fallback (READ_ONLY=1) opens the very same file with
mode=ro, hides its forms, and answers every write with 503 and Retry-After. What every answer
carries, and how to break the code: ../README.md.
"""

import os
import sqlite3
import sys
import threading
import time
import urllib.parse

import flask

COLOR = os.environ.get("BLUEGREEN_COLOR", "blue")
ROLE = os.environ.get("BLUEGREEN_ROLE", "primary")
RELEASE = os.environ.get("BLUEGREEN_RELEASE", "") or "in place"
READ_ONLY = os.environ.get("READ_ONLY", "") not in ("", "0")
APP_DIR = os.environ.get("APP_DIR", os.path.dirname(os.path.abspath(__file__)))
DATABASE = os.environ.get("NOTES_DB", "/var/lib/notes/notes.db")
EXECUTED_LOG = os.environ.get("EXECUTED_LOG")

LISTED = 20  # notes on the page
TEXT_MAX = 64 * 1024  # of a note
BUSY_SECONDS = 10  # how long a writer waits for another one
RETRY_SECONDS = "5"

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    color TEXT NOT NULL,
    written TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%S', 'now'))
)
"""


def read_broken():
    try:
        with open(os.path.join(APP_DIR, "broken"), encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


BROKEN = read_broken()
if BROKEN == "exit":
    sys.exit(3)

# A real application reads its models and templates now. Long, so that a restart can be seen.
time.sleep(float(os.environ.get("START_DELAY", "3")))

app = flask.Flask(__name__, root_path=APP_DIR)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20
local = threading.local()


def open_database():
    if READ_ONLY:
        path = urllib.parse.quote(os.path.abspath(DATABASE))
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    else:
        database = sqlite3.connect(DATABASE, timeout=BUSY_SECONDS, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        # Every commit reaches the disk: an acknowledged note survives a power loss.
        database.execute("PRAGMA synchronous=FULL")
        database.execute(SCHEMA)
    database.row_factory = sqlite3.Row
    return database


def database():
    """This thread's connection, opened at its first request."""
    if not hasattr(local, "database"):
        local.database = open_database()
    return local.database


def query(statement, *values):
    """Rows, or none while the primary has not made the database yet."""
    try:
        return database().execute(statement, values).fetchall()
    except sqlite3.OperationalError:
        if READ_ONLY and not os.path.exists(DATABASE):
            return []
        raise


def receipt():
    return f"{flask.g.request} {COLOR} {ROLE} {flask.request.method}"


def append_to_log():
    """Called within the transaction, whose lock puts the lines of both colors in order."""
    if not EXECUTED_LOG:
        return
    fd = os.open(EXECUTED_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, receipt().encode() + b"\n")
    finally:
        os.close(fd)


def execute(statement, *values):
    connection = database()
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(statement, values)
        append_to_log()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def wants_page():
    kinds = flask.request.accept_mimetypes
    return kinds.best_match(["text/plain", "text/html"]) == "text/html"


def plain(text, status=200):
    return flask.Response(text + "\n", status, mimetype="text/plain")


def page(name, status=200, **values):
    return flask.render_template(
        name,
        color=COLOR,
        role=ROLE,
        release=RELEASE,
        read_only=READ_ONLY,
        receipt=receipt(),
        **values,
    ), status


@app.before_request
def begin():
    flask.g.request = flask.request.headers.get("X-Request-Id", "-")
    if BROKEN == "silent":
        threading.Event().wait()
    if BROKEN == "error":
        return plain("broken on purpose\n" + receipt(), 500)
    if READ_ONLY and flask.request.method not in ("GET", "HEAD", "OPTIONS"):
        if wants_page():
            answer = flask.make_response(page("read-only.html", 503))
        else:
            answer = plain("read-only for now: try again in a moment", 503)
        answer.headers["Retry-After"] = RETRY_SECONDS
        return answer
    return None


@app.after_request
def mark(answer):
    answer.headers["X-Color"] = COLOR
    answer.headers["X-Role"] = ROLE
    answer.headers["X-Release"] = RELEASE
    answer.headers["X-Request-Id"] = flask.g.get("request", "-")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@app.get("/healthz")
def health():
    query("SELECT 1 FROM notes LIMIT 1")
    return plain(f"ok {COLOR} {ROLE} {RELEASE}")


@app.get("/")
def list_notes():
    notes = query(
        "SELECT id, title, substr(text, 1, 200) AS beginning, color, written"
        " FROM notes ORDER BY id DESC LIMIT ?",
        LISTED,
    )
    count = query("SELECT max(id) AS count FROM notes")
    return page("list.html", notes=notes, count=(count and count[0]["count"]) or 0)


@app.get("/notes/<int:number>")
def show_note(number):
    found = query("SELECT * FROM notes WHERE id = ?", number)
    if not found:
        return page("missing.html", 404)
    return page("note.html", note=found[0])


@app.post("/notes")
def add_note():
    form = flask.request.form
    title, text = form.get("title", "").strip(), form.get("text", "").strip()
    if not title or len(title) > 200 or len(text) > TEXT_MAX:
        return plain("a note has a title of up to 200 characters and a text of up to 64 KiB", 400)
    execute(
        "INSERT INTO notes (request, title, text, color) VALUES (?, ?, ?, ?)",
        form.get("id", flask.g.request),
        title,
        text,
        COLOR,
    )
    if wants_page():
        return flask.redirect("/", 303)
    return plain(receipt(), 201)


@app.post("/notes/<int:number>/drop")
def drop_note(number):
    execute("DELETE FROM notes WHERE id = ?", number)
    if wants_page():
        return flask.redirect("/", 303)
    return plain(receipt())


if not READ_ONLY:
    # The fallback can read only what is there: the primary makes it before it serves.
    open_database().close()
