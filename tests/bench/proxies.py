# SPDX-License-Identifier: MIT
"""How each contestant is started in the foreground, told its backend, and ended, by pid.

Each gets the same number of workers, keeps its connections to the backend, sets X-Forwarded-For,
-Proto and -Host, writes no access log, and closes no connection for its age. Those that are
bytes_only cannot: they neither read a request nor tell the application of its client, and hold
a connection of their own for each of the client's. They show what carrying the bytes costs.
"""

import os
import resource
import signal
import socket
import subprocess
import time

DEADLINE = 10  # seconds, for any of them to come or go
PUBLIC_PORT = 9100
BACKEND_PORT = 9000
BACKLOG = 65535

NGINX = """
daemon off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 100000000;
    client_body_temp_path {directory}/nginx-body;
    proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-fastcgi;
    uwsgi_temp_path {directory}/nginx-uwsgi;
    scgi_temp_path {directory}/nginx-scgi;
    upstream app {{
        server 127.0.0.1:{backend};
        keepalive 128;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{public} backlog={backlog} reuseport;
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            # What does not fit into its buffers waits, instead of going to the disk.
            proxy_max_temp_file_size 0;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host;
        }}
    }}
}}
"""

NGINX_STREAM = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user root;
pid {directory}/nginx-stream.pid;
error_log {directory}/nginx-stream.log warn;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
stream {{
    upstream app {{ server 127.0.0.1:{backend}; }}
    server {{
        listen 127.0.0.1:{public} backlog={backlog} reuseport;
        proxy_pass app;
    }}
}}
"""

HAPROXY = """
global
    nbthread {workers}
    maxconn {connections}
    no strict-limits
defaults
    mode http
    option forwardfor
    http-reuse always
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout http-keep-alive 60s
frontend public
    bind 127.0.0.1:{public} backlog {backlog}
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend app
backend app
    server app 127.0.0.1:{backend} {backend_limit}
"""


def await_port(port, process):
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            name = process.args[0]
            if process.poll() is not None:
                raise SystemExit(f"bench: {name} ended with {process.returncode}") from None
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: {name} does not listen on {port}") from None
            time.sleep(0.01)


def cpu_seconds(pids):
    """What all threads of the processes took, to the nanosecond (stat counts in ticks)."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9


def machine_seconds():
    """All processors together: busy (stolen time too), and busy or not."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    hertz = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / hertz, sum(ticks) / hertz


class Proxy:
    name = ""
    port = PUBLIC_PORT
    bytes_only = False

    def __init__(self, root, directory, workers):
        self.root, self.directory, self.workers = root, directory, workers
        self.wrapper = []  # what the program is run by, to be looked at
        self.process = None

    def write(self, name, text, clients):
        """The configuration; room for more than a few thousand clients only where they come,
        because that is memory too."""
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Who has one process for all runs dry before it has a connection for each of so many.
        spare = descriptors - clients - 1000
        words = {
            "directory": self.directory,
            "workers": self.workers,
            "public": PUBLIC_PORT,
            "backend": BACKEND_PORT,
            "backlog": BACKLOG,
            "connections": 4096 if clients <= 1000 else 2 * clients,
            "descriptors": descriptors,
            "backend_limit": f"maxconn {spare}" if spare < clients else "",
        }
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(**words))
        return path

    def spawn(self, command, **more):
        with open(os.path.join(self.directory, self.name + ".out"), "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, **more)

    def start(self, clients):
        """Returns when it answers; clients: so many at once will come."""
        raise NotImplementedError

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def pids(self):
        """The process and its children: nginx has a master and workers."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [pid, *map(int, file.read().split())]

    def rss_kib(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        return total

    def version(self):
        raise NotImplementedError


class Direct(Proxy):
    """No proxy: the client asks the backend."""

    name = "direct"
    port = BACKEND_PORT

    def start(self, clients):
        pass

    def stop(self):
        pass

    def pids(self):
        return []

    def version(self):
        return "direct: no proxy"


class Nginx(Proxy):
    name = "nginx"

    def start(self, clients):
        config = self.write("nginx.conf", NGINX, clients)
        self.spawn(["/usr/sbin/nginx", "-c", config, "-e", f"{self.directory}/nginx.log"])
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        run = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=True)
        return run.stderr.strip().replace("nginx version: ", "")


