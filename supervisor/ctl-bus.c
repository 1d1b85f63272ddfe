/* SPDX-License-Identifier: MIT */
/*
 * Knows how the supervisor is called, and what it means when it cannot be.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl.h"
#include "text.h"

#define OBJECT_PATH	 "/app/bluegreen"
#define OBJECT_INTERFACE "app.bluegreen.Supervisor"
/* One that went again before it got the call; more often somebody should look at it. */
#define TRIES_MAX	 2

const char *ctl_bus_name(const struct ctl *ctl)
{
	static char name[96];

	snprintf(name, sizeof(name), "app.bluegreen.%s", ctl->app);
	return name;
}

const char *ctl_command(const struct ctl *ctl)
{
	static char command[TEXT_COMMAND_MAX];

	return text_command(ctl->app, command);
}

int ctl_connect(struct ctl *ctl)
{
	int r;

	if (ctl->bus)
		return CTL_OK;
	r = sd_bus_open_system(&ctl->bus);
	if (r < 0) {
		fprintf(stderr, "bluegreenctl: the system bus cannot be reached: %s\n",
			strerror(-r));
		return CTL_FAILED;
	}
	return CTL_OK;
}

/* Nobody has the name. */
static bool is_away(const sd_bus_error *error)
{
	return sd_bus_error_has_names(
		error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

/* An administrator may have removed the configuration of `app', which then has its defaults. */
static bool is_made(const char *app)
{
	char path[128];

	snprintf(path, sizeof(path), "/etc/app-bluegreen/%.64s.conf", app);
	return strcmp(app, "app") == 0 || access(path, F_OK) == 0;
}

/* Whether something was begun that we know nothing more of, or nothing was. */
static int error_explain(const struct ctl *ctl, const sd_bus_error *error, int r)
{
	if (is_away(error) && !is_made(ctl->app)) {
		fprintf(stderr,
			"bluegreenctl: there is no application %s; `bluegreenctl apps' shows those "
			"that are there\n",
			ctl->app);
		return CTL_FAILED;
	}
	if (is_away(error)) {
		fprintf(stderr,
			"bluegreenctl: the supervisor of %s does not run; start it with `systemctl "
			"start %s-bluegreen', or see `systemctl status %s-bluegreen'\n",
			ctl->app, ctl->app, ctl->app);
		return CTL_FAILED;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)) {
		/* The bus's own words about its policy help nobody here. */
		fprintf(stderr,
			"bluegreenctl: only root and members of the group bluegreen may do this\n");
		return CTL_FAILED;
	}
	if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED,
		    SD_BUS_ERROR_TIMEOUT)) {
		fprintf(stderr,
			"bluegreenctl: the supervisor of %s went before it answered: what became "
			"of it is unknown, see `%s status'\n",
			ctl->app, ctl_command(ctl));
		return CTL_UNKNOWN;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
		fprintf(stderr,
			"bluegreenctl: the supervisor of %s is older than this program and cannot "
			"do this; restart it with `systemctl restart %s-bluegreen'\n",
			ctl->app, ctl->app);
		return CTL_FAILED;
	}
	fprintf(stderr, "bluegreenctl: %s\n", error->message ? error->message : strerror(-r));
	return CTL_FAILED;
}

static int call(struct ctl *ctl, const struct ctl_method *method, sd_bus_message **ret)
{
	static const char *const types[] = {"", "s", "ss"};
	sd_bus_error error = SD_BUS_ERROR_NULL;
	size_t count = 0, tries = 0;
	int r, exit_status;

	exit_status = ctl_connect(ctl);
	if (exit_status != CTL_OK)
		return exit_status;
	while (count < ELEMENTS(method->arguments) && method->arguments[count])
		count++;
	do {
		sd_bus_error_free(&error);
		/* Arguments beyond those that the types name are not looked at. */
		r = sd_bus_call_method(ctl->bus, ctl_bus_name(ctl), OBJECT_PATH, OBJECT_INTERFACE,
			method->name, &error, ret, types[count], method->arguments[0],
			method->arguments[1]);
		/* It was not delivered. */
	} while (r < 0 && is_away(&error) && tries++ < TRIES_MAX && ctl_await_owner(ctl));
	exit_status = r < 0 ? error_explain(ctl, &error, r) : CTL_OK;
	sd_bus_error_free(&error);
	return exit_status;
}

json_t *ctl_call(struct ctl *ctl, const struct ctl_method *method, int *ret_exit)
{
	sd_bus_message *reply = NULL;
	json_t *value = NULL;
	const char *text;

	*ret_exit = call(ctl, method, &reply);
	if (*ret_exit != CTL_OK)
		return NULL;
	if (sd_bus_message_read(reply, "s", &text) >= 0)
		value = json_loads(text, 0, NULL);
	sd_bus_message_unref(reply);
	if (!value) {
		fprintf(stderr, "bluegreenctl: the supervisor's answer is not understood; is it of "
				"another version?\n");
		*ret_exit = CTL_FAILED;
	}
	return value;
}

int ctl_begin(struct ctl *ctl, const struct ctl_method *method, char id[static CTL_ID_MAX])
{
	sd_bus_message *reply = NULL;
	const char *text;
	int r;

	r = call(ctl, method, &reply);
	if (r != CTL_OK)
		return r;
	if (sd_bus_message_read(reply, "s", &text) < 0)
		r = CTL_UNKNOWN;
	else
		snprintf(id, CTL_ID_MAX, "%s", text);
	sd_bus_message_unref(reply);
	return r;
}
