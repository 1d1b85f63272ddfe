# SPDX-License-Identifier: MIT
"""Processes that die: the supervisor, the relay, a color, both; and new code that is no good."""

import os
import signal
import time

import stand
from host import APP, RELAY, wait_until

def supervisor_killed(cell):
    """kill -9. Before the commit the cycle is taken back, after it it is finished."""
    cell.reach()
    cell.kill_supervisor()
    if not cell.await_supervisor():
        cell.problem("I5: the supervisor was not started again within ten seconds")
    cell.release_fault()
    cell.outcomes |= {"interrupted"}
    if cell.phase == "P6":
        cell.outcomes = {"succeeded"}


def supervisor_killed_again(cell):
    """A second time, while the first supervisor after the crash finds out how things stand."""
    cell.reach()
    for pause in (0.0, 0.05, 0.15):
        time.sleep(pause)
        cell.kill_supervisor()
        cell.await_supervisor()
    cell.release_fault()
    cell.outcomes |= {"interrupted"}


def supervisor_out_of_memory(cell):
    """As the kernel's OOM killer does it, by way of systemd."""
    cell.reach()
    cell.killed_supervisor = cell.host.pids("app-bluegreen.service")
    cell.host.run("systemctl", "kill", "-s", "KILL", "app-bluegreen.service")
    cell.restarts["app-bluegreen.service"] += 1
    cell.await_supervisor()
    cell.release_fault()
    cell.outcomes |= {"interrupted"}


def relay_killed(cell):
    """Accepted connections are lost; who waits in the backlog is served, by the route of now."""
    cell.reach()
    old = cell.host.pids(RELAY)
    cell.kill_relay()
    if not wait_until(10, lambda: cell.host.pids(RELAY) and cell.host.pids(RELAY) != old):
        cell.problem("I1: the relay was not started again")
    cell.release_fault()


def serving_killed(cell):
    """The color that serves crashes: in a cycle the one that stands in for the other."""
    cell.reach()
    cell.kill_color(cell.primary if cell.phase in ("P0", "P1", "P8", "P9") else cell.last)
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.silence_ms = 6000
    cell.hold_ok = True


def drained_killed(cell):
    """Who is drained anyway crashes: a shorter drain."""
    cell.reach()
    cell.kill_color(cell.primary)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True


def new_killed(cell):
    """The color on the new code crashes; it never takes the traffic with it."""
    cell.reach()
    if cell.phase == "P3":
        # Until it listens it is not even accepted: it crashes as a slow starter does.
        wait_until(5, lambda: cell.host.main_pid(stand.unit_of(cell.new)) not in (0, cell.pids[cell.new]))
    cell.kill_color(cell.new if cell.phase != "P6" else cell.last)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.silence_ms = 4000
    cell.hold_ok = True


def both_killed(cell):
    """The port stays open; who asks waits; the first healthy color serves."""
    cell.reach()
    for color in stand.COLORS:
        cell.kill_color(color)
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.silence_ms = 8000
    cell.hold_ok = True


def killed_and_stay_away(cell):
    """Both cannot start for three seconds, start limits included; then they can."""
    stand.set_knobs(cell.host, APP_EXIT="1")
    for color in stand.COLORS:
        cell.kill_color(color)
    time.sleep(3)
    code, head = cell.host.ask("GET", "/", timeout=0.5)
    if code == 200:
        cell.problem(f"with both down a read was answered: {head[:80]}")
    stand.set_knobs(cell.host)
    cell.release_fault()
    cell.silence_ms = 9000
    cell.hold_ok = True


# New code that is no good: the deployment fails, what serves goes on, one good deployment repairs.

def bad_release(cell):
    """The words broken code is told with (../apps/README.md) lie where the next start finds them."""
    cell.repairs = True
    cell.outcomes = {"failed"}
    cell.hold_ok = True
    cell.writes_wait = not stand.has_releases(cell.host)
    if stand.has_releases(cell.host):
        return f"{stand.RELEASES}/{cell.release()}/broken"
    return f"{APP}/broken"


def new_exits(cell):
    """It ends with a status of 3 as soon as it is started."""
    cell.host.write(bad_release(cell), "exit\n")
    fail_whole(cell)


def new_exits_zero(cell):
    """It ends with a status of 0: no better."""
    bad_release(cell)
    cell.reach("restart", "start", STOP_DELAY="0.3")
    stand.set_knobs(cell.host, APP_EXIT="0")
    wait_until(20, lambda: cell.host.record().get("STEP") not in ("restart", "start"), 0.01)
    wait_until(20, lambda: cell.asked[0][1].poll() is not None or cell.host.record().get("UNDOING") == "yes", 0.01)
    stand.set_knobs(cell.host)
    cell.release_fault()
    cell.outcomes |= {"succeeded"}


