/* SPDX-License-Identifier: MIT */
/*
 * `bluegreenctl new', `remove' and `apps': what these verbs share. They are the only ones that
 * change this machine by themselves. Everything that `new' makes has a name that follows from that
 * of the application, so that `remove' needs no list; what is unfinished, of either, has
 * /etc/app-bluegreen/NAME.unfinished beside it, and is taken away by the next of them.
 *
 * Where a function returns an int that is not described it is an enum ctl_exit, and what is wrong
 * was told on stderr in a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "color.h"
#include "ctl-new-listen.h"
#include "ctl.h"

#define NEW_CONFIG_DIR	"/etc/app-bluegreen"
#define NEW_UNIT_DIR	"/etc/systemd/system"
#define NEW_RUNTIME_DIR "/run/app-bluegreen"
#define NEW_PATH_MAX	512
#define NEW_LISTEN_MAX	16 /* addresses of one application */

struct new_app {
	const char *name, *user, *exec;
	bool user_made; /* the user is not there and is to be made */
	struct listen_address listens[NEW_LISTEN_MAX];
	size_t listens_count;
	uint16_t ports[COLOR_COUNT];
};

/* ctl-new-listen.c too. The lists of --listen and --ports; -EINVAL, and *ret_word is where it is
 * wrong. */
int listen_list_parse(const char *text, struct new_app *app, const char **ret_word);
int listen_ports_parse(const char *text, struct new_app *app);

/* ctl-new-clash.c: who has one of the addresses and ports already. */
int clash_check(struct ctl *ctl, const struct new_app *app);

/* ctl-new-check.c: may this be made? Changes nothing. Sets user_made. */
int new_check(struct ctl *ctl, struct new_app *app);
/* What does systemd say of the template? It is written below NEW_RUNTIME_DIR for that, by this
 * name, and removed again. */
int new_verify(const struct new_app *app);
const char *new_verify_name(const char *app);
/* May this be the name of an application that is made? */
int new_check_word(const char *name);

/* ctl-new-files.c */
int new_files_write(const struct new_app *app);
int new_file_write(const char *directory, const char *name, const char *content);
/* Of the template, as `new' would write it: the caller frees; NULL was told. */
char *new_template(const struct new_app *app);
/* Everything at the places where `new', an administrator and systemctl(1) put something of this
 * application, but its state and its user. */
int new_files_remove(const char *name);
int new_tree_remove(const char *directory, const char *name);

/* ctl-new-user.c */
int new_user_make(const struct new_app *app);
/* The user that was made for this application, if one was. */
int new_user_remove(const char *name);

/* ctl-remove.c: takes away what is there of an application, however much that is. */
enum remove_state { REMOVE_STATE, KEEP_STATE };
int remove_app(struct ctl *ctl, const char *name, enum remove_state state);
/* Whether there is a state: of an application that was removed with --keep-data. */
enum remove_state state_is_there(const char *name);
/* The mark of what is unfinished: there before anything else is, gone after everything else. It
 * says what becomes of the state when somebody else clears up. */
int unfinished_mark(const char *name, const char *verb, enum remove_state state);
int unfinished_clear(const char *name);
bool unfinished_is(const char *name, enum remove_state *ret_state);
/* One `new' or `remove' at a time: a descriptor that is the lock; < 0 was told. */
int new_lock(void);

int verb_new(struct ctl *ctl, char **argv);
int verb_remove(struct ctl *ctl, char **argv);
int verb_apps(struct ctl *ctl, char **argv);
