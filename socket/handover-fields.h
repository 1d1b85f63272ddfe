/* SPDX-License-Identifier: MIT */
/*
 * What of a session is handed over, as tables: one for the side that writes and the side that
 * reads.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum field_kind {
	FIELD_BOOL,
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_ENUM,  /* by name, so that a value keeps its meaning where the enum grows */
	FIELD_BYTES, /* an array, in hexadecimal */
};

struct field {
	const char *name;
	size_t offset;
	enum field_kind kind;
	const char *const *names; /* of FIELD_ENUM */
	size_t size;		  /* of names, or of the array */
};

struct fields {
	const struct field *rows;
	size_t count;
};

extern const struct fields session_fields, backend_fields, flow_fields;

/* Two lower-case digits a byte. -EINVAL: another number of them, or none. */
void hex_write(const void *bytes, size_t size, FILE *file);
int hex_read(const char *text, void *bytes, size_t size);

/* " NAME=VALUE" for each that is not 0. */
void fields_write(const struct fields *fields, const void *object, FILE *file);

/* One word; unknown names are passed over. -EINVAL: a value out of its range. */
int field_read(const struct fields *fields, char *word, void *object);
