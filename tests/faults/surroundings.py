# SPDX-License-Identifier: MIT
"""What is around the supervisor fails: the disk, the record, the bus, ports, descriptors, the clock."""

import os
import signal
import subprocess
import time

import stand
from host import RELAY, REPO, STATE, SUPERVISOR, wait_until

# Takes the port as soon as it is free, and says 200 to whoever asks: the worst kind.
MINE = "/run/faults/mine"
SQUATTER = """
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
while True:
    try:
        s.bind(("127.0.0.1", int(sys.argv[1])))
        s.listen(64)
        break
    except OSError:
        time.sleep(0.0005)
open("/run/faults/mine", "w").close()
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nno\\n")
    c.close()
"""


class Squatter:
    """In a unit of its own, as strangers are: what belongs to PID 1 is a matter of systemd."""

    def __init__(self, cell, color):
        self.host = cell.host
        port = cell.host.status()["colors"][color]["port"]
        self.host.write("/root/squatter.py", SQUATTER)
        self.host.shell(f"rm -f {MINE}; systemd-run --quiet --collect --unit=squatter "
                        f"python3 /root/squatter.py {port}")

    def await_port(self, cell):
        if not wait_until(15, lambda: os.path.exists(self.host.root + MINE)):
            cell.problem("the squatter did not get the port; nothing was tested")

    def leave(self):
        self.host.signal("squatter.service")


def port_squatted(cell):
    """A stranger who answers 200 takes the port of a color that is down: never a request for it."""
    if cell.phase in ("P0", "P1", "P8"):
        squatter = Squatter(cell, cell.fallback)
        cell.kill_color(cell.fallback)
        squatter.await_port(cell)
        time.sleep(1)
        if cell.phase == "P1":
            words = cell.words_of(cell.ask())
            cell.outcomes = {"failed"}
            if "squatter" not in words and "python3" not in words:
                cell.problem("the squatter is not named: " + words[-300:])
        if cell.phase == "P8":
            cell.kill_supervisor()
            cell.await_supervisor()
            time.sleep(1)
        status = cell.host.status()
        if status and status["colors"][cell.fallback]["healthy"]:
            cell.problem("a squatter is taken for the color whose port it took")
    else:
        cell.reach(STOP_DELAY="0.6", START_DELAY="1")
        squatter = Squatter(cell, cell.new)
        if cell.phase == "P3":
            cell.kill_color(cell.new)
        squatter.await_port(cell)
        cell.await_first_asker()
        cell.outcomes = {"failed"}
    squatter.leave()
    cell.release_fault()
    cell.repairs = True
    cell.hold_ok = True
    cell.disturbed |= set(stand.COLORS)


# The state directory on a small disk of its own.

def small_disk(cell):
    cell.restarts[SUPERVISOR] += 99
    cell.host.shell(f"cp -a {STATE} /root/state; mount -t tmpfs -o size=20m,mode=755 small {STATE}; "
                    f"cp -a /root/state/. {STATE}/; systemctl restart app-bluegreen")
    if not wait_until(10, lambda: stand.is_steady(cell.host.status()), 0.05):
        cell.problem("not steady on the small disk")


def large_disk(cell):
    """Back to the large one, with what is on the small one."""
    cell.host.shell(f"rm -rf /root/state; cp -a {STATE} /root/state; umount -l {STATE}; "
                    f"find {STATE} -mindepth 1 -delete; cp -a /root/state/. {STATE}/; rm -rf /root/state; "
                    "systemctl restart app-bluegreen")


