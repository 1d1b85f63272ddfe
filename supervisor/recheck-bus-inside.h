/* SPDX-License-Identifier: MIT */
/*
 * What recheck-bus.c (systemd) and recheck-bus-app.c (supervisors) share. Nobody else includes
 * this.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "base/fd.h"
#include "recheck-bus.h"

struct bus {
	sd_bus *bus;
	char error[BUS_ERROR_MAX];
};

/* Keeps the sentence, frees the error, returns r. */
int bus_fail(struct bus *bus, const char *subject, sd_bus_error *error, int r);
