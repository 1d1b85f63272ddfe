#!/bin/bash
# SPDX-License-Identifier: MIT
# The ground the other stories stand on: hosts that do not see each other, and leave nothing.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

began=$(now_ms)
begin minimal
took=$(($(now_ms) - began))
other=$NAME-b
trap '(host_kill "$other") 2>/dev/null || true; finish' EXIT

check_at_most "a host boots within five seconds" 5000 "$took"
check_equal "systemd is its PID 1" systemd "$(inside cat /proc/1/comm)"
check_equal "no unit of it has failed" "" "$(inside systemctl list-units --failed --plain --no-legend)"
check_equal "its network is the loopback device alone" lo "$(inside ls /sys/class/net | grep -vE '^(sit|ip6?tnl|ip6?gre|gre|erspan|tunl|ip6?_vti|bonding)')"

check_fails "it cannot set the machine's clock" inside date -s now

host_boot "$other" minimal
inside systemd-run -q --unit=only-here sleep 600
check "a service runs in the host that started it" inside systemctl is-active only-here.service
check_fails "and not in the other" host_exec "$other" systemctl is-active only-here.service
check_matches "its control group is in the host's own tree" '^0::/system.slice/only-here.service$' \
	"$(inside cat "/proc/$(unit_pid only-here)/cgroup")"
check_equal "the other host's tree does not have it" "" \
	"$(host_exec "$other" find /sys/fs/cgroup -name 'only-here*')"

inside touch /root/written
check_fails "a file written in one host is not in the other" host_exec "$other" test -e /root/written
check_fails "nor in the root file system below" test -e "$(host_rootfs minimal)/root/written"

check_fails "nobody answers on a port of a fresh host" outside curl -s -m 2 "$BASE/"

cgroup=$(cat "$(host_dir "$other")/cgroup")
pid=$(host_init_pid "$other")
check "a host powers off in order" host_stop "$other"
check_fails "its PID 1 is gone" test -d "/proc/$pid"
check_fails "its control groups are gone" test -d "$cgroup"
check_fails "no mount of it is left" grep -q "run/$other/" /proc/mounts
check_fails "to a host that has ended nothing is sent" host_exec "$other" true
end
