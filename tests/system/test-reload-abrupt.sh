#!/bin/bash
# SPDX-License-Identifier: MIT
# The same as test-reload.sh with an app that dies at once on SIGTERM: nothing is lost all the same,
# because it is drained before it is stopped.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

begin full
app_begin abrupt quick
mixed_load_begin
reload_times "${RELOADS:-20}"
mixed_load_end
end
