#!/bin/bash
# SPDX-License-Identifier: MIT
# The package's own test as Debian's machines run it: autopkgtest installs the package, with what the
# test asks for, and runs debian/tests/serves. (The other one is these stories themselves.)
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

begin full
# What autopkgtest itself needs of a testbed; what the package and its test need is in the image. From
# there on the host is without a network, and so without a mirror.
apt install --no-install-recommends dpkg-dev apt-utils >"$RESULTS/dpkg-dev" 2>&1
inside sh -c 'rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*'
package=$(deb)
# Of the source it needs the tests alone; the tree has build/ in it.
mkdir -p "$RESULTS/source"
cp -R "$HOST_REPO/debian" "$RESULTS/source/"
status=0
words=$(timeout 300 autopkgtest --output-dir="$RESULTS/autopkgtest" --no-built-binaries \
	--test-name=serves "$package" "$RESULTS/source/" -- \
	"$HOST_REPO/tests/system/autopkgtest-virt-host" "$NAME" 2>&1) || status=$?
rm -rf --one-file-system "$RESULTS/source"
check_equal "autopkgtest ends well" 0 "$status"
check_matches "its test passed, and was not skipped" '^serves +PASS$' "$words"
check_equal "what was tested is the package that was made" "$(dpkg-deb -f "$package" Version)" \
	"$(inside dpkg -s app-bluegreen | sed -n 's/^Version: //p')"
end
