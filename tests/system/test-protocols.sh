#!/bin/bash
# SPDX-License-Identifier: MIT
# Apps that do not speak HTTP: a queue worker without a listener, whose readiness is Type=notify, and a
# line server, whose connections are relayed as bytes.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

app_unit() { # on stdin
	inside mkdir -p /etc/systemd/system/app@.service.d
	inside tee /etc/systemd/system/app@.service.d/override.conf >/dev/null
	inside systemctl daemon-reload
}

begin full
inside mkdir -p /srv/worker
inside tee /srv/worker/worker.py >/dev/null <<'END'
import os, socket, sys, time
broken = os.path.exists("/srv/worker/broken")
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0"))
        s.send(text)
time.sleep(1)
if broken:
    sys.exit(3)
notify(b"READY=1")
while True:
    if os.environ["BLUEGREEN_ROLE"] == "primary":
        with open("/var/log/worker.log", "a") as log:
            log.write("%s %d\n" % (os.environ["BLUEGREEN_COLOR"], os.getpid()))
    time.sleep(0.05)
END
app_unit <<-'END'
	[Service]
	Type=notify
	User=root
	ExecStart=
	ExecStart=/usr/bin/python3 /srv/worker/worker.py
END
inside mkdir -p /etc/app-bluegreen/app.conf.d
configure <<-END
	[App]
	Protocol=none
	[Probe]
	StartTimeout=10s
	Soak=500ms
	[Gate]
	Probation=500ms
END
calls_end_relay
install_deb >"$RESULTS/install" 2>&1
check "a worker without a listener is healthy when it says that it is ready" await 60 both_healthy
check_equal "the state is steady" steady "$(status_of 's["state"]')"
blue=$(color_pid blue) green=$(color_pid green)
reload
check_equal "a reload restarts both" 0 "$RELOAD_STATUS"
check "blue is a new process" color_changed blue "$blue"
check "and so is green" color_changed green "$green"
check "the primary works" await 10 inside grep -q "blue $(color_pid blue)" /var/log/worker.log
check_fails "the fallback does not" inside grep -q green /var/log/worker.log
inside touch /srv/worker/broken
green=$(color_pid green)
reload
check_equal "a worker that ends at its start fails the reload" 1 "$RELOAD_STATUS"
check_equal "and the fallback is left alone" "$green" "$(color_pid green)"
inside rm /srv/worker/broken
reload
check_equal "repaired, the next one ends well" 0 "$RELOAD_STATUS"

inside tee /srv/worker/lines.py >/dev/null <<'END'
import os, socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"hello from %s\n" % os.environ["BLUEGREEN_COLOR"].encode())
        for line in self.rfile:
            self.wfile.write(b"%d %s" % (os.getpid(), line))
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
END
app_unit <<-'END'
	[Service]
	Type=exec
	User=www-data
	ExecStart=
	ExecStart=/usr/bin/python3 /srv/worker/lines.py
END
configure <<-END
	[App]
	Protocol=tcp
	[Probe]
	Interval=500ms
	Soak=500ms
	[Drain]
	Streams=3s
	[Gate]
	Probation=500ms
END
reload
check_equal "the app changes over to one that speaks first, by connection" 0 "$RELOAD_STATUS"
check "both colors accept connections" await 30 both_healthy
client() { outside timeout 60 python3 "$HOST_REPO/tests/system/line-client" "$@"; }
check_equal "a client is greeted by blue" "hello from blue" "$(client greet)"
client talk 20 >"$RESULTS/talk.txt" 2>&1 &
talk=$!
sleep 1
reload
check_equal "a reload with open connections ends well" 0 "$RELOAD_STATUS"
wait "$talk" || true
note "$(tail -n 1 "$RESULTS/talk.txt")"
check_matches "clients that come back after their connection was ended lose no line" ' 0 lost' "$(cat "$RESULTS/talk.txt")"
check_matches "and no connection was refused" ' 0 refused' "$(cat "$RESULTS/talk.txt")"
end
