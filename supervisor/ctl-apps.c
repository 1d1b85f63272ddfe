/* SPDX-License-Identifier: MIT */
/*
 * `bluegreenctl apps': knows where the applications of this machine are written down, and asks
 * their supervisors, systemd and their configuration what there is to say in a line.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "config.h"
#include "ctl-new.h"
#include "ctl-screen.h"
#include "ctl-systemd.h"

#define ASK_USEC   (5 * UINT64_C(1000000)) /* a supervisor that does not answer is passed over */
#define OBJECT	   "/app/bluegreen"
#define INTERFACE  "app.bluegreen.Supervisor"
#define NAME_WIDTH 12

/* What a supervisor answers, or NULL; nothing is told: it may well not run. */
static json_t *status_ask(struct ctl *ctl, const char *app)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	char name[CONFIG_APP_MAX + sizeof("app.bluegreen.")];
	const char *text;

	snprintf(name, sizeof(name), "app.bluegreen.%s", app);
	if (sd_bus_message_new_method_call(ctl->bus, &call, name, OBJECT, INTERFACE, "GetStatus") <
		0)
		return NULL;
	if (sd_bus_call(ctl->bus, call, ASK_USEC, NULL, &reply) < 0 ||
		sd_bus_message_read(reply, "s", &text) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

static int on_listen(void *owner, const char *unit, const char *address)
{
	(void)unit;
	return json_array_append_new(owner, json_string(address));
}

static json_t *listeners_ask(struct ctl *ctl, const char *app)
{
	char unit[CONFIG_APP_MAX + sizeof("-bluegreen.socket")];
	json_t *listeners = json_array();

	snprintf(unit, sizeof(unit), "%s-bluegreen.socket", app);
	(void)systemd_listens(ctl, unit, on_listen, listeners);
	return listeners;
}

/* Of the configuration as it is now; the supervisor may run with what was there before. */
static json_t *ports_read(const char *app, char error[static CONFIG_ERROR_MAX])
{
	_cleanup_(cleanup_config_free) struct config *config = NULL;

	if (config_load(NEW_CONFIG_DIR, app, error, &config) < 0)
		return json_object();
	return json_pack("{s:i, s:i}", "blue", config->ports[COLOR_BLUE], "green",
		config->ports[COLOR_GREEN]);
}

static json_t *app_describe(struct ctl *ctl, const char *app)
{
	json_t *status = status_ask(ctl, app), *entry;
	char error[CONFIG_ERROR_MAX] = "";
	enum remove_state state;
	json_t *ports = ports_read(app, error);
	const char *reason =
		status ? json_word(status, "reason") : "its supervisor does not answer";

	if (*error)
		reason = error;
	if (unfinished_is(app, &state))
		reason = "`bluegreenctl new' or `remove' was interrupted, or is at work; run it "
			 "again";
	entry = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "app", app, "state",
		status ? json_word(status, "state") : "stopped", "reason", reason, "primary",
		status ? json_word(status, "primary") : "", "ports", ports, "listeners",
		listeners_ask(ctl, app), "unfinished", unfinished_is(app, &state));
	json_decref(status);
	return entry;
}

/* NAME.conf; or what an interrupted `new' or `remove' left of it. */
static bool app_of_file(const char *file, char ret_app[static CONFIG_APP_MAX])
{
	size_t length = strcspn(file, ".");

	if (length >= CONFIG_APP_MAX ||
		(strcmp(file + length, ".conf") != 0 && strcmp(file + length, ".unfinished") != 0))
		return false;
	memcpy(ret_app, file, length);
	ret_app[length] = '\0';
	return config_app_valid(ret_app);
}

static json_t *apps_describe(struct ctl *ctl)
{
	char app[CONFIG_APP_MAX], last[CONFIG_APP_MAX] = "";
	json_t *apps = json_array();
	struct dirent **entries;
	int count;

	count = scandir(NEW_CONFIG_DIR, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "bluegreenctl: %s: %s\n", NEW_CONFIG_DIR, strerror(errno));
		json_decref(apps);
		return NULL;
	}
	for (int i = 0; i < count; i++) {
		if (app_of_file(entries[i]->d_name, app) && strcmp(app, last) != 0) {
			json_array_append_new(apps, app_describe(ctl, app));
			memcpy(last, app, sizeof(last));
		}
		free(entries[i]);
	}
	free(entries);
	return apps;
}

static void app_show(const struct ctl *ctl, const json_t *app)
{
	const json_t *ports = json_object_get(app, "ports"), *listener;
	const char *primary = json_word(app, "primary"), *reason = json_word(app, "reason");
	char text[32];
	size_t i;

	screen_text(ctl, PAINT_BOLD, NAME_WIDTH, json_word(app, "app"));
	printf(" ");
	screen_word(ctl, 8, json_word(app, "state"));
	printf("  ");
	screen_word(ctl, 7, *primary ? primary : "-");
	snprintf(text, sizeof(text), "%.0f,%.0f", json_figure(ports, "blue"),
		json_figure(ports, "green"));
	printf("  ");
	screen_text(ctl, PAINT_PLAIN, 11, json_object_size(ports) ? text : "-");
	printf(" ");
	json_array_foreach(json_object_get(app, "listeners"), i, listener)
	{
		printf(" %s", json_string_value(listener));
	}
	printf("\n");
	if (*reason)
		printf("%*s  %s\n", NAME_WIDTH, "", reason);
}

static void apps_show(const struct ctl *ctl, const json_t *apps)
{
	const json_t *app;
	size_t i;

	screen_text(ctl, PAINT_DIM, NAME_WIDTH, "APP");
	screen_text(ctl, PAINT_DIM, 0, " STATE     PRIMARY  PORTS        LISTENERS\n");
	json_array_foreach(apps, i, app)
	{
		app_show(ctl, app);
	}
}

int verb_apps(struct ctl *ctl, char **argv)
{
	json_t *apps;
	char *text;

	(void)argv;
	if (ctl_connect(ctl) != CTL_OK)
		return CTL_FAILED;
	apps = apps_describe(ctl);
	if (!apps)
		return CTL_FAILED;
	if (ctl->json) {
		text = json_dumps(apps, JSON_INDENT(2) | CTL_REAL);
		printf("%s\n", text ? text : "");
		free(text);
	} else {
		apps_show(ctl, apps);
	}
	json_decref(apps);
	return CTL_OK;
}
