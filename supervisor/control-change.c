/* SPDX-License-Identifier: MIT */
/*
 * Knows D-Bus callers who want something changed: who they are, and what they have said. Whether
 * they may, control-permit.c knows; what can be changed, app.c knows, and says why it cannot.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "control-inside.h"
#include "fetch-sum.h"

/* "root (ansible)". A command is there only if the kernel shows us other people's processes. */
static void asker_name(const struct app_asker *asker, sd_bus_creds *creds, char *name, size_t size)
{
	const struct passwd *user = getpwuid(asker->uid);
	const char *command;

	/* ExecReload= runs bluegreenctl as our own user. */
	if (asker->uid == geteuid() && asker->uid != 0) {
		snprintf(name, size, "systemctl reload");
		return;
	}
	if (sd_bus_creds_get_comm(creds, &command) >= 0 && *command)
		snprintf(name, size, "%.40s (%.16s)", user ? user->pw_name : "", command);
	else
		snprintf(name, size, "%s", user ? user->pw_name : "");
	/* A process may call itself anything, and the record is a line a key. */
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || (unsigned char)*name >= 0x7f)
			*name = '?';
}

int control_asker_find(sd_bus_message *message, struct app_asker *ret_asker)
{
	_cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
	int r;

	r = sd_bus_query_sender_creds(message,
		SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID | SD_BUS_CREDS_COMM | SD_BUS_CREDS_AUGMENT,
		&creds);
	if (r < 0)
		return r;
	r = sd_bus_creds_get_euid(creds, &ret_asker->uid);
	if (r < 0)
		return r;
	ret_asker->pid = 0;
	(void)sd_bus_creds_get_pid(creds, &ret_asker->pid);
	asker_name(ret_asker, creds, ret_asker->name, sizeof(ret_asker->name));
	return 0;
}

int control_reply_id(
	sd_bus_message *message, int r, const char *id, const char *why, sd_bus_error *error)
{
	if (r < 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s", why);
	return sd_bus_reply_method_return(message, "s", id);
}

static int deploy(struct control *control, sd_bus_message *message, const struct app_asker *asker,
	const struct app_order *order, sd_bus_error *error)
{
	char id[RECORD_ID_MAX], why[APP_ERROR_MAX] = "";
	int r;

	if (*order->sha256 && !sum_valid(order->sha256))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
			"a SHA-256 has 64 hexadecimal digits; \"%.80s\" is none", order->sha256);
	r = app_deploy(control->app, asker, order, id, why);
	return control_reply_id(message, r, id, why, error);
}

static int deploy_permitted(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, sd_bus_error *error)
{
	struct app_order order = {.sha256 = ""};
	int r;

	r = sd_bus_message_read(message, "s", &order.release);
	if (r < 0)
		return r;
	order.verb = *order.release ? "deploy" : "reload";
	return deploy(control, message, asker, &order, error);
}

/* Without a checksum. */
int control_deploy(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *release;
	int r;

	r = sd_bus_message_read(message, "s", &release);
	if (r < 0)
		return r;
	return permit_ask(
		userdata, message, *release ? "deploy" : "reload", deploy_permitted, error);
}

static int deploy_release_permitted(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, sd_bus_error *error)
{
	struct app_order order = {.verb = "deploy"};
	int r;

	r = sd_bus_message_read(message, "ss", &order.release, &order.sha256);
	if (r < 0)
		return r;
	return deploy(control, message, asker, &order, error);
}

int control_deploy_release(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return permit_ask(userdata, message, "deploy", deploy_release_permitted, error);
}

static int abort_permitted(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, sd_bus_error *error)
{
	char id[RECORD_ID_MAX], why[APP_ERROR_MAX] = "";
	int r;

	r = app_abort(control->app, asker, id, why);
	return control_reply_id(message, r, id, why, error);
}

int control_abort(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return permit_ask(userdata, message, "abort", abort_permitted, error);
}

static int rollback_permitted(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, sd_bus_error *error)
{
	char id[RECORD_ID_MAX], why[APP_ERROR_MAX] = "";
	const char *release;
	int r;

	r = sd_bus_message_read(message, "s", &release);
	if (r < 0)
		return r;
	if (*release && !release_tag_valid(release))
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS, "\"%.64s\" cannot be a release", release);
	r = app_rollback(control->app, asker, release, id, why);
	return control_reply_id(message, r, id, why, error);
}

int control_rollback(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return permit_ask(userdata, message, "rollback", rollback_permitted, error);
}
