/* SPDX-License-Identifier: MIT */
/*
 * Knows what of the control socket goes to a successor: what was said and still holds, who is
 * connected and what is owed to them, the numbers of each release.
 */
#include "relay-control-parts.h"

#include <errno.h>

#include "base/names.h"
#include "handover-fields.h"
#include "handover.h"

static const char *const owed_names[OWED_COUNT] = {
	[OWED_NOTHING] = "nothing",
	[OWED_ROUTE] = "route",
	[OWED_SHOW] = "show",
	[OWED_PROTOCOL] = "protocol",
	[OWED_CLIENTS] = "clients",
	[OWED_AFFINITY] = "affinity",
	[OWED_RENEW] = "renew",
};

int control_adopt_numbers(struct control *control, const char *hex)
{
	struct numbers_book book;
	int r;

	r = hex_read(hex, &book, sizeof(book));
	if (r < 0)
		return r;
	for (int color = 0; color < COLOR_COUNT; color++) {
		struct numbers_color *of = &book.colors[color];

		if (of->earlier_count > NUMBERS_EARLIER_MAX)
			return -EINVAL;
		of->release[NUMBERS_RELEASE_MAX - 1] = '\0';
		for (size_t i = 0; i < NUMBERS_EARLIER_MAX; i++)
			of->earlier[i].release[NUMBERS_RELEASE_MAX - 1] = '\0';
	}
	control->numbers = book;
	return 0;
}

void control_count_anew(struct control *control)
{
	numbers_count_anew(&control->numbers, now_usec());
}

/* The numbers behind what was said: saying a release again must not begin them anew. */
void control_write(const struct control *control, FILE *file)
{
	for (size_t i = 0; i < CONTROL_SAID_MAX; i++) {
		const struct control_said *said = &control->said[i];

		if (*said->message)
			fprintf(file, "said at=%llu %s\n", (unsigned long long)said->at,
				said->message);
	}
	fprintf(file, "numbers ");
	hex_write(&control->numbers, sizeof(control->numbers), file);
	fputc('\n', file);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct control_client *client = &control->clients[i];

		if (client->fd < 0)
			continue;
		fprintf(file, "control");
		handover_put_fd(file, "fd", client->fd);
		fprintf(file, " owed=%s\n", owed_names[client->owed]);
	}
}

size_t control_list_fds(const struct control *control, int fds[static CONTROL_CLIENTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			fds[count++] = control->clients[i].fd;
	return count;
}

int control_adopt(struct control *control, int fd, const char *owed)
{
	struct control_client *client = control_client_free(control);
	int kind = name_lookup(owed_names, ELEMENTS(owed_names), owed);

	if (!client || kind < 0) {
		(void)fd_close(fd);
		return client ? -EINVAL : -ENOSPC;
	}
	client->fd = fd;
	client->owed = (enum owed)kind;
	client->owed_serial = control->plan.serial;
	return 0;
}
