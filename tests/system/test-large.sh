#!/bin/bash
# SPDX-License-Identifier: MIT
# One GiB down and one GiB up through the relay, whose memory stays flat.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

GIB=$((1024 * 1024 * 1024))

# What the relay had at most so far, in KiB; kept by the kernel, so that no sample is missed.
# shellcheck disable=SC2016 # awk's own
relay_peak() { inside awk '/^VmHWM:/ { print $2 }' "/proc/$(unit_pid app-bluegreen-relay)/status"; }

begin full
app_begin abrupt
load_begin warm --keepalive 16 --think 5 --duration 3
load_wait warm
peak=$(relay_peak)
note "the relay's peak before: $peak KiB"

load_begin download --download "$GIB" --duration 1 --timeout 120
load_wait download
check_equal "a download of 1 GiB is whole and right" 0 "$(failed download)"
after=$(relay_peak)
check_at_most "the relay's memory grew by less than 4 MiB" 4096 "$((after - peak))"

load_begin upload --upload "$GIB" --duration 1 --timeout 120
load_wait upload
check_equal "an upload of 1 GiB is whole and right" 0 "$(failed upload)"
after=$(relay_peak)
check_at_most "the relay's memory grew by less than 4 MiB, still" 4096 "$((after - peak))"
note "the relay's peak after both: $after KiB"

# A client that does not read must not make the relay store what the app sends.
# shellcheck disable=SC2016 # the other shell's
outside timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; printf "GET /bytes/%s HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow\r\n\r\n" "$1" >&3; sleep 4' - "$GIB" || true
after=$(relay_peak)
check_at_most "a client that does not read costs less than 4 MiB" 4096 "$((after - peak))"
end
