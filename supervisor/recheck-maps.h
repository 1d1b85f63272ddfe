/* SPDX-License-Identifier: MIT */
/*
 * Lines of /proc/PID/maps (proc(5)), and what becomes of a file that is mapped there. Pure.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct mapping {
	char range[40]; /* its name in /proc/PID/map_files */
	uint64_t inode;
	bool executable;
	bool deleted;	     /* path had " (deleted)" behind it, which is cut off */
	char path[PATH_MAX]; /* as the process sees it */
};

/* False for what is no line of a file that could have come from a package or a release: memory
 * without a file, devices, what the kernel or a program makes for itself (memfd, SysV, what lies in
 * /tmp or /run). */
bool mapping_parse(const char *line, struct mapping *ret_mapping);

/* The same for /proc/PID/exe: cuts " (deleted)" off. */
bool executable_parse(const char *target, struct mapping *ret_mapping);

enum place {
	PLACE_SAME,    /* the file that is mapped is in its place */
	PLACE_OTHER,   /* another one is there */
	PLACE_NOTHING, /* none is there */
};

enum judgement {
	JUDGEMENT_CURRENT,
	JUDGEMENT_OUTDATED,
	JUDGEMENT_IF_PACKAGED, /* outdated if a package has it */
};

enum judgement mapping_judge(const struct mapping *mapping, enum place place);