def new_hangs(cell):
    """It never listens."""
    cell.host.write(bad_release(cell), "hang\n")
    fail_whole(cell)


def new_errs(cell):
    """It answers 500 to everything."""
    cell.host.write(bad_release(cell), "error\n")
    fail_whole(cell)


def new_silent(cell):
    """It accepts and never answers."""
    cell.host.write(bad_release(cell), "silent\n")
    fail_whole(cell)


def new_slow(cell):
    """It needs a minute, of which the start deadline knows: a good deployment all the same."""
    seconds = float(os.environ.get("SLOW_SECONDS", "60"))
    # Held writes keep their connections: fewer of them, so that reads find one.
    cell.new_load("--writes", "1", "--timeout", f"{seconds + 60:g}")
    cell.host.write(stand.CELL_CONF, f"[Probe]\nStartTimeout={seconds + 30:g}s\n[Hold]\nLimit={seconds + 40:g}s\n")
    cell.reach("healthy", START_DELAY=f"{seconds:g}")
    time.sleep(1)
    stand.set_knobs(cell.host)
    new = cell.asked[0][1]
    wait_until(seconds + 30, lambda: new.poll() is not None, 0.2)
    cell.release_fault()


def fail_whole(cell):
    cell.reach("healthy")
    cell.await_first_asker()
    cell.release_fault()


def second_color_exits(cell):
    """After the commit the other color does not start: who serves goes on, and it is said."""
    cell.reach("drain-green", "restart-green", "drain-fallback", "restart-fallback", "window")
    stand.set_knobs(cell.host, APP_EXIT="1", STOP_DELAY="0.3")
    cell.await_first_asker()
    cell.disturbed.add(cell.last)
    stand.set_knobs(cell.host)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True


# Health that lies or hangs.

def health_flaps(cell):
    """Stopped and continued around the probe's limit: the last one is never taken away."""
    cell.reach()
    color = cell.primary if cell.phase in ("P0", "P8") else cell.last
    for _ in range(4):
        cell.host.signal(stand.unit_of(color), signal.SIGSTOP)
        time.sleep(0.5)
        cell.host.signal(stand.unit_of(color), signal.SIGCONT)
        time.sleep(0.3)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.silence_ms = 4000


def both_sick(cell):
    """Both answer their probes with 500 for a while; neither is taken away for good."""
    for color in stand.COLORS:
        cell.host.signal(stand.unit_of(color), signal.SIGSTOP)
    time.sleep(3)
    for color in stand.COLORS:
        cell.host.signal(stand.unit_of(color), signal.SIGCONT)
    cell.release_fault()
    cell.silence_ms = 6000
    cell.hold_ok = True


def hung(cell, how=signal.SIGSTOP, back=signal.SIGCONT):
    """The serving color stands still for three seconds: the other takes the reads."""
    cell.reach()
    color = cell.primary if cell.phase in ("P0", "P1", "P8", "P9") else cell.last
    cell.host.signal(stand.unit_of(color), how)
    time.sleep(3)
    cell.host.signal(stand.unit_of(color), back)
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.silence_ms = 5000
    cell.hold_ok = True
    # A read that was on its way to it is cut when the traffic is led away.
    cell.broken += 60


def frozen(cell):
    """The same by the freezer of the control group, as `systemctl freeze` does it."""
    cell.reach()
    color = cell.primary if cell.phase in ("P0", "P1", "P8", "P9") else cell.last
    unit = stand.unit_of(color)
    cell.host.run("systemctl", "freeze", unit)
    time.sleep(3)
    cell.host.run("systemctl", "thaw", unit)
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.silence_ms = 5000
    cell.hold_ok = True
    cell.broken += 60


def supervisor_hung(cell):
    """It stands still: requests flow; when it goes on it is late and nothing else."""
    cell.reach()
    cell.host.signal("app-bluegreen.service", signal.SIGSTOP)
    time.sleep(3)
    cell.host.signal("app-bluegreen.service", signal.SIGCONT)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True


def relay_hung(cell):
    """It stands still: nobody is refused, everybody waits."""
    cell.reach()
    cell.host.signal(RELAY, signal.SIGSTOP)
    time.sleep(1.5)
    cell.host.signal(RELAY, signal.SIGCONT)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.silence_ms = 4000


def starved(cell):
    """Eight processes that want the processor as much as everybody, for three seconds."""
    cell.reach()
    spin = [cell.host.spawn("timeout", "3", "sh", "-c", "while :; do :; done") for _ in range(8)]
    for child in spin:
        child.wait()
    cell.release_fault()
    cell.silence_ms = 4000
