# SPDX-License-Identifier: MIT
"""A throw-away Debian host (../system/host) as the matrix uses it: one serves many cells.

Knows how to boot it, to run commands in it, to find and signal the processes of a unit (by the
control group, which needs no command inside) and to open sockets in its network. Knows nothing of
faults and phases.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOOL = os.path.join(REPO, "tests", "system", "host")
CLONE_NEWNET = 0x40000000
INSIDE = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "HOME=/root", "LANG=C.UTF-8", "TERM=dumb")

STATE = "/var/lib/app-bluegreen/app"
KNOBS = "/run/faults/app.env"
EXECUTED = "/var/lib/notes/executed.log"
APP = "/srv/notes"
SUPERVISOR = "app-bluegreen.service"
RELAY = "app-bluegreen-relay.service"


class HostTrouble(Exception):
    """The host itself is of no use any more; another one is needed."""


def wait_until(seconds, condition, pause=0.02):
    """True as soon as the condition is; False at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


class Host:
    def __init__(self, name, deb, strategy):
        self.name = name
        self.deb = deb
        self.strategy = strategy
        self.init = 0
        self.verbs = ""
        self.children = []

    # Life

    def tool(self, *words, check=True, timeout=180):
        done = subprocess.run([TOOL, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise HostTrouble(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def boot(self):
        self.tool("boot", self.name, "full")
        self.find_init()

    def find_init(self):
        """After each boot: its PID 1, and with it root directory, network and control groups."""
        with open(os.path.join(REPO, "build/host/run", self.name, "init"), encoding="ascii") as file:
            self.init = int(file.read())
        self.root = f"/proc/{self.init}/root"
        # The same files by way of who holds the overlay: they outlive a boot.
        here = os.path.join(REPO, "build/host/run", self.name)
        with open(here + "/launcher", encoding="ascii") as file:
            self.files = f"/proc/{int(file.read())}/root{here}/mnt/root"
        with open(f"/proc/{self.init}/cgroup", encoding="ascii") as file:
            group = next(line[4:-1] for line in file if line.startswith("0::/"))
        with open("/proc/mounts", encoding="ascii") as file:
            mount = next(line.split()[1] for line in file if line.split()[2] == "cgroup2")
        self.scope = f"{mount}/{group}"
        self.group = os.path.dirname(self.scope)

    def end(self):
        self.tool("kill", self.name, check=False)

    def lose_power(self):
        """As a power cut does, but that the files stay: nothing is stopped, nothing is asked."""
        self.spawn("systemctl", "reboot", "--force", "--force").wait(30)
        self.await_boot()

    def reboot(self):
        """In order, as an administrator does it."""
        self.spawn("systemctl", "reboot").wait(30)
        self.await_boot()

    def await_boot(self):
        old = self.init
        # A shutdown stops all processes for a moment, nsenter stops itself with its child, and then
        # nobody would reap that.
        def is_down():
            for child in self.children:
                if child.poll() is None:
                    child.send_signal(signal.SIGCONT)
            return not os.path.exists(f"/proc/{old}/root/usr")
        if not wait_until(40, is_down):
            raise HostTrouble("did not shut down within 40 s")
        subprocess.run(["bash", "-c", '. "$1" && rm -f "$(host_dir "$2")/init" && host_await_boot "$2"',
                        "-", TOOL, self.name], check=True, timeout=120, stdin=subprocess.DEVNULL)
        self.find_init()

    # Commands

    def spawn(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.STDOUT)
        child = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.scope,
             "setpriv", "--bounding-set=-sys_time", "nsenter", "-t", str(self.init), "-a", *INSIDE,
             *words], text=True, **options)
        self.children = [c for c in self.children if c.returncode is None] + [child]
        return child

    @staticmethod
    def kill(child):
        """What spawn() began: nsenter waits for the process that it put into the host."""
        try:
            with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as file:
                for pid in file.read().split():
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
        child.kill()

    def run(self, *words, timeout=60, check=True):
        child = self.spawn(*words)
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill(child)
            child.communicate()
            raise HostTrouble(f"{' '.join(words)}: no end within {timeout} s") from None
        if check and child.returncode != 0:
            raise HostTrouble(f"{' '.join(words)}: status {child.returncode}: {output}")
        return output

    def shell(self, script, check=True):
        return self.run("sh", "-euc", script, check=check)

    def write(self, path, text):
        """As root of the host sees the path: mounts that it made are followed."""
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(self.root + path, encoding="utf-8", errors="replace") as file:
            return file.read()

    # Units

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def pids(self, unit):
        """Of all its processes, as this machine counts; without asking anybody in the host."""
        part = "system-app.slice/" if "@" in unit else ""
        try:
            with open(f"{self.group}/system.slice/{part}{unit}/cgroup.procs", encoding="ascii") as file:
                return [int(line) for line in file]
        except OSError:
            return []

    def main_pid(self, unit):
        """The process that was there first: ours and the test apps have one lasting process."""
        pids = self.pids(unit)
        return min(pids) if pids else 0

    def signal(self, unit, number=signal.SIGKILL):
        pids = self.pids(unit)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return pids

    def status(self):
        """What bluegreenctl says, or None as long as nobody answers."""
        child = self.spawn("timeout", "5", "bluegreenctl", "--json", "status",
                           stderr=subprocess.DEVNULL)
        output, _ = child.communicate()
        try:
            return json.loads(output) if child.returncode == 0 else None
        except ValueError:
            return None

    def record(self):
        """The record on disk as KEY -> VALUE; empty if it is not there or torn."""
        try:
            lines = self.read(STATE + "/cycle").splitlines()
        except OSError:
            return {}
        record = dict(line.split("=", 1) for line in lines if "=" in line)
        return record if record.get("END") == "1" else {}

    # Network

    def in_network(self, action):
        """Runs it in a thread that is in the host's network: what sockets it opens stay there."""
        results = []

        def enter():
            with open(f"/proc/{self.init}/ns/net", "rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    results.append(OSError(ctypes.get_errno(), "setns"))
                    return
            try:
                results.append(action())
            except OSError as error:
                results.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(results[0], OSError):
            raise results[0]
        return results[0]

    def connect(self, port=8080, timeout=5.0):
        return self.in_network(lambda: socket.create_connection(("127.0.0.1", port), timeout))

    def bind(self, port):
        """Listens on a port as a stranger would."""
        def listen():
            stranger = socket.socket()
            try:
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                stranger.bind(("127.0.0.1", port))
                stranger.listen(16)
            except OSError:
                stranger.close()
                raise
            return stranger
        return self.in_network(listen)

    def ask(self, method="GET", path="/", body=b"", timeout=3.0):
        """One request by hand: (status, head); status 0 if there was no whole head."""
        head = (f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: by-hand\r\n"
                + (f"Content-Length: {len(body)}\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\n" if body else "") + "\r\n")
        answer = b""
        try:
            with self.connect(timeout=timeout) as connection:
                connection.settimeout(timeout)
                connection.sendall(head.encode() + body)
                while b"\r\n\r\n" not in answer:
                    piece = connection.recv(4096)
                    if not piece:
                        return 0, answer.decode("latin-1")
                    answer += piece
        except OSError:
            return 0, answer.decode("latin-1")
        return int(answer.split(b" ")[1]), answer.decode("latin-1")

    def write_works(self):
        return self.ask("POST", "/notes", b"title=by+hand")[0] == 201

    def read_works(self):
        return self.ask()[0] == 200
