/* SPDX-License-Identifier: MIT */
/*
 * For the tests of manager: a systemd of the test's own, on the other end of a bus connection (no
 * dbus-daemon: the test answers for that too).
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-id128.h>

#include "base/fd.h"
#include "manager.h"

#define SYSTEMD	      "org.freedesktop.systemd1"
#define UNIT	      "app@blue.service"
#define UNIT_PATH     "/org/freedesktop/systemd1/unit/app_40blue_2eservice"
#define JOB_PATH      "/org/freedesktop/systemd1/job/7"
#define PATIENCE_USEC (8 * USEC_PER_SEC)

/* What systemd is like, and what it was asked for. */
static struct {
	char active[16], sub[16], load[16], result[16], invocation, load_error[64];
	char user[32], group[32], group_too[300];
	int dynamic;
	uint32_t pid, restarts;
	int32_t exit_status;
	const char *refuses; /* the error of a job call */
	bool job_exists;
	bool silent; /* calls for jobs are not answered */
	unsigned resets, starts, restarts_asked, stops, subscribes, reads;
	char mode[16];
} fake;

static char dir[32];
static struct sockaddr_un address;
static int listener = -EBADF;
static sd_event *event;
static sd_event_source *accept_source;
static sd_bus *server;
static struct manager *manager;

static struct {
	unsigned ended, changed, connected;
	enum job_result result;
	char why[512];
	struct unit_status status;
	bool within;
} heard;

static int on_hello(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	return sd_bus_reply_method_return(message, "s", ":1.1");
}

static int on_match(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	return sd_bus_reply_method_return(message, NULL);
}

static int on_subscribe(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	fake.subscribes++;
	return sd_bus_reply_method_return(message, NULL);
}

static int on_reset(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	fake.resets++;
	return sd_bus_error_set(error, SYSTEMD ".NoSuchUnit", "not loaded");
	(void)message;
}

static int job_asked(sd_bus_message *message, sd_bus_error *error, unsigned *count)
{
	const char *unit, *mode;

	(*count)++;
	assert_true(sd_bus_message_read(message, "ss", &unit, &mode) >= 0);
	assert_string_equal(unit, UNIT);
	snprintf(fake.mode, sizeof(fake.mode), "%s", mode);
	if (fake.refuses)
		return sd_bus_error_set(error, fake.refuses, "no, thank you");
	if (fake.silent)
		return 1;
	fake.job_exists = true;
	return sd_bus_reply_method_return(message, "o", JOB_PATH);
}

static int on_start(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	return job_asked(message, error, &fake.starts);
}

static int on_restart(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	return job_asked(message, error, &fake.restarts_asked);
}

static int on_stop(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	return job_asked(message, error, &fake.stops);
}

static int append(sd_bus_message *reply, const char *name, const char *type, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, type);
	assert_true(sd_bus_message_open_container(reply, 'e', "sv") >= 0);
	assert_true(sd_bus_message_append(reply, "s", name) >= 0);
	assert_true(sd_bus_message_open_container(reply, 'v', type) >= 0);
	r = sd_bus_message_appendv(reply, type, arguments);
	assert_true(r >= 0);
	assert_true(sd_bus_message_close_container(reply) >= 0);
	assert_true(sd_bus_message_close_container(reply) >= 0);
	va_end(arguments);
	return 0;
}

static int on_get_all(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	uint8_t id[16];
	sd_bus_message *reply = NULL;
	const char *interface;
	int r;

	(void)userdata;
	(void)error;
	assert_true(sd_bus_message_read(message, "s", &interface) >= 0);
	assert_true(sd_bus_message_new_method_return(message, &reply) >= 0);
	assert_true(sd_bus_message_open_container(reply, 'a', "{sv}") >= 0);
	if (strcmp(interface, SYSTEMD ".Unit") == 0) {
		fake.reads++;
		append(reply, "ActiveState", "s", fake.active);
		append(reply, "SubState", "s", fake.sub);
		append(reply, "LoadState", "s", fake.load);
		append(reply, "LoadError", "(ss)", "", fake.load_error);
		append(reply, "ActiveEnterTimestampMonotonic", "t", UINT64_C(123456));
		append(reply, "Job", "(uo)", 0, "/");
		memset(id, fake.invocation, sizeof(id));
		assert_true(sd_bus_message_open_container(reply, 'e', "sv") >= 0);
		assert_true(sd_bus_message_append(reply, "s", "InvocationID") >= 0);
		assert_true(sd_bus_message_open_container(reply, 'v', "ay") >= 0);
		assert_true(sd_bus_message_append_array(reply, 'y', id, sizeof(id)) >= 0);
		assert_true(sd_bus_message_close_container(reply) >= 0);
		assert_true(sd_bus_message_close_container(reply) >= 0);
	} else {
		append(reply, "Result", "s", fake.result);
		append(reply, "MainPID", "u", fake.pid);
		append(reply, "ExecMainStatus", "i", fake.exit_status);
		append(reply, "NRestarts", "u", fake.restarts);
		append(reply, "ControlGroup", "s", "/system.slice/" UNIT);
		append(reply, "User", "s", fake.user);
		append(reply, "Group", "s", fake.group);
		append(reply, "SupplementaryGroups", "as", 2, "video", fake.group_too);
		append(reply, "DynamicUser", "b", fake.dynamic);
	}
	assert_true(sd_bus_message_close_container(reply) >= 0);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static int on_get(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	if (!fake.job_exists)
		return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "no such job");
	return sd_bus_reply_method_return(message, "v", "s", "running");
}

