/* SPDX-License-Identifier: MIT */
/*
 * Knows what a listening socket says of its owner, and how a process is found by it; knows neither
 * units nor colors.
 */
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cgroup.h"
#include "listener-process.h"

/* Where PID 1 lives: a socket that it made (ListenStream=) is that of whichever unit it starts. */
#define INIT_GROUP "/init.scope"

static const char *group_of(const char *path)
{
	const char *group = path + strlen(cgroup_root());

	return *group ? group : "/";
}

static void stranger_describe(uint16_t port, const struct sockdiag_port *found, const char *path,
	char *sentence, size_t size)
{
	char process[LISTENER_PROCESS_MAX], user[LISTENER_PROCESS_MAX];

	listener_name_process(path, found->inode, process);
	listener_name_user(found->uid, user);
	if (*path)
		snprintf(sentence, size, "port %u is held by %s, %s, in %s", port, process, user,
			group_of(path));
	else
		snprintf(sentence, size,
			"port %u is held by %s, %s, in a control group (%llu) that is not seen "
			"from here; `ss -tlnp sport = %u` names it",
			port, process, user, (unsigned long long)found->cgroup_id, port);
}

/* Who it is if it is not the unit. */
static enum listener stranger_judge(
	uint16_t port, const struct sockdiag_port *found, char *sentence, size_t size)
{
	char path[PATH_MAX];

	if (!cgroup_find("", found->cgroup_id, path))
		path[0] = '\0';
	else if (strcmp(group_of(path), INIT_GROUP) == 0)
		return LISTENER_UNTOLD;
	stranger_describe(port, found, path, sentence, size);
	return LISTENER_STRANGER;
}

enum listener listener_find(struct sockdiag *sockdiag, uint16_t port, const char *control_group,
	char *sentence, size_t size)
{
	const char *root = cgroup_root();
	struct sockdiag_port found;
	char path[PATH_MAX];
	struct stat st;

	if (sockdiag_read_listener(sockdiag, port, &found) < 0)
		return LISTENER_UNTOLD;
	if (!found.listening)
		return LISTENER_NONE;
	if (found.cgroup_id == 0 || !root)
		return LISTENER_UNTOLD;
	if (*control_group) {
		snprintf(path, sizeof(path), "%s%s", root, control_group);
		if (stat(path, &st) == 0) {
			if (cgroup_find(control_group, found.cgroup_id, path))
				return LISTENER_OURS;
		} else if (!cgroup_find("", found.cgroup_id, path)) {
			/* Nothing is to be seen from here (a container's own view), so nothing is
			 * known. A group that alone is gone owns nothing: its unit has just ended.
			 */
			return LISTENER_UNTOLD;
		}
	}
	return stranger_judge(port, &found, sentence, size);
}
