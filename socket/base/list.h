/* SPDX-License-Identifier: MIT */
/*
 * A ring of links that live inside the things they link. A link that is in no ring points at
 * itself, so taking it out twice is harmless.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next, *previous;
};

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct link *link)
{
	link->next = link->previous = link;
}

static inline bool list_empty(const struct link *head)
{
	return head->next == head;
}

/* Inserts behind `where`; behind the head is first, behind head->previous is last. */
static inline void list_insert(struct link *where, struct link *link)
{
	link->previous = where;
	link->next = where->next;
	where->next->previous = link;
	where->next = link;
}

static inline void list_append(struct link *head, struct link *link)
{
	list_insert(head->previous, link);
}

static inline void list_remove(struct link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	list_init(link);
}

/* The entry may be removed, no other. */
#define list_for_each(entry, after, head)                                                          \
	for ((entry) = (head)->next, (after) = (entry)->next; (entry) != (head);                   \
		(entry) = (after), (after) = (entry)->next)
