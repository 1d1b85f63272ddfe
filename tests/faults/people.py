# SPDX-License-Identifier: MIT
"""Administrators and programs that act as one: a second deployment, restarts, stops, upgrades."""

import time

import stand
from host import SUPERVISOR, wait_until


def second_deploy(cell):
    """Two more while one runs: one waits, the newer takes its place; nobody is told a lie."""
    cell.reach()
    cell.ask(*again(cell, "r1"))
    time.sleep(0.2)
    cell.ask(*again(cell, "r3"))
    cell.release_fault()
    cell.outcomes |= {"succeeded"}
    children = [child for _, child in cell.asked]
    for child in children:
        wait_until(40, lambda c=child: c.poll() is not None, 0.05)
    if children[-1].returncode != 0:
        cell.problem(f"I6: the last one asked ended with {children[-1].returncode}: "
                     + cell.words_of(children[-1])[-300:])
    if stand.has_releases(cell.host):
        for color in stand.COLORS:
            link = cell.host.run("readlink", f"/var/lib/app-bluegreen/app/{color}").strip()
            if not link.endswith("/r3"):
                cell.problem(f"{color} runs {link}, and r3 was asked for last")


def again(cell, release):
    return ("deploy", release) if stand.has_releases(cell.host) else ("reload",)


def supervisor_restarted(cell):
    """systemctl restart app-bluegreen."""
    cell.restarts[SUPERVISOR] += 99
    cell.reach()
    cell.host.run("systemctl", "restart", SUPERVISOR)
    cell.release_fault()
    cell.outcomes |= {"interrupted"}


def reload_cut_off(cell):
    """systemctl reload, and systemctl restart in the middle: systemctl may say 0, the record not."""
    cell.restarts[SUPERVISOR] += 99
    stand.set_knobs(cell.host, START_DELAY="1")
    child = cell.host.spawn("systemctl", "reload", SUPERVISOR)
    wait_until(20, lambda: cell.row() == "healthy", 0.002)
    cell.hit = cell.row()
    cell.host.run("systemctl", "restart", SUPERVISOR)
    child.communicate(timeout=30)
    cell.release_fault()
    wait_until(20, lambda: cell.host.record().get("OUTCOME") != "running", 0.05)
    record = cell.host.record()
    if record.get("ID") == cell.last_id or record.get("OUTCOME") not in ("interrupted", "succeeded"):
        cell.problem(f"I6: the record says {record.get('OUTCOME')}")


def color_stopped(cell):
    """systemctl stop of a color: it is followed, not fought."""
    cell.reach()
    color = cell.primary if cell.phase in ("P0", "P8") else cell.last
    cell.disturbed.add(color)
    cell.broken += 60
    unit = stand.unit_of(color)
    cell.host.run("systemctl", "stop", unit)
    if cell.phase == "P0":
        time.sleep(2)
        if cell.host.pids(unit):
            cell.problem(f"{color} was stopped by hand, and started again by somebody else")
        code, _ = cell.host.ask()
        if code != 200:
            cell.problem(f"I1: a read was answered {code} with {color} stopped")
    else:
        cell.await_first_asker()
    cell.host.run("systemctl", "start", unit)
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.hold_ok = True
    cell.silence_ms = 20000 if cell.phase != "P0" else 2000


def fallback_stopped(cell):
    """The one that stands by is stopped: nothing is missing but it."""
    cell.reach()
    cell.disturbed.add(cell.fallback)
    unit = stand.unit_of(cell.fallback)
    cell.host.run("systemctl", "stop", unit)
    time.sleep(1.5)
    if cell.host.pids(unit):
        cell.problem("the fallback was stopped by hand, and started again by somebody else")
    cell.host.run("systemctl", "start", unit)
    cell.release_fault()
    # A read that was turned away from the primary for a moment.
    cell.broken += 20


def color_restarted(cell):
    """systemctl restart of the color that serves, by hand."""
    cell.reach()
    color = cell.primary if cell.phase in ("P0", "P8") else cell.last
    cell.disturbed.add(color)
    cell.broken += 60
    cell.host.run("systemctl", "restart", stand.unit_of(color))
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.hold_ok = True
    cell.silence_ms = 5000


def color_masked(cell):
    """The unit is masked before its restart: the cycle fails, and says so."""
    color = cell.last if cell.phase == "P6" else cell.new
    unit = stand.unit_of(color)
    cell.reach(*(("healthy",) if cell.phase == "P6" else ()), START_DELAY="0.5")
    cell.host.run("systemctl", "mask", "--runtime", unit)
    cell.await_first_asker()
    if cell.asked and cell.asked[0][1].returncode == 0 and cell.phase in ("P1", "P6"):
        cell.problem("a cycle succeeded whose color could not be started")
    cell.host.run("systemctl", "unmask", "--runtime", unit)
    cell.host.run("systemctl", "start", unit)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.hold_ok = True


def both_restarted(cell):
    """What needrestart does where it may: one command for both colors."""
    cell.reach()
    for color in stand.COLORS:
        cell.disturbed.add(color)
    cell.broken += 120
    cell.host.run("systemctl", "restart", *(stand.unit_of(color) for color in stand.COLORS))
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.hold_ok = True
    cell.silence_ms = 8000


def upgraded(cell):
    """dpkg -i of our own package in the middle."""
    cell.reach()
    if cell.phase != "P9":
        cell.upgrade_begin()
    output = cell.words_of(cell.dpkg)
    if cell.dpkg.returncode != 0:
        cell.problem(f"I7: dpkg ended with {cell.dpkg.returncode}: {output[-300:]}")
    cell.release_fault()
    cell.outcomes |= {"interrupted"}


def upgrade_killed(cell):
    """kill -9 of dpkg in the middle; dpkg --configure -a heals."""
    cell.reach()
    cell.host.kill(cell.dpkg)
    cell.words_of(cell.dpkg)
    if not cell.host.read_works():
        cell.problem("I1: no read is answered with a package half installed")
    deb = "/root/" + cell.host.deb.rsplit("/", 1)[-1]
    cell.host.shell(f"dpkg --configure -a || :; dpkg -i {deb} >/dev/null")
    cell.dpkg = None
    cell.release_fault()
