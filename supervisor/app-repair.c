/* SPDX-License-Identifier: MIT */
/*
 * Knows when the parts that the two processes were told do not belong together, after a record was
 * lost or somebody's way back was cut: two primaries, or none. The end of a cycle puts that right:
 * it is gone through again from the row that starts the color whose part is wrong.
 */
#include <string.h>
#include <unistd.h>

#include "app-inside.h"
#include "base/fd.h"
#include "report.h"

/* It is tried again no sooner: what did not work would take the fallback away again and again. */
#define REPAIR_AGAIN_USEC (60 * USEC_PER_SEC)

/* The row to go on from, and why; NULL if nothing is wrong. */
static const char *row_of_fault(const struct app *app, const char **ret_why)
{
	enum color primary = watch_primary(app->watch), other = color_other(primary);

	if (instances_get(app->instances, primary)->role != ROLE_PRIMARY) {
		*ret_why = "the primary was started as a fallback";
		return "restart";
	}
	if (instances_get(app->instances, other)->role != ROLE_FALLBACK) {
		*ret_why = "both colors were started as a primary";
		return "drain-fallback";
	}
	return NULL;
}

static bool is_quiet(const struct app *app)
{
	for (enum color color = 0; color < COLOR_COUNT; color++) {
		const struct instance *instance = instances_get(app->instances, color);

		if (!instance->known || !instance_is_healthy(instance))
			return false;
	}
	return !app->running && watch_is_settled(app->watch);
}

void app_repair_follow(struct app *app)
{
	const struct app_asker asker = {
		.uid = geteuid(), .pid = getpid(), .name = "the supervisor itself"};
	const struct app_order order = {.verb = "repair", .release = "", .sha256 = ""};
	uint64_t now = now_usec();
	struct record record;
	const char *row, *why;

	if (!is_quiet(app) || (app->repaired_usec && now < app->repaired_usec + REPAIR_AGAIN_USEC))
		return;
	row = row_of_fault(app, &why);
	if (!row)
		return;
	app->repaired_usec = now;
	if (app_record_new(&asker, &order, &record) < 0)
		return;
	report(REPORT_WARNING, NULL, "%s; that is put right now", why);
	record.committed = strcmp(row, "drain-fallback") == 0;
	snprintf(record.step, sizeof(record.step), "%s", row);
	if (app_cycle_repair(app, &record) < 0)
		report(REPORT_WARNING, NULL, "no memory to put that right");
}
