# SPDX-License-Identifier: MIT
"""What stands on the host before a cell begins, and again after it: the package, an app that starts
at once, short limits, both colors healthy.

The app is ../apps/abrupt. How it starts and stops is told by knobs, which an instance reads when it
is started or stopped; so a phase lasts as long as a cell needs it.
"""

import json
import os
import time

from host import APP, KNOBS, STATE, SUPERVISOR, HostTrouble, wait_until

COLORS = ("blue", "green")
RELEASES = "/srv/releases"
OWN_CONF = "/etc/app-bluegreen/app.conf.d/faults.conf"
# Above it: what a cell itself configures.
CELL_CONF = "/etc/app-bluegreen/app.conf.d/later.conf"

CALM = {"START_DELAY": "0.2", "STOP_DELAY": "0", "APP_EXIT": "", "HOOK_DELAY": "0"}

DROP_IN = """[Service]
User=www-data
StateDirectory=notes
Environment=EXECUTED_LOG=/var/lib/notes/executed.log
EnvironmentFile={knobs}
ExecStart=
ExecStart=/bin/sh -c 'test -z "$$APP_EXIT" || exit $$APP_EXIT; exec /usr/bin/python3 {app}/abrupt.py'
ExecStop=/bin/sh -c 'sleep "$$STOP_DELAY"'
RestartSec=200ms
TimeoutStopSec=5s
"""

HOOK = """[Service]
Type=oneshot
EnvironmentFile={knobs}
ExecStart=/bin/sh -c 'sleep "$$HOOK_DELAY"'
"""

CONF = """[App]
Strategy={strategy}
[Probe]
Interval=200ms
Timeout=1s
StartTimeout=6s
Rise=1
Fall=2
Soak=200ms
[Hold]
Limit=20s
[Drain]
Requests=2s
Streams=1s
"""

# Only where the installed supervisor knows them.
CONF_RELEASES = """[Release]
Directory=/srv/releases
Window=500ms
[Gate]
Probation=300ms
MinRequests=100000
[Hooks]
BeforeRestart=app-before.service
"""


def repo_file(host, path, to):
    host.tool("copy", host.name, path, to)


def set_knobs(host, **knobs):
    values = CALM | knobs
    host.write(KNOBS, "".join(f"{key}={value}\n" for key, value in values.items()))


def install(host):
    """From nothing to the steady state."""
    from host import REPO
    host.boot()
    repo_file(host, os.path.join(REPO, "tests/apps/abrupt"), "/srv")
    repo_file(host, host.deb, "/root")
    deb = "/root/" + os.path.basename(host.deb)
    host.shell(f"mkdir -p {RELEASES} && for r in r1 r2 r3; do cp -r /srv/abrupt {RELEASES}/$r; done; "
               f"mv /srv/abrupt {APP}; mkdir -p /run/faults /var/lib/notes")
    host.write("/etc/systemd/system/app-before.service", HOOK.format(knobs=KNOBS))
    # Knobs are the cell's, not the system's: a boot puts them back.
    host.write("/etc/tmpfiles.d/faults.conf", "d /run/faults\n" + f"f {KNOBS} - - - - "
               + "\\n".join(f"{key}={value}" for key, value in CALM.items()) + "\\n\n")
    host.write("/etc/systemd/system/app@.service.d/faults.conf",
               DROP_IN.format(knobs=KNOBS, app=APP))
    host.write(OWN_CONF, CONF.format(strategy="fallback"))
    set_knobs(host)
    host.tool("exec", "--apt", host.name, "apt-get", "-q", "-y", "install", deb)
    host.verbs = host.run("bluegreenctl", "help")
    if not wait_until(30, lambda: is_steady(host.status()), 0.1):
        raise HostTrouble("both colors did not get healthy after the installation")
    if has_releases(host):
        use_releases(host)


def has_releases(host):
    return "abort" in host.verbs


def use_releases(host):
    """From code in place to a directory of releases, the way that an administrator takes."""
    host.write("/etc/systemd/system/app@.service.d/faults.conf",
               DROP_IN.format(knobs=KNOBS, app="/var/lib/app-bluegreen/app/%%i").replace("%%", "%"))
    host.run("systemctl", "daemon-reload")
    host.write(OWN_CONF, CONF.format(strategy=host.strategy) + CONF_RELEASES)
    host.run("bluegreenctl", "deploy", "r1", timeout=120)
    if not wait_until(30, lambda: is_steady(host.status()), 0.1):
        raise HostTrouble("the first release was not deployed")


def is_steady(status):
    return bool(status) and status["state"] == "steady" and not is_in_cycle(status) and all(
        status["colors"][color]["healthy"] for color in COLORS)


def is_in_cycle(status):
    """The record says it, and `queued` that one more is to come."""
    return (status.get("cycle") or {}).get("outcome") == "running" or bool(status.get("queued"))


def primary_of(status):
    named = status.get("primary")
    return named or next((c for c in COLORS if status["colors"][c]["role"] == "primary"), "blue")


def other(color):
    return "green" if color == "blue" else "blue"


def unit_of(color):
    return f"app@{color}.service"


def show_cycle(host, cycle):
    """As history has it, whichever way bluegreenctl prints it."""
    child = host.spawn("timeout", "5", "bluegreenctl", "--json", "show", cycle)
    output, _ = child.communicate()
    try:
        return json.loads(output)
    except ValueError:
        return None


def judge_release(host, color, primary):
    """What the process was started as must be what its link and its role say; sentences if not."""
    try:
        with open(f"/proc/{host.main_pid(unit_of(color))}/environ", "rb") as file:
            words = [word.decode().split("=", 1) for word in file.read().split(b"\0") if b"=" in word]
        link = os.path.basename(os.readlink(f"{host.root}{STATE}/{color}"))
    except OSError:
        return []  # down, which others say; or code in place
    environment = dict(words)
    wrong = []
    if environment.get("BLUEGREEN_RELEASE") != link:
        wrong.append(f"{color} was started as {environment.get('BLUEGREEN_RELEASE')}, its link says {link}")
    role = "primary" if color == primary else "fallback"
    if environment.get("BLUEGREEN_ROLE") != role:
        wrong.append(f"{color} was started as {environment.get('BLUEGREEN_ROLE')}, and it is the {role}")
    return wrong


def put_back(host):
    """Everything a cell may have left, undone; False if the host is not steady then."""
    set_knobs(host)
    host.shell(f"rm -f {CELL_CONF} {APP}/broken {RELEASES}/*/broken; "
               "if [ -n \"$(find /run/systemd/system /etc/systemd/system -name 'cell*.conf' "
               "-print -delete)\" ]; then systemctl daemon-reload; fi")
    if wait_until(3, lambda: is_steady(host.status()), 0.05):
        return True
    # Degraded is left by the next cycle that ends well.
    host.run("systemctl", "reset-failed", check=False)
    host.run("systemctl", "start", SUPERVISOR, timeout=30)
    time.sleep(0.5)
    host.spawn("timeout", "60", "bluegreenctl", "reload").communicate()
    return wait_until(10, lambda: is_steady(host.status()), 0.1)
