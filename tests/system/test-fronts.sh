#!/bin/bash
# SPDX-License-Identifier: MIT
# What stands in front of the relay, and what the application hears of the client: several listeners,
# nginx over a Unix socket, haproxy with the PROXY protocol, an application that is told by it too.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

STRANGER=198.51.100.7 # TEST-NET-2, on the host's loopback device: not localhost, though no way leads out
FRONT=/run/app-bluegreen/app/front.sock

seen() { outside curl -sS -m 5 "$@"; } # CURL-ARGUMENT...: what the application saw of this client

# A program of the machine, in the host's network, for the length of the story.
front() { # COMMAND...
	# shellcheck disable=SC2016 # they are for that shell
	outside timeout 120 sh -c 'echo $$ >>"$0"; exec "$@"' "$RESULTS/fronts.pids" "$@" \
		>>"$RESULTS/fronts.log" 2>&1 &
}

fronts_end() {
	local pid
	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$RESULTS/fronts.pids"
}

reads_as_configured() { # TEXT CURL-ARGUMENT...
	local wanted=$1
	shift
	[ "$(seen "$@")" = "$wanted" ]
}

begin full
calls_end_relay
outside ip address add "$STRANGER/32" dev lo
inside mkdir -p /srv/seen /etc/systemd/system/app@.service.d /etc/systemd/system/app-bluegreen.socket.d
inside tee /srv/seen/seen.py >/dev/null <<'END'
from flask import Flask, request
app = Flask(__name__)
@app.route("/")
def seen():
    of = request.headers.get
    return "for %s, %s, real %s, via %s, connected %s\n" % (
        of("X-Forwarded-For"), of("X-Forwarded-Proto"), of("X-Real-IP"), of("Via"), request.remote_addr)
END
inside tee /etc/systemd/system/app@.service.d/override.conf >/dev/null <<'END'
[Service]
User=www-data
WorkingDirectory=/srv/seen
ExecStart=
ExecStart=/usr/bin/gunicorn --proxy-protocol --bind 127.0.0.1:${PORT} seen:app
END
inside tee /etc/systemd/system/app-bluegreen.socket.d/fronts.conf >/dev/null <<END
[Socket]
ListenStream=
ListenStream=[::]:8080
ListenStream=127.0.0.1:8081
ListenStream=$FRONT
END
quick='[Probe]
Interval=500ms
Soak=500ms
[Gate]
Probation=500ms'
configure <<<"$quick"
install_deb >"$RESULTS/install" 2>&1
check "an application behind three listeners is healthy" await 60 both_healthy

plain="http, real None, via 1.1 app-bluegreen, connected 127.0.0.1"
check_equal "a client over IPv4 is named, though the listener is of both families" \
	"for 127.0.0.1, $plain" "$(seen http://127.0.0.1:8080/)"
check_equal "a client over IPv6 is named" "for ::1, $plain" "$(seen 'http://[::1]:8080/')"
check_equal "and one of the second port" "for 127.0.0.1, $plain" "$(seen http://127.0.0.1:8081/)"
lies=(-H "X-Forwarded-For: 127.0.0.1" -H "X-Forwarded-Proto: https" -H "X-Real-IP: 127.0.0.1" -H "X_Real_IP: 127.0.0.1")
check_equal "what a stranger says of himself does not reach the application" "for $STRANGER, $plain" \
	"$(seen "${lies[@]}" --interface "$STRANGER" "http://$STRANGER:8080/")"

cat >"$RESULTS/nginx.conf" <<END
daemon off;
master_process off;
pid $RESULTS/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path $RESULTS/nginx-body;
	proxy_temp_path $RESULTS/nginx-proxy;
	server {
		listen $STRANGER:8443;
		location / {
			proxy_pass http://unix:/proc/$(host_init_pid "$NAME")/root$FRONT;
			proxy_http_version 1.1;
			proxy_set_header Host \$host;
			proxy_set_header Connection "";
			proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto https;
			proxy_set_header X-Real-IP \$remote_addr;
		}
	}
}
END
front nginx -e stderr -c "$RESULTS/nginx.conf"
wanted="for $STRANGER, https, real $STRANGER, via 1.1 app-bluegreen, connected 127.0.0.1"
check "nginx over the Unix socket is believed" await 10 \
	reads_as_configured "$wanted" --interface "$STRANGER" "http://$STRANGER:8443/"

configure <<END
$quick
[Route]
AcceptProxyProtocol=yes
SendProxyProtocol=v1
END
reload
check_equal "a reload to the PROXY protocol ends well: the probes speak it" 0 "$RELOAD_STATUS"
check "both colors are healthy" both_healthy
cat >"$RESULTS/haproxy.cfg" <<END
defaults
	mode tcp
	timeout client 60s
	timeout server 60s
	timeout connect 5s
listen application
	bind $STRANGER:9080
	server relay 127.0.0.1:8080 send-proxy-v2
END
front haproxy -db -f "$RESULTS/haproxy.cfg"
told="for $STRANGER, http, real None, via 1.1 app-bluegreen, connected $STRANGER"
check "haproxy names its client, and the application hears of it twice" await 10 \
	reads_as_configured "$told" --interface "$STRANGER" "http://$STRANGER:9080/"
check_equal "its client cannot say otherwise" "$told" \
	"$(seen "${lies[@]}" --interface "$STRANGER" "http://$STRANGER:9080/")"
check_equal "curl can speak for itself" "for ::1, http, real None, via 1.1 app-bluegreen, connected ::1" \
	"$(seen --haproxy-protocol 'http://[::1]:8080/')"
check_fails "without a header a front end is not served" seen http://127.0.0.1:8081/
check_equal "a stranger needs none" "$told" "$(seen --interface "$STRANGER" "http://$STRANGER:8080/")"
inside systemctl kill -s KILL --kill-who=main app-bluegreen-relay
check_equal "the first connection to a relay that starts is not mistaken for a bad request" "$told" \
	"$(seen --interface "$STRANGER" "http://$STRANGER:9080/")"
fronts_end
end
