# SPDX-License-Identifier: MIT
"""The machine and its systemd: power, reboot, daemon-reload, start limits."""

import time

import stand
from host import SUPERVISOR, HostTrouble, wait_until


def boot_anew(cell, how):
    """The load ends with its network; another begins behind the boot."""
    cell.reach()
    hit = cell.hit
    cell.watching = False
    cell.watcher.join()
    how()
    cell.load.abandon()
    for words, child in cell.asked:
        cell.words_of(child)
        cell.note(f"bluegreenctl {words} ended with the machine")
    cell.asked.clear()
    cell.disturbed |= set(stand.COLORS)
    cell.restarts_before = dict.fromkeys(cell.restarts, 0)
    cell.hit = hit
    cell.new_load()
    cell.release_fault()
    # Until the first color is up the connections wait.
    cell.silence_ms = 10000
    cell.hold_ok = True
    cell.repairs = True
    if cell.dpkg:
        cell.words_of(cell.dpkg)
        cell.dpkg = None
        cell.host.shell(f"dpkg --configure -a || :; dpkg -i /root/{cell.host.deb.rsplit('/', 1)[-1]} >/dev/null")
        cell.restarts[SUPERVISOR] += 99


def power_lost(cell):
    """Nothing is stopped in order; what was recorded decides."""
    boot_anew(cell, cell.host.lose_power)
    judge_record(cell)


def rebooted(cell):
    """In order: instances are stopped, and it comes up as it was."""
    boot_anew(cell, cell.host.reboot)
    judge_record(cell)


def power_lost_twice(cell):
    """And once more while it boots."""
    boot_anew(cell, lambda: (cell.host.lose_power(), cell.host.lose_power()))
    judge_record(cell)


def judge_record(cell):
    """I6: ten seconds after the boot no record says that a cycle is under way."""
    if not wait_until(30, lambda: cell.host.record().get("OUTCOME") != "running", 0.05):
        cell.problem(f"I6: the record still says running at {cell.host.record().get('STEP')}")
    cell.note(f"the record says {cell.host.record().get('OUTCOME')}")


def systemd_reloaded(cell):
    """daemon-reload ten times, each third one a daemon-reexec."""
    cell.reach()
    cell.host.shell("for i in 1 2 3 4 5 6 7 8 9; do systemctl daemon-reload; "
                    "[ $((i % 3)) != 0 ] || systemctl daemon-reexec; done")
    cell.release_fault()
    cell.silence_ms = 4000


def start_limit_hit(cell):
    """systemd gave a color up. It is started all the same, and nobody has to come."""
    cell.host.write("/run/systemd/system/app@.service.d/cell-limit.conf",
                    "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=2\n")
    cell.host.run("systemctl", "daemon-reload")
    cell.reach()
    color = cell.new if cell.phase == "P2" else cell.fallback if cell.phase == "P0" else cell.last
    unit = stand.unit_of(color)
    for _ in range(4):
        if cell.host.pids(unit):
            cell.kill_color(color)
        wait_until(1.5, lambda: cell.host.pids(unit), 0.02)
    cell.note(f"{unit}: {cell.host.show(unit, 'Result')}")
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True
    cell.hold_ok = True
    cell.silence_ms = 8000
    # The limit itself goes with the cell; a repair needs starts, too.
    time.sleep(1)
    cell.host.shell("rm /run/systemd/system/app@.service.d/cell-limit.conf; systemctl daemon-reload")
