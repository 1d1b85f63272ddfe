/* SPDX-License-Identifier: MIT */
/*
 * What manager.c (the connection), manager-job.c (jobs) and manager-unit.c (properties) share.
 * Nobody else includes this.
 */
#pragma once

#include "manager.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define SYSTEMD_PATH	"/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"

struct manager {
	sd_event *event;
	sd_bus *bus; /* kept until the next one is opened; see connected */
	bool connected;
	sd_event_source *retry;
	uint64_t retry_usec; /* the next pause */
	struct manager_job *jobs;
	struct unit_watch *watches;
	manager_bus_fn on_connected;
	void *on_connected_owner;
};

/* One read of a unit's properties. The answer: 0 and the status, or -errno (then status is NULL).
 * Never from within. *slot is the caller's; unref it to cancel. */
typedef void (*unit_read_fn)(void *owner, int r, const struct unit_status *status);
struct unit_read;
int unit_read_begin(struct manager *manager, const char *unit, unit_read_fn done, void *owner,
	struct unit_read **ret_read);
struct unit_read *unit_read_cancel(struct unit_read *read);

/* "app@blue.service" -> "/org/freedesktop/systemd1/unit/app_40blue_2eservice"; the caller frees. */
char *unit_object_path(const char *unit);

/* A new connection is there: say what is wanted again. */
void manager_jobs_reconnected(struct manager *manager);
void manager_watches_reconnected(struct manager *manager);
/* A signal about the job came. */
void manager_job_removed(struct manager *manager, const char *path, const char *result);
/* Everything may have changed (daemon-reload, daemon-reexec). */
void manager_watches_reread(struct manager *manager);

void manager_jobs_free(struct manager *manager);
void manager_watches_free(struct manager *manager);