def fill(cell):
    try:
        with open(cell.host.root + STATE + "/fill", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
    except OSError:
        pass


def disk_trouble(cell, begin, end):
    small_disk(cell)
    if cell.phase == "P1":
        begin()
        child = cell.ask()
        cell.words_of(child)
        if child.returncode == 0:
            cell.problem("a cycle succeeded that could not be recorded")
        cell.outcomes = {"failed", "none"}
    else:
        cell.reach()
        begin()
    # A disk that takes nothing keeps no history either; what the caller was told is checked by him.
    cell.outcomes |= {"failed", "interrupted", "none"}
    cell.repairs = True
    if cell.phase == "P0":
        cell.kill_supervisor()
        cell.await_supervisor()
        time.sleep(1)
    cell.await_first_asker()
    code, head = cell.host.ask()
    if code != 200:
        cell.problem(f"I1: a read was answered {code} while the disk had trouble: {head[:80]}")
    end()
    # What is owed to the disk is written when it takes it.
    if not wait_until(10, lambda: cell.host.record().get("OUTCOME") != "running", 0.05):
        cell.problem("I6: with the disk well again for ten seconds the record still says running at "
                     + cell.host.record().get("STEP", "?"))
    if cell.phase == "P9":
        cell.words_of(cell.dpkg)
    large_disk(cell)
    cell.release_fault()


def disk_full(cell):
    """ENOSPC: nothing is begun; what is under way ends without a switch that could not be recorded."""
    disk_trouble(cell, lambda: fill(cell), lambda: cell.host.shell(f"rm -f {STATE}/fill"))


def disk_read_only(cell):
    """EROFS, as a file system that found an error remounts itself."""
    disk_trouble(cell, lambda: cell.host.shell(f"mount -o remount,ro {STATE}"),
                 lambda: cell.host.shell(f"mount -o remount,rw {STATE}"))


# The record is not what was written.

def spoil_record(cell, how):
    cell.reach()
    path = STATE + "/cycle"
    supervisor = cell.host.root + path
    cell.kill_supervisor()
    try:
        size = os.path.getsize(supervisor)
    except OSError:
        size = 0
    how(supervisor, size)
    if not cell.await_supervisor():
        cell.problem("I5: the supervisor was not started again")
    cell.release_fault()
    cell.outcomes |= {"interrupted", "failed", "none"}
    cell.repairs = True


def record_torn(cell):
    """Half of it is there."""
    spoil_record(cell, lambda path, size: os.truncate(path, size // 2) if size else None)


def record_empty(cell):
    """A name without content, as after a power cut on a lazy file system."""
    spoil_record(cell, lambda path, size: os.truncate(path, 0) if size else None)


def record_missing(cell):
    """Somebody deleted it."""
    spoil_record(cell, lambda path, size: os.unlink(path) if size else None)


def record_garbage(cell):
    """Noise."""
    def garble(path, _):
        with open(path, "wb") as file:
            file.write(os.urandom(300))
    spoil_record(cell, garble)


def record_foreign(cell):
    """Of a later version, with keys and a row that this one does not know."""
    def rewrite(path, size):
        text = ""
        if size:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        text = text.replace("FORMAT=1", "FORMAT=99").replace("STEP=", "MOOD=fine\nSTEP=never-")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text or "FORMAT=99\nMOOD=fine\nEND=1\n")
    spoil_record(cell, rewrite)


# The bus.

def bus_killed(cell):
    """dbus-daemon dies: requests do not notice; the supervisor comes back to the new one."""
    cell.reach()
    cell.host.signal("dbus.service")
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True


def bus_away(cell):
    """And stays away for two seconds."""
    cell.reach()
    cell.host.shell("systemctl stop dbus.socket || :")
    cell.host.signal("dbus.service")
    time.sleep(2)
    cell.host.shell("systemctl start dbus.socket dbus.service")
    cell.release_fault()
    cell.outcomes |= {"failed", "interrupted"}
    cell.repairs = True


# Descriptors.

def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def limit_descriptors(cell, unit, limit):
    """As the process's own user: who is root here may be nobody special to the machine."""
    pid = cell.host.main_pid(unit)
    if not pid:
        cell.problem(f"{unit} ended when it had no descriptors left")
        return
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        ids = {line.split()[0]: line.split()[1] for line in file if line.startswith(("Uid", "Gid"))}
    done = subprocess.run(["setpriv", "--reuid", ids["Uid:"], "--regid", ids["Gid:"], "--clear-groups",
                           "prlimit", "--pid", str(pid), f"--nofile={limit}:"], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        cell.problem(f"the limit of {unit} was not changed: {done.stderr}")


def starve_descriptors(cell, unit, spare, seconds):
    limit_descriptors(cell, unit, descriptors_of(cell.host.main_pid(unit)) + spare)
    time.sleep(seconds)
    limit_descriptors(cell, unit, 1024)


def supervisor_no_descriptors(cell):
    """EMFILE for whatever it opens, for two seconds: no probe, no record."""
    cell.reach()
    starve_descriptors(cell, SUPERVISOR, 0, 2)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.hold_ok = True


def relay_no_descriptors(cell):
    """EMFILE in the relay: it sheds or lets wait, and recovers by itself."""
    cell.reach()
    starve_descriptors(cell, RELAY, 2, 2)
    cell.release_fault()
    cell.outcomes |= {"failed"}
    cell.repairs = True
    cell.broken = 400
    cell.silence_ms = 4000


def backlog_full(cell):
    """More connections than the relay accepts while it stands still; then it goes on."""
    cell.reach()
    cell.host.signal(RELAY, signal.SIGSTOP)
    crowd = []
    for _ in range(600):
        try:
            crowd.append(cell.host.connect(timeout=0.2))
        except OSError:
            break
    cell.note(f"{len(crowd)} connections waited")
    cell.host.signal(RELAY, signal.SIGCONT)
    for connection in crowd:
        connection.close()
    cell.release_fault()
    cell.silence_ms = 6000


# The clock of the wall, of the supervisor alone: the machine's is never set.

def clock_library():
    path = os.path.join(os.environ.get("BUILD", os.path.join(REPO, "build")), "faults/clock.so")
    source = os.path.join(REPO, "tests/faults/clock.c")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", f"{path}.{os.getpid()}",
                        source], check=True)
        os.rename(f"{path}.{os.getpid()}", path)
    return path


def clock_jumps(cell):
    """An hour ahead, an hour back, and right again: every deadline is of a clock nobody sets."""
    host = cell.host
    cell.restarts[SUPERVISOR] += 99
    stand.repo_file(host, clock_library(), "/usr/local/lib")
    host.write("/run/faults/clock", "0\n")
    host.write("/run/systemd/system/app-bluegreen.service.d/cell-clock.conf",
               "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/clock.so\n")
    host.shell("systemctl daemon-reload; systemctl restart app-bluegreen")
    if not wait_until(10, lambda: stand.is_steady(host.status()), 0.05):
        cell.problem("not steady with a clock of its own")
    cell.reach()
    if cell.phase == "P8":
        cell.outcomes |= {"interrupted"}
    for offset in (3600, -3600, 0):
        host.write("/run/faults/clock", f"{offset}\n")
        time.sleep(0.7)
    cell.release_fault()
