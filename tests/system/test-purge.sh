#!/bin/bash
# SPDX-License-Identifier: MIT
# Remove closes the port and keeps the configuration; purge leaves nothing. What the package depends
# on is installed before, so that every difference in the file system is the package's own.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# Logs, caches and databases of apt, dpkg, systemd and the journal tell what happened; they are not
# the package's. A dash at the end of a name is an account file's backup.
listing() {
	inside find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
		-o -path /root -o -path /var/log -o -path /var/cache/apt -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path /var/cache/ldconfig -o -path /var/lib/systemd/random-seed \
		-o -path /var/cache/debconf \) -prune -o ! -name '*-' -printf '%p %M %u %g %l\n' | sort
	inside find /run /tmp /var/log -name '*bluegreen*' -o -name '*app-example*' | sort
	inside cat /etc/passwd /etc/group /etc/shadow /etc/gshadow | sort
	# shellcheck disable=SC2016 # its own placeholders
	inside dpkg-query -W -f '${Package} ${Status}\n' 'app-bluegreen*' 2>/dev/null | grep -v 'not-installed$' || true
}

begin minimal
mapfile -t needed < <(
	host_copy "$NAME" "$(deb)" /root
	apt install -s "/root/$(basename "$(deb)")" | sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -v '^app-bluegreen'
)
apt install "${needed[@]}" >/dev/null
before=$(listing)

check "the package installs" install_deb
check "it serves" await 30 answers
check "both colors become healthy" await 30 both_healthy
reload
check_equal "a reload ends well" 0 "$RELOAD_STATUS"
inside mkdir -p /etc/app-bluegreen/app.conf.d /etc/systemd/system/app@.service.d
echo '[Drain]' | inside tee /etc/app-bluegreen/app.conf.d/mine.conf >/dev/null
check_equal "the port is open" 200 "$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' "$BASE/")"

check "apt removes it" apt remove app-bluegreen
check_equal "the port is closed" 000 "$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' "$BASE/" || true)"
check_equal "no process of it runs" "" "$(inside bash -c 'cat /proc/[0-9]*/cgroup' 2>/dev/null | grep -E 'app@|app-bluegreen' || true)"
check "its configuration stays" inside test -e /etc/app-bluegreen/app.conf
check "and so does what the administrator wrote" inside test -e /etc/app-bluegreen/app.conf.d/mine.conf

check "it can be installed again" install_deb
check "and serves again" await 30 answers
inside rm /etc/app-bluegreen/app.conf.d/mine.conf
inside rmdir /etc/systemd/system/app@.service.d
check "apt purges it while it runs" apt purge app-bluegreen
inside systemctl daemon-reload
check_equal "no unit of it is known" "" "$(inside systemctl list-units --all --plain --no-legend 'app*')"
check_equal "a purge leaves nothing behind" "" "$(diff <(echo "$before") <(listing) || true)"
end
