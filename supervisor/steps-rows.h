/* SPDX-License-Identifier: MIT */
/*
 * What a single row does that has no parameter of its own (deploy.h says when each is called). For
 * the tables only.
 */
#pragma once

#include "steps.h"

/* What must be true before a row begins and while it runs. */
bool row_check_fallback_serves(struct stage *stage, char why[static STEP_TEXT_MAX]);
bool row_check_primary_serves(struct stage *stage, char why[static STEP_TEXT_MAX]);
bool row_check_restart_fresh(struct stage *stage, char why[static STEP_TEXT_MAX]);
bool row_check_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX]);
bool row_check_fresh_writes(struct stage *stage, char why[static STEP_TEXT_MAX]);

/* How it begins. */
int row_begin_before(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_after(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_turn(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_shield(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_alone(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_drain(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_restart(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_restart_fallback(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_healthy(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_healthy_fallback(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_soak(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_return(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_switch(struct stage *stage, char why[static STEP_TEXT_MAX]);
int row_begin_window(struct stage *stage, char why[static STEP_TEXT_MAX]);

/* How it stands. */
enum step_progress row_progress_before(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_after(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_settle(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_shield(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_drain(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_drain_other(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_restart(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_restart_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_healthy(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_healthy_fallback(
	struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_soak(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_return(struct stage *stage, char text[static STEP_TEXT_MAX]);
enum step_progress row_progress_window(struct stage *stage, char text[static STEP_TEXT_MAX]);

/* What takes it back. */
void row_undo_turn(struct stage *stage);
void row_undo_shield(struct stage *stage);
void row_undo_ramp(struct stage *stage);
void row_undo_return(struct stage *stage);
void row_undo_switch(struct stage *stage);

/* What the record has to say of it. */
void row_note_switch(const struct stage *stage, struct record *record);
void row_note_commit(const struct stage *stage, struct record *record);
void row_learn_snapshot(const struct stage *stage, struct record *record);

/* When there is no way back from it. */
bool row_always(const struct stage *stage);
bool row_has_no_former(const struct stage *stage);
