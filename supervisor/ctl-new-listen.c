/* SPDX-License-Identifier: MIT */
/*
 * Knows how addresses to listen on are written, and which exclude each other. Pure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "ctl-new.h"

#define PORT_TEXT_MAX 8

/* All addresses, of both families, or of IPv4. */
static const uint8_t every_address[ENDPOINT_ADDRESS_SIZE];
static const uint8_t every_ipv4[ENDPOINT_ADDRESS_SIZE] = {[10] = 0xff, [11] = 0xff};

static int port_parse(const char *text, size_t length, uint16_t *ret_port)
{
	char digits[PORT_TEXT_MAX];
	uint64_t number;

	if (length == 0 || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (number_parse(digits, UINT16_MAX, &number) < 0 || number == 0)
		return -EINVAL;
	*ret_port = (uint16_t)number;
	return 0;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static int address_parse(const char *text, size_t length, struct endpoint *ret_endpoint)
{
	const char *colon = memrchr(text, ':', length);
	size_t size;
	uint16_t port;
	int r;

	if (!colon)
		return -EINVAL;
	size = (size_t)(colon - text);
	if (port_parse(colon + 1, length - size - 1, &port) < 0)
		return -EINVAL;
	if (size >= 2 && text[0] == '[' && text[size - 1] == ']')
		r = endpoint_parse(text + 1, size - 2, ret_endpoint);
	else if (memchr(text, ':', size))
		return -EINVAL;
	else
		r = endpoint_parse(text, size, ret_endpoint);
	ret_endpoint->port = port;
	return r;
}

int listen_parse(const char *text, size_t length, struct listen_address *ret_address)
{
	struct listen_address address = {.endpoint.known = true};

	if (length > 1 && text[0] == '/') {
		if (length >= sizeof(address.path))
			return -EINVAL;
		memcpy(address.path, text, length);
		address.endpoint.known = false;
		/* What a line of a unit could not say. */
		if (strpbrk(address.path, " \t%\\\n\r"))
			return -EINVAL;
	} else if (port_parse(text, length, &address.endpoint.port) < 0 &&
		   address_parse(text, length, &address.endpoint) < 0) {
		return -EINVAL;
	}
	*ret_address = address;
	return 0;
}

void listen_format(const struct listen_address *address, char ret_text[static LISTEN_TEXT_MAX])
{
	const struct endpoint *endpoint = &address->endpoint;
	char text[ENDPOINT_TEXT_MAX];
	bool bare = endpoint_is_ipv4(endpoint);

	if (*address->path) {
		memcpy(ret_text, address->path, LISTEN_TEXT_MAX);
		return;
	}
	(void)endpoint_text(endpoint, text);
	snprintf(ret_text, LISTEN_TEXT_MAX, "%s%s%s:%u", bare ? "" : "[", text, bare ? "" : "]",
		(unsigned int)endpoint->port);
}

static bool is_address(const struct endpoint *endpoint, const uint8_t *address)
{
	return memcmp(endpoint->address, address, ENDPOINT_ADDRESS_SIZE) == 0;
}

static bool covers(const struct endpoint *wide, const struct endpoint *narrow)
{
	/* systemd opens [::] for both families. */
	if (is_address(wide, every_address))
		return true;
	if (is_address(wide, every_ipv4))
		return endpoint_is_ipv4(narrow);
	return is_address(wide, narrow->address);
}

bool listen_clash(const struct listen_address *a, const struct listen_address *b)
{
	if (*a->path || *b->path)
		return strcmp(a->path, b->path) == 0;
	return a->endpoint.port == b->endpoint.port &&
	       (covers(&a->endpoint, &b->endpoint) || covers(&b->endpoint, &a->endpoint));
}

struct listen_address listen_local(uint16_t port)
{
	struct listen_address address = {.endpoint = {.known = true}};

	(void)endpoint_parse("127.0.0.1", strlen("127.0.0.1"), &address.endpoint);
	address.endpoint.port = port;
	return address;
}

int listen_list_parse(const char *text, struct new_app *app, const char **ret_word)
{
	for (;;) {
		size_t length = strcspn(text, ",");

		*ret_word = text;
		if (app->listens_count == ELEMENTS(app->listens))
			return -E2BIG;
		if (listen_parse(text, length, &app->listens[app->listens_count]) < 0)
			return -EINVAL;
		app->listens_count++;
		if (!text[length])
			return 0;
		text += length + 1;
	}
}

int listen_ports_parse(const char *text, struct new_app *app)
{
	size_t length = strcspn(text, ",");

	if (!text[length] || port_parse(text, length, &app->ports[COLOR_BLUE]) < 0)
		return -EINVAL;
	text += length + 1;
	return port_parse(text, strlen(text), &app->ports[COLOR_GREEN]);
}
