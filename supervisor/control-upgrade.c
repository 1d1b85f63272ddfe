/* SPDX-License-Identifier: MIT */
/*
 * Knows who has looked whether the colors run what is installed (recheck), and keeps what he found
 * for the status: a cycle follows, at once or at the time that he says. The note is in the runtime
 * directory: after a boot nothing is outdated, and he looks again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "control-causes.h"
#include "control-inside.h"
#include "report.h"

#define NOTE_NAME      "outdated"
#define NOTE_MODE      0644
/* Causes, and their due time. */
#define NOTE_BYTES_MAX (2 * CAUSES_BYTES_MAX)

static const char *runtime_dir(const struct control *control)
{
	struct app_view view;

	app_look(control->app, &view);
	return view.stage->runtime_dir;
}

/* Without a disk the status knows it all the same, until this supervisor ends. */
static void note_write(const struct control *control)
{
	_cleanup_free_ char *text = json_dumps(control->outdated, JSON_COMPACT);
	int r = -ENOMEM;

	if (text)
		r = file_write_atomic(runtime_dir(control), NOTE_NAME, text, NOTE_MODE);
	if (r < 0)
		report(REPORT_WARNING, NULL, "%s/" NOTE_NAME " cannot be written: %s",
			runtime_dir(control), strerror(-r));
}

void control_outdated_clear(struct control *control)
{
	_cleanup_free_ char *path = NULL;

	if (!control->outdated)
		return;
	json_decref(control->outdated);
	control->outdated = NULL;
	if (asprintf(&path, "%s/" NOTE_NAME, runtime_dir(control)) >= 0)
		(void)unlink(path);
}

/* The same note again is no news. */
static void outdated_note(struct control *control, json_t *causes, uint64_t due)
{
	json_t *note = json_pack("{s:O}", "files", causes);
	char sentence[RECORD_REASON_MAX];

	if (note && due != UPGRADE_NEVER)
		(void)json_object_set_new(note, "due", json_integer((json_int_t)due));
	if (!note || (control->outdated && json_equal(note, control->outdated))) {
		json_decref(note);
		return;
	}
	json_decref(control->outdated);
	control->outdated = note;
	note_write(control);
	causes_sentence(causes, sentence, sizeof(sentence));
	report(REPORT_NOTE, NULL, "installed files were replaced that still run, %s: %s", sentence,
		due == UPGRADE_NEVER ? "no cycle begins by itself ([Upgrade] Restart=no)"
				     : "a cycle follows when its time has come");
}

void control_outdated_load(struct control *control)
{
	_cleanup_free_ char *path = NULL, *text = NULL, *files = NULL;
	char why[CAUSES_ERROR_MAX];
	json_t *note, *causes = NULL;

	if (asprintf(&path, "%s/" NOTE_NAME, runtime_dir(control)) < 0 ||
		file_read(path, NOTE_BYTES_MAX, &text, NULL) < 0)
		return;
	note = json_loads(text, 0, NULL);
	files = json_dumps(json_object_get(note, "files"), JSON_COMPACT);
	if (files)
		causes = causes_parse(files, why);
	if (causes)
		control->outdated = note;
	else
		json_decref(note);
	json_decref(causes);
}

static int upgrade_now(struct control *control, sd_bus_message *message,
	const struct app_asker *asker, json_t *causes, sd_bus_error *error)
{
	_cleanup_free_ char *text = json_dumps(causes, JSON_COMPACT);
	char id[RECORD_ID_MAX], why[APP_ERROR_MAX] = "", sentence[RECORD_REASON_MAX];
	const struct app_order order = {
		.verb = "upgrade", .release = "", .sha256 = "", .cause = sentence, .causes = text};
	int r;

	if (!text)
		return -ENOMEM;
	causes_sentence(causes, sentence, sizeof(sentence));
	r = app_upgrade(control->app, asker, &order, id, why);
	return control_reply_id(message, r, id, why, error);
}

static int upgrade(struct control *control, sd_bus_message *message, json_t *causes, uint64_t due,
	sd_bus_error *error)
{
	struct app_asker asker;
	int r;

	r = control_asker_find(message, &asker);
	if (r < 0)
		return r;
	/* Who found it says so: nobody else's findings, not even our own user's, are believed. */
	if (asker.uid != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
			"only root may say what is outdated; you are uid %u", asker.uid);
	if (json_array_size(causes) == 0)
		control_outdated_clear(control);
	else if (due == 0)
		return upgrade_now(control, message, &asker, causes, error);
	else
		outdated_note(control, causes, due);
	return sd_bus_reply_method_return(message, "s", "");
}

int control_upgrade(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	char why[CAUSES_ERROR_MAX] = "";
	const char *text;
	json_t *causes;
	uint64_t due;
	int r;

	r = sd_bus_message_read(message, "st", &text, &due);
	if (r < 0)
		return r;
	causes = causes_parse(text, why);
	if (!causes)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%s", why);
	r = upgrade(userdata, message, causes, due, error);
	json_decref(causes);
	return r;
}
