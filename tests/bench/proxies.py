# SPDX-License-Identifier: MIT
"""How each contestant is started in the foreground, told its backend, and ended, by pid.

Each gets the same number of workers, keeps its connections to the backend, sets X-Forwarded-For,
-Proto and -Host, writes no access log, and closes no connection for its age.
"""

import os
import signal
import socket
import subprocess
import time

DEADLINE = 10  # seconds, for any of them to come or go
PUBLIC_PORT = 9100
BACKEND_PORT = 9000
CONTROL_FD = 4

NGINX = """
daemon off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
worker_processes {workers};
worker_rlimit_nofile 16384;
events {{ worker_connections 4096; }}
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
        listen 127.0.0.1:{public} backlog=4096 reuseport;
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

HAPROXY = """
global
    nbthread {workers}
    maxconn 4096
defaults
    mode http
    option forwardfor
    http-reuse always
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout http-keep-alive 60s
frontend public
    bind 127.0.0.1:{public} backlog 4096
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend app
backend app
    server app 127.0.0.1:{backend}
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
    """utime and stime of the processes, all their threads."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds():
    """All processors together: busy (stolen time too), and busy or not."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    hertz = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / hertz, sum(ticks) / hertz


class Proxy:
    name = ""
    port = PUBLIC_PORT

    def __init__(self, root, directory, workers):
        self.root, self.directory, self.workers = root, directory, workers
        self.process = None

    def words(self):
        return {
            "directory": self.directory,
            "workers": self.workers,
            "public": PUBLIC_PORT,
            "backend": BACKEND_PORT,
        }

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(**self.words()))
        return path

    def spawn(self, command, **more):
        with open(os.path.join(self.directory, self.name + ".out"), "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, **more)

    def start(self):
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

    def start(self):
        pass

    def stop(self):
        pass

    def pids(self):
        return []

    def version(self):
        return "direct: no proxy"


class Nginx(Proxy):
    name = "nginx"

    def start(self):
        config = self.write("nginx.conf", NGINX)
        self.spawn(["/usr/sbin/nginx", "-c", config, "-e", f"{self.directory}/nginx.log"])
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        run = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=True)
        return run.stderr.strip().replace("nginx version: ", "")


class Haproxy(Proxy):
    name = "haproxy"

    def start(self):
        config = self.write("haproxy.cfg", HAPROXY)
        self.spawn(["/usr/sbin/haproxy", "-db", "-f", config])
        await_port(PUBLIC_PORT, self.process)

    def version(self):
        command = ["/usr/sbin/haproxy", "-v"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        return " ".join(run.stdout.splitlines()[0].split()[:3])


class Relay(Proxy):
    """Given its listeners as systemd gives them, and its route as the supervisor does."""

    name = "relay"

    def start(self):
        path = os.path.join(self.directory, "relay.sock")
        if os.path.exists(path):
            os.unlink(path)
        public = socket.create_server(("127.0.0.1", PUBLIC_PORT), backlog=4096)
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.bind(path)
        control.listen(4)

        def hand_over():
            # sd_listen_fds(3): from 3 on, and LISTEN_PID is who is executed. Copies above first,
            # lest one is overwritten before it is copied.
            copies = [os.dup2(public.fileno(), 100), os.dup2(control.fileno(), 101)]
            for fd, copy in zip((3, CONTROL_FD), copies):
                os.dup2(copy, fd, inheritable=True)
                os.close(copy)

        # The shell sets LISTEN_PID, because only after the fork is it known.
        script = 'LISTEN_PID=$$ exec "$0"'
        environment = {
            **os.environ,
            "LISTEN_FDS": "2",
            "LISTEN_FDNAMES": "public:control",
            "RELAY_WORKERS": str(self.workers),
        }
        self.spawn(
            ["/bin/sh", "-c", script, os.path.join(self.root, "relay")],
            env=environment,
            preexec_fn=hand_over,
            close_fds=False,
        )
        public.close()
        control.close()
        self.say(path)

    def say(self, path):
        """The route; an answer means that every worker follows it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(DEADLINE)
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


CONTESTANTS = (Direct, Relay, Nginx, Haproxy)
