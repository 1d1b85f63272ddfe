# SPDX-License-Identifier: MIT
# gunicorn as an operator would run it: threads and keep-alive, two worker processes.
import os
import threading

# gunicorn listens before it imports the app: code that never listens hangs here, in the master.
if os.path.exists("broken"):
    with open("broken", encoding="ascii") as file:
        if file.read().strip() == "hang":
            threading.Event().wait()

bind = "127.0.0.1:" + os.environ.get("PORT", "9000")
workers = 2
worker_class = "gthread"
threads = 16
# gunicorn's own default: short enough that pooled connections end while someone means to use them.
keepalive = 2
backlog = 2048
# What is under way at SIGTERM may end. Little: the connections were drained before.
graceful_timeout = 5
# A worker that starts slowly on purpose is not a hung one.
timeout = 120
# The heartbeat file: never on a disk that may stall.
worker_tmp_dir = "/dev/shm"
