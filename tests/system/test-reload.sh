#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job: RELOADS reloads of the Flask app (3 s start-up) under 32 kept-alive connections and
# 8 clients with a connection for every request, GET and POST mixed, with think time. A client that
# waits for a held write asks nothing meanwhile, so eight more clients only read: they tell whether
# reads flow all the time.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

begin full
app_begin flask-reader
mixed_load_begin
reload_times "${RELOADS:-20}"
mixed_load_end
end
