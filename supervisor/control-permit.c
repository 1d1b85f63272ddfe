/* SPDX-License-Identifier: MIT */
/*
 * Knows how polkit is asked, and what its silence means: no. Does not know what the callers want.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "control-inside.h"
#include "report.h"

/* units/app.bluegreen.policy */
#define ACTION		"app.bluegreen.deploy"
#define ERROR_REFUSED	"app.bluegreen.Error.NotPermitted"
#define ERROR_UNDECIDED "app.bluegreen.Error.PermissionUnknown"
/* It answers within milliseconds, unless it must be started first. bluegreenctl waits longer. */
#define ANSWER_USEC	(10 * USEC_PER_SEC)
/* How many of the places one user may take, so that a stranger does not take all of them. */
#define PERMITS_OF_USER 4

static void permit_end(struct permit *permit)
{
	sd_bus_slot_unref(permit->answer);
	sd_bus_track_unref(permit->caller);
	sd_bus_message_unref(permit->message);
	*permit = (struct permit){0};
}

void permits_drop(struct control *control)
{
	for (size_t i = 0; i < PERMITS_MAX; i++)
		permit_end(&control->permits[i]);
}

bool permits_wait(const struct control *control)
{
	for (size_t i = 0; i < PERMITS_MAX; i++)
		if (control->permits[i].control)
			return true;
	return false;
}

static const char *user_name(uid_t uid, char *buffer, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(buffer, size, "%s", user->pw_name);
	else
		snprintf(buffer, size, "uid %u", uid);
	return buffer;
}

static int refuse(const struct app_asker *asker, sd_bus_error *error)
{
	char user[RECORD_WORD_MAX];

	return sd_bus_error_setf(error, ERROR_REFUSED,
		"only root and members of the group bluegreen may do this; add yourself to the "
		"group bluegreen with `sudo usermod -aG bluegreen %s' and log in again",
		user_name(asker->uid, user, sizeof(user)));
}

static int undecided(const struct app_asker *asker, const char *why, sd_bus_error *error)
{
	char user[RECORD_WORD_MAX];

	return sd_bus_error_setf(error, ERROR_UNDECIDED,
		"nothing was begun, because polkit did not say whether %s may do this (%s); see "
		"`systemctl status polkit'",
		user_name(asker->uid, user, sizeof(user)), why);
}

/* Only changes are news: a stranger may ask again and again. */
static void silence_note(struct control *control, const char *why)
{
	if (why && !control->polkit_silent)
		report(REPORT_WARNING, NULL,
			"polkit does not say who may deploy (%s); until it does, nobody but root "
			"may",
			why);
	else if (!why && control->polkit_silent)
		report(REPORT_NOTE, NULL, "polkit says again who may deploy");
	control->polkit_silent = why;
}

/* 1: polkit lets him; 0: it does not; -errno: it said nothing, and why. */
static int answer_read(sd_bus_message *answer, const char **ret_why)
{
	const sd_bus_error *failed = sd_bus_message_get_error(answer);
	int permitted, challenge, r;

	if (failed) {
		*ret_why = failed->message ? failed->message : failed->name;
		return -EIO;
	}
	*ret_why = "its answer is not understood";
	r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_STRUCT, "bba{ss}");
	if (r >= 0)
		r = sd_bus_message_read(answer, "bb", &permitted, &challenge);
	return r < 0 ? r : permitted;
}

static int perform(struct control *control, sd_bus_message *message, permit_fn function,
	const struct app_asker *asker, sd_bus_error *error)
{
	int r = sd_bus_message_rewind(message, true);

	return r < 0 ? r : function(control, message, asker, error);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *unused)
{
	struct permit *place = userdata;
	struct permit permit = *place; /* what is performed may need the place */
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *why = NULL;
	int r = answer_read(answer, &why);

	(void)unused;
	*place = (struct permit){0};
	silence_note(permit.control, r < 0 ? why : NULL);
	if (r < 0)
		r = undecided(&permit.asker, why, &error);
	else if (r == 0)
		r = refuse(&permit.asker, &error);
	else
		r = perform(permit.control, permit.message, permit.perform, &permit.asker, &error);
	if (r < 0)
		(void)sd_bus_reply_method_errno(permit.message, r, &error);
	sd_bus_error_free(&error);
	permit_end(&permit);
	return 0;
}

static int on_caller_gone(sd_bus_track *track, void *userdata)
{
	(void)track;
	permit_end(userdata);
	return 0;
}

static int polkit_ask(struct permit *permit, const char *verb)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *question = NULL;
	sd_bus *bus = sd_bus_message_get_bus(permit->message);
	struct app_view view;
	int r;

	app_look(permit->control->app, &view);
	r = sd_bus_message_new_method_call(bus, &question, "org.freedesktop.PolicyKit1",
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CheckAuthorization");
	/* Who, what, about what; no flags, so that nobody is asked for a password; and no name to
	 * cancel it by. */
	if (r >= 0)
		r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1,
			"name", "s", sd_bus_message_get_sender(permit->message), ACTION, 2, "app",
			view.name, "verb", verb, 0, "");
	if (r < 0)
		return r;
	return sd_bus_call_async(bus, &permit->answer, question, on_answer, permit, ANSWER_USEC);
}

/* NULL: all places are taken, or all that one user may take. */
static struct permit *place_find(struct control *control, uid_t uid)
{
	struct permit *found = NULL;
	unsigned int taken = 0;

	for (size_t i = 0; i < PERMITS_MAX; i++) {
		struct permit *permit = &control->permits[i];

		if (!permit->control)
			found = permit;
		else
			taken += permit->asker.uid == uid;
	}
	return taken < PERMITS_OF_USER ? found : NULL;
}

int permit_ask(struct control *control, sd_bus_message *message, const char *verb,
	permit_fn function, sd_bus_error *error)
{
	struct permit *permit;
	struct app_asker asker;
	int r;

	r = control_asker_find(message, &asker);
	if (r < 0)
		return r;
	if (asker.uid == 0 || asker.uid == geteuid())
		return perform(control, message, function, &asker, error);
	permit = place_find(control, asker.uid);
	if (!permit)
		return undecided(&asker, "too many wait for its answer", error);
	*permit = (struct permit){
		.control = control,
		.message = sd_bus_message_ref(message),
		.perform = function,
		.asker = asker,
	};
	r = sd_bus_track_new(
		sd_bus_message_get_bus(message), &permit->caller, on_caller_gone, permit);
	if (r >= 0)
		r = sd_bus_track_add_sender(permit->caller, message);
	if (r >= 0)
		r = polkit_ask(permit, verb);
	if (r < 0) {
		permit_end(permit);
		return undecided(&asker, strerror(-r), error);
	}
	return 1;
}
