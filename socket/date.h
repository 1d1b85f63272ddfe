/* SPDX-License-Identifier: MIT */
/*
 * The Date field (RFC 9110 sections 5.6.7 and 6.6.1). Pure.
 */
#pragma once

#include <time.h>

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT", CRLF and NUL. */
#define DATE_LINE_SIZE (6 + 29 + 2 + 1)

/* Seconds since 1970, up to the year 9999; what lies outside is taken for the nearest. */
void date_line(time_t now, char ret_line[static DATE_LINE_SIZE]);
