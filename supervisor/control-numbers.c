/* SPDX-License-Identifier: MIT */
/*
 * Knows who asks over D-Bus for the relay's numbers, and until when he is let wait. How they are
 * written down, control-show-numbers.c knows.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "control-inside.h"
#include "control-show.h"

#define ERROR_NUMBERS "app.bluegreen.Error.NoNumbers"
/* A dozen answers of a relay that may be busy with something else. */
#define PATIENCE_USEC (2 * USEC_PER_SEC)

static void curious_dismiss(struct control *control)
{
	for (size_t i = 0; i < control->curious_count; i++)
		sd_bus_message_unref(control->curious[i]);
	control->curious_count = 0;
	(void)sd_event_source_set_enabled(control->curious_patience, SD_EVENT_OFF);
}

static void curious_refuse(struct control *control, const char *sentence)
{
	for (size_t i = 0; i < control->curious_count; i++)
		(void)sd_bus_reply_method_errorf(
			control->curious[i], ERROR_NUMBERS, "%s", sentence);
	curious_dismiss(control);
}

void control_numbers_refuse(struct control *control)
{
	curious_refuse(control,
		"the relay did not tell its numbers in time; see `systemctl status' of its "
		"service");
}

void control_numbers_tell(struct control *control, const struct steer_numbers *numbers)
{
	json_t *object = NULL;
	_cleanup_free_ char *text = NULL;
	struct app_view view;

	if (control->curious_count == 0)
		return;
	if (!numbers) {
		curious_refuse(control,
			"the relay is older than this supervisor and has no such numbers; restart "
			"its service");
		return;
	}
	app_look(control->app, &view);
	object = show_numbers(view.name, numbers);
	text = object ? json_dumps(object, JSON_COMPACT | SHOW_REAL) : NULL;
	json_decref(object);
	if (!text) {
		curious_refuse(control, "the supervisor has no memory left for this");
		return;
	}
	for (size_t i = 0; i < control->curious_count; i++)
		(void)sd_bus_reply_method_return(control->curious[i], "s", text);
	curious_dismiss(control);
}

int control_get_numbers(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;

	if (control->curious_count == WAITING_MAX)
		return sd_bus_error_setf(error, ERROR_NUMBERS,
			"%d others wait for the numbers already; try again", WAITING_MAX);
	if (app_ask_numbers(control->app) < 0)
		return sd_bus_error_setf(error, ERROR_NUMBERS,
			"the relay does not answer on its control socket, so there are no numbers");
	if (sd_event_source_set_time_relative(control->curious_patience, PATIENCE_USEC) < 0 ||
		sd_event_source_set_enabled(control->curious_patience, SD_EVENT_ONESHOT) < 0)
		return -ENOMEM;
	control->curious[control->curious_count++] = sd_bus_message_ref(message);
	return 1;
}