/* The standard interfaces are answered here too, before sd-bus does it by itself. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct {
		const char *member;
		sd_bus_message_handler_t handler;
	} methods[] = {
		{"Hello", on_hello},
		{"AddMatch", on_match},
		{"RemoveMatch", on_match},
		{"Subscribe", on_subscribe},
		{"ResetFailedUnit", on_reset},
		{"StartUnit", on_start},
		{"RestartUnit", on_restart},
		{"StopUnit", on_stop},
		{"GetAll", on_get_all},
		{"Get", on_get},
	};
	const char *member = sd_bus_message_get_member(message);

	for (size_t i = 0; member && i < ELEMENTS(methods); i++)
		if (strcmp(methods[i].member, member) == 0) {
			int r = methods[i].handler(message, userdata, error);

			return r == 0 ? 1 : r;
		}
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	sd_id128_t id;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)revents;
	(void)userdata;
	assert_true(connection >= 0);
	server = sd_bus_close_unref(server);
	assert_true(sd_bus_new(&server) >= 0);
	assert_true(sd_bus_set_fd(server, connection, connection) >= 0);
	assert_true(sd_id128_randomize(&id) >= 0);
	assert_true(sd_bus_set_server(server, 1, id) >= 0);
	assert_true(sd_bus_set_sender(server, SYSTEMD) >= 0);
	assert_true(sd_bus_start(server) >= 0);
	assert_true(sd_bus_add_filter(server, NULL, on_message, NULL) >= 0);
	assert_true(sd_bus_attach_event(server, event, 0) >= 0);
	return 0;
}

static void bus_listen(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_true(
		sd_event_add_io(event, &accept_source, listener, EPOLLIN, on_accept, NULL) >= 0);
}

static void bus_go(void)
{
	accept_source = sd_event_source_disable_unref(accept_source);
	listener = fd_close(listener);
	unlink(address.sun_path);
	server = sd_bus_close_unref(server);
}

static void unit_is(const char *active, const char *sub, char invocation)
{
	snprintf(fake.active, sizeof(fake.active), "%s", active);
	snprintf(fake.sub, sizeof(fake.sub), "%s", sub);
	fake.invocation = invocation;
	fake.pid = strcmp(active, "active") == 0 ? 42 : 0;
}

static void on_changed(void *owner, const char *unit, const struct unit_status *status)
{
	(void)owner;
	assert_string_equal(unit, UNIT);
	heard.changed++;
	heard.status = *status;
}

static void until(const unsigned *count, unsigned wanted)
{
	uint64_t deadline = now_usec() + PATIENCE_USEC;

	while (*count < wanted && now_usec() < deadline)
		assert_true(sd_event_run(event, 20 * USEC_PER_MSEC) >= 0);
	assert_int_equal(*count, wanted);
}

static void a_while(void)
{
	uint64_t deadline = now_usec() + 60 * USEC_PER_MSEC;

	while (now_usec() < deadline)
		assert_true(sd_event_run(event, 5 * USEC_PER_MSEC) >= 0);
}

static int no_bus(void **state)
{
	char variable[128];

	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&heard, 0, sizeof(heard));
	snprintf(fake.load, sizeof(fake.load), "loaded");
	snprintf(fake.result, sizeof(fake.result), "success");
	unit_is("active", "running", 'a');
	snprintf(dir, sizeof(dir), "/tmp/test-manager-XXXXXX");
	assert_non_null(mkdtemp(dir));
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", dir);
	snprintf(variable, sizeof(variable), "unix:path=%s", address.sun_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	assert_true(sd_event_new(&event) >= 0);
	return 0;
}

static int with_bus(void **state)
{
	no_bus(state);
	bus_listen();
	assert_int_equal(manager_open(event, &manager), 0);
	until(&fake.subscribes, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	manager = manager_close(manager);
	bus_go();
	event = sd_event_unref(event);
	return rmdir(dir);
}
