/* SPDX-License-Identifier: MIT */
/*
 * Knows when the supervisor may be replaced, and that its successor was tried before. Does not
 * execute it: that is main's, when everything is closed.
 */
#include "renewal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "release-child.h"
#include "report.h"
#include "timer.h"

/* A program that has not read a configuration by then does not run here. */
#define TRY_USEC	(10 * USEC_PER_SEC)
/* Who has followed a cycle to its end asks for its receipt. */
#define LAST_WORDS_USEC (1 * USEC_PER_SEC)

enum renewal_state {
	RENEWAL_NONE,	 /* nobody wants it */
	RENEWAL_WAITING, /* for the end of a cycle */
	RENEWAL_RESTING, /* that was so; whoever has waited for it too has the last word */
	RENEWAL_TRYING,	 /* the program runs, in a process of its own */
	RENEWAL_LEAVING, /* the bus is told, so that nobody calls any more */
	RENEWAL_LEFT,	 /* that is so, and who has called is answered */
	RENEWAL_OVER,	 /* the loop ends */
	RENEWAL_STATE_COUNT,
};

static const char *const state_names[RENEWAL_STATE_COUNT] = {
	[RENEWAL_NONE] = "none",
	[RENEWAL_WAITING] = "waiting",
	[RENEWAL_RESTING] = "resting",
	[RENEWAL_TRYING] = "trying",
	[RENEWAL_LEAVING] = "leaving",
	[RENEWAL_LEFT] = "left",
	[RENEWAL_OVER] = "over",
};

struct renewal {
	sd_event *event;
	struct renewal_order order;
	struct app *app;
	struct control *control;
	enum renewal_state state;
	sd_event_source *look; /* after whatever else the loop has done; only while we wait */
	sd_event_source *rest;
	struct child *child;
};

static void renewal_enter(struct renewal *renewal, enum renewal_state state)
{
	report(REPORT_DEBUG, NULL, "renewal: %s -> %s", state_names[renewal->state],
		state_names[state]);
	renewal->state = state;
	(void)sd_event_source_set_enabled(renewal->look,
		state == RENEWAL_WAITING || state == RENEWAL_LEFT ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* NULL if nothing is. */
static const char *what_is_under_way(const struct renewal *renewal)
{
	const char *what = app_what_is_under_way(renewal->app);

	return what ? what : control_what_is_under_way(renewal->control);
}

/* Nobody calls any more, and all who have called are answered, in a moment at most. */
static void end(struct renewal *renewal)
{
	_cleanup_free_ char *learnt = NULL;

	/* Somebody's last call was an order. */
	if (what_is_under_way(renewal)) {
		control_return(renewal->control);
		renewal_enter(renewal, RENEWAL_WAITING);
		return;
	}
	learnt = app_bequeath(renewal->app);
	if (!learnt || setenv(RENEWAL_VARIABLE, learnt, 1) < 0) {
		report(REPORT_WARNING, NULL, "no memory to execute %s; this supervisor goes on",
			renewal->order.program);
		control_return(renewal->control);
		renewal_enter(renewal, RENEWAL_NONE);
		return;
	}
	report(REPORT_NOTE, NULL, "%s is executed in place of this supervisor",
		renewal->order.program);
	renewal_enter(renewal, RENEWAL_OVER);
	(void)sd_event_exit(renewal->event, RENEWAL_EXIT);
}

static void on_left(void *owner)
{
	struct renewal *renewal = owner;

	renewal_enter(renewal, RENEWAL_LEFT);
	if (!control_has_callers(renewal->control))
		end(renewal);
}

static void on_tried(void *owner, enum child_end end, int status, const char *said)
{
	struct renewal *renewal = owner;
	char why[256];

	renewal->child = child_end(renewal->child);
	if (end == CHILD_EXITED && status == 0) {
		renewal_enter(renewal, RENEWAL_LEAVING);
		control_leave(renewal->control, on_left, renewal);
		return;
	}
	child_describe(renewal->order.program, end, status, said, why, sizeof(why));
	report(REPORT_RENEWAL_FAILED, NULL,
		"the program that is installed now does not run here: %s; this supervisor goes on "
		"as it is, until the next SIGHUP",
		why);
	renewal_enter(renewal, RENEWAL_NONE);
}

static void try_begin(struct renewal *renewal)
{
	const char *const argv[] = {renewal->order.program, "--try", renewal->order.name,
		renewal->order.config_dir, NULL};
	const struct child_order order = {.argv = argv, .stdin_fd = -EBADF, .limit_usec = TRY_USEC};
	int r;

	renewal_enter(renewal, RENEWAL_TRYING);
	r = child_begin(renewal->event, &order, on_tried, renewal, &renewal->child);
	if (r >= 0)
		return;
	report(REPORT_RENEWAL_FAILED, NULL,
		"it cannot be tried whether %s runs here: %s; this supervisor goes on as it is, "
		"until the next SIGHUP",
		renewal->order.program, strerror(-r));
	renewal_enter(renewal, RENEWAL_NONE);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct renewal *renewal = userdata;

	(void)source;
	(void)usec;
	if (what_is_under_way(renewal))
		renewal_enter(renewal, RENEWAL_WAITING);
	else
		try_begin(renewal);
	return 0;
}

/* The loop has done something else, and that may have been what was waited for. */
static int on_look(sd_event_source *source, void *userdata)
{
	struct renewal *renewal = userdata;

	(void)source;
	if (renewal->state == RENEWAL_LEFT && !control_has_callers(renewal->control))
		end(renewal);
	if (renewal->state != RENEWAL_WAITING || what_is_under_way(renewal))
		return 0;
	renewal_enter(renewal, RENEWAL_RESTING);
	if (timer_arm(renewal->event, &renewal->rest, LAST_WORDS_USEC, on_rested, renewal) < 0)
		try_begin(renewal);
	return 0;
}

void renewal_ask(struct renewal *renewal)
{
	const char *what = what_is_under_way(renewal);

	if (renewal->state != RENEWAL_NONE)
		return;
	if (!what) {
		try_begin(renewal);
		return;
	}
	report(REPORT_NOTE, NULL,
		"%s is executed in place of this supervisor as soon as it can: %s",
		renewal->order.program, what);
	renewal_enter(renewal, RENEWAL_WAITING);
}

struct renewal *renewal_close(struct renewal *renewal)
{
	if (!renewal)
		return NULL;
	child_end(renewal->child);
	sd_event_source_disable_unref(renewal->look);
	sd_event_source_disable_unref(renewal->rest);
	sd_event_unref(renewal->event);
	free(renewal);
	return NULL;
}

int renewal_open(sd_event *event, const struct renewal_order *order, struct app *app,
	struct control *control, struct renewal **ret_renewal)
{
	_cleanup_(cleanup_renewal_close) struct renewal *renewal = calloc(1, sizeof(*renewal));
	int r;

	if (!renewal)
		return -ENOMEM;
	renewal->event = sd_event_ref(event);
	renewal->order = *order;
	renewal->app = app;
	renewal->control = control;
	r = sd_event_add_post(event, &renewal->look, on_look, renewal);
	if (r >= 0)
		r = sd_event_source_set_enabled(renewal->look, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_renewal = take_ptr(renewal);
	return 0;
}
