# SPDX-License-Identifier: MIT
"""A story: a function whose name is a sentence, told on a stage of its own.

Every story runs in a process of its own, with a deadline, so that none can disturb another; several
run at once, and the outcomes are printed in order as TAP."""

import importlib
import os
import pkgutil
import select
import signal
import sys
import tempfile
import threading
import time
import traceback

from .backend import Backend
from .relay import Control, Relay
from .wire import WAIT, Ended

BLUE = 'reads=blue:100,green:0 writes=blue:100'
GREEN = 'reads=green:100 writes=green:100'
HELD = 'reads=hold writes=hold'
LIMITS = 'hold-usec=30000000 hold-requests=512 hold-bytes=67108864'
STORY_DEADLINE = 6 * WAIT

STORIES = []


class Story:
    def __init__(self, function, stage, name=None):
        self.function = function
        self.stage = stage
        self.name = name or function.__name__.replace('_', ' ')


def story(function=None, **stage):
    """Marks a story; what is given to it goes to its Stage, but `before`, which is called first."""
    if function:
        STORIES.append(Story(function, stage))
        return function
    return lambda f: story(f) if not stage else STORIES.append(Story(f, stage)) or f


def tell(name, function, **stage):
    """A story made from a table's row."""
    STORIES.append(Story(function, stage, name))


class Skip(Exception):
    """The machine lacks what the story needs; the reason says what."""


class Stage:
    """The relay, blue and green, and a supervisor at its control socket."""

    def __init__(self, route=BLUE, limits=LIMITS, refusing=(), control=True, workers=2, env=None,
                 **relay):
        self.wires = []
        self.blue = Backend('blue', 'blue' not in refusing)
        self.green = Backend('green', 'green' not in refusing)
        self.relay = Relay(env={'RELAY_WORKERS': str(workers), **(env or {})}, **relay)
        self.control = None
        if control:
            self.supervise(route, limits)

    def supervise(self, route, limits=LIMITS):
        self.control = self.another_control()
        self.control.ok(f'backends blue={self.blue.address} green={self.green.address}')
        self.control.ok(f'limits {limits}')
        self.control.route(route)

    def another_control(self):
        return Control(self.relay.control_path)

    def client(self, index=0, **options):
        wire = self.relay.connect(index, **options)
        self.wires.append(wire)
        return wire

    def works(self, client=None):
        """A request passes, right now, by this client or a new one; the backends must be serving."""
        client = client or self.client()
        client.get('/works')
        response = client.response()
        assert response.status == 200, response.start

    def background(self, *work):
        """Does it in threads; what a closed connection breaks there is no news."""
        def run(one):
            try:
                one()
            except (Ended, OSError):
                pass
        threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
        for thread in threads:
            thread.start()
        return threads

    def clear(self):
        """Everybody leaves; by reset, so that nothing of a client is left to wait for."""
        for wire in self.wires + self.blue.open + self.green.open:
            if wire.sock.fileno() >= 0:
                wire.reset()


def run_one(one):
    """In the story's own process: tells it; returns what went wrong as text, or None."""
    options = dict(one.stage)
    try:
        options.pop('before', lambda: None)()
    except Skip as skip:
        return f'SKIP {skip}'
    stage = Stage(**options)
    trouble = None
    try:
        one.function(stage)
        stage.clear()
        stage.relay.stop()
    except Skip as skip:
        trouble = f'SKIP {skip}'
    except BaseException:  # a deadline's exception too
        trouble = traceback.format_exc()
    log = stage.relay.log()
    if trouble is None and any(mark in log for mark in ('Sanitizer', 'runtime error:')):
        trouble = 'a sanitizer complained'
    if trouble and not trouble.startswith('SKIP'):
        trouble += f'the relay wrote:\n{log}' if log else 'the relay wrote nothing\n'
    stage.relay.remove()
    return trouble


def begin(one):
    """Forks the story's process; its outcome will be in the file: empty for good."""
    outcome = tempfile.TemporaryFile()
    pid = os.fork()
    if pid:
        return os.pidfd_open(pid), pid, outcome
    status = 1
    try:
        signal.signal(signal.SIGALRM, overdue)
        signal.alarm(int(STORY_DEADLINE))
        os.write(outcome.fileno(), (run_one(one) or '').encode())
        status = 0
    except BaseException:
        os.write(outcome.fileno(), traceback.format_exc().encode())
    finally:
        os._exit(status)


def overdue(_signal, _frame):
    raise AssertionError(f'the story took longer than {STORY_DEADLINE:g} s')


def report(number, one, status, outcome, seconds):
    outcome.seek(0)
    text = outcome.read().decode('utf-8', 'replace')
    if text.startswith('SKIP ') and status == 0:
        print(f'ok {number} - {one.name} # {text}')
        return True
    good = status == 0 and not text
    print(f'{"ok" if good else "not ok"} {number} - {one.name}')
    if not good:
        print(''.join(f'# {line}\n' for line in (text or f'wait status {status}').split('\n')), end='')
    if os.environ.get('RELAY_TEST_TIMES'):
        print(f'# took {seconds:.2f} s')
    sys.stdout.flush()
    return good


def run_all(chosen, jobs):
    """Tells the stories, some at once; True if all are good."""
    started, running, ended, begun, shown, good = {}, {}, {}, 0, 0, True
    while shown < len(chosen):
        while len(running) < jobs and begun < len(chosen):
            pidfd, pid, outcome = begin(chosen[begun])
            running[pidfd] = (begun, pid, outcome)
            started[begun] = time.monotonic()
            begun += 1
        for pidfd in select.select(list(running), [], [])[0]:
            index, pid, outcome = running.pop(pidfd)
            _, status = os.waitpid(pid, 0)
            os.close(pidfd)
            ended[index] = (status, outcome, time.monotonic() - started[index])
        while shown in ended:
            good &= report(shown + 1, chosen[shown], *ended.pop(shown))
            shown += 1
    print(f'1..{len(chosen)}')
    return good


def load():
    import stories
    for module in sorted(pkgutil.iter_modules(stories.__path__), key=lambda m: m.name):
        importlib.import_module(f'stories.{module.name}')
    names = [one.name for one in STORIES]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f'told twice: {twice}'
    return STORIES