class NginxStream(Nginx):
    name = "nginx-stream"
    bytes_only = True

    def start(self, clients):
        config = self.write("nginx-stream.conf", NGINX_STREAM, clients)
        log = f"{self.directory}/nginx-stream.log"
        self.spawn(["/usr/sbin/nginx", "-c", config, "-e", log])
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        return "nginx-stream: the same, bytes only"


class Haproxy(Proxy):
    name = "haproxy"

    def start(self, clients):
        config = self.write("haproxy.cfg", HAPROXY, clients)
        self.spawn(["/usr/sbin/haproxy", "-db", "-f", config])
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        command = ["/usr/sbin/haproxy", "-v"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        return " ".join(run.stdout.splitlines()[0].split()[:3])


# sd_listen_fds(3): LISTEN_PID is who is executed, and only after the fork is it known.
ACTIVATED = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"']


def handing_over(*sockets):
    """For preexec_fn: the sockets become the descriptors from 3 on."""

    def hand_over():
        # Copies above first, lest one is overwritten before it is copied.
        copies = [os.dup2(one.fileno(), 100 + i) for i, one in enumerate(sockets)]
        for i, copy in enumerate(copies):
            os.dup2(copy, 3 + i, inheritable=True)
            os.close(copy)

    return hand_over


class SocketProxyd(Proxy):
    """One thread, whatever the workers are."""

    name = "socket-proxyd"
    bytes_only = True
    program = "/lib/systemd/systemd-socket-proxyd"

    def start(self, clients):
        with socket.create_server(("127.0.0.1", PUBLIC_PORT), backlog=BACKLOG) as public:
            self.spawn(
                [*ACTIVATED, self.program, "-c", str(clients + 16), f"127.0.0.1:{BACKEND_PORT}"],
                env={**os.environ, "LISTEN_FDS": "1"},
                preexec_fn=handing_over(public),
                close_fds=False,
            )
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        command = [self.program, "--version"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        return "socket-proxyd of " + " ".join(run.stdout.split()[:2]) + ", bytes only, one thread"


class Relay(Proxy):
    """Given its listeners as systemd gives them, and its route as the supervisor does."""

    name = "relay"

    def start(self, clients):
        path = os.path.join(self.directory, "relay.sock")
        if os.path.exists(path):
            os.unlink(path)
        environment = {
            **os.environ,
            "LISTEN_FDS": "2",
            "LISTEN_FDNAMES": "public:control",
            "RELAY_WORKERS": str(self.workers),
            "RELAY_CONNECTIONS": str(clients + 1000),
        }
        with socket.create_server(
            ("127.0.0.1", PUBLIC_PORT), backlog=BACKLOG
        ) as public, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.bind(path)
            control.listen(4)
            self.spawn(
                [*ACTIVATED, *self.wrapper, os.path.join(self.root, "relay")],
                env=environment,
                preexec_fn=handing_over(public, control),
                close_fds=False,
            )
        self.say(path)

    def say(self, path):
        """The route; an answer means that every worker follows it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(3 * DEADLINE)  # under valgrind it is slow
            control.connect(path)
            for line in (
                f"backends blue=127.0.0.1:{BACKEND_PORT} green=127.0.0.1:{BACKEND_PORT + 1}",
                "limits hold-usec=5000000 hold-requests=512 hold-bytes=67108864",
                "route reads=blue:100 writes=blue:100",
            ):
                control.send(line.encode())
                answer = control.recv(1024).decode()
                if not answer.startswith("ok " + line.split()[0]):
                    raise SystemExit(f"bench: the relay answered `{answer}` to `{line}`")

    def version(self):
        changelog = os.path.join(self.root, "..", "debian", "changelog")
        try:
            with open(changelog, encoding="utf-8") as file:
                return "relay " + file.readline().split("(")[1].split(")")[0]
        except (OSError, IndexError):
            return "relay, as built"


CONTESTANTS = (Direct, Relay, Nginx, Haproxy, NginxStream, SocketProxyd)
