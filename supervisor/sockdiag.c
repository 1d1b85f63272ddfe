/* SPDX-License-Identifier: MIT */
/*
 * Knows netlink and the kernel's socket table; does not know what a color or a drain is.
 *
 * The kernel itself selects by local port (idiag_sport of an inet_diag_req_v2), so that a busy
 * host's table is not carried over for one port's sake. It asks for one address family a dump.
 */
#include "sockdiag.h"

#include <errno.h>
#include <sys/time.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/fd.h"
#include "sockdiag-own.h"

#define READ_TRIES   3
#define ANSWER_BYTES 32768 /* what the kernel puts into one message of a dump at most */
#define WATCH_BYTES  8192  /* one event has some hundred bytes */
#define WATCH_EVENTS 1024  /* taken at once, before the event loop turns again */
#define WATCH_BUFFER (1 << 20)

/* The kernel answers a dump at once; this ends the wait if it ever does not. */
#define ANSWER_TIMEOUT_SEC 1

/* A connection that is not accepted yet may be one of these instead of TCP_SYN_RECV
 * (include/net/tcp_states.h). */
#define STATE_NEW_SYN_RECV 12

#define STATE(state) (1u << (state))

#define ALL_STATES                                                                                 \
	(STATE(TCP_LISTEN) | STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_RECV) |                        \
		STATE(STATE_NEW_SYN_RECV) | STATE(TCP_CLOSE_WAIT))

struct sockdiag {
	struct nl_sock *table;
	struct nl_sock *destroyed; /* NULL: not watched */
};

/* A dump under way. */
struct reading {
	in_port_t port; /* network order */
	uint32_t states;
	struct sockdiag_port *found;
	int nearness; /* of the listener found */
	struct sockdiag_own own;
};

static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
	case NLE_OPNOTSUPP:
		return -EAFNOSUPPORT;
	default:
		return -EIO;
	}
}

static struct nl_sock *netlink_close(struct nl_sock *netlink)
{
	if (netlink)
		nl_socket_free(netlink);
	return NULL;
}
DEFINE_CLEANUP(struct nl_sock, netlink_close);

static int netlink_open(struct nl_sock **ret_netlink)
{
	_cleanup_(cleanup_netlink_close) struct nl_sock *netlink = nl_socket_alloc();
	int r;

	if (!netlink)
		return -ENOMEM;
	nl_socket_disable_auto_ack(netlink);
	r = nl_connect(netlink, NETLINK_SOCK_DIAG);
	if (r < 0)
		return errno_of(r);
	*ret_netlink = take_ptr(netlink);
	return 0;
}

static int table_open(struct nl_sock **ret_table)
{
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_SEC};
	_cleanup_(cleanup_netlink_close) struct nl_sock *table = NULL;
	int r;

	r = netlink_open(&table);
	if (r < 0)
		return r;
	r = nl_socket_set_msg_buf_size(table, ANSWER_BYTES);
	if (r < 0)
		return errno_of(r);
	nl_socket_disable_msg_peek(table);
	if (setsockopt(nl_socket_get_fd(table), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		    sizeof(timeout)) < 0)
		return -errno;
	*ret_table = take_ptr(table);
	return 0;
}

int sockdiag_open(struct sockdiag **ret_sockdiag)
{
	_cleanup_(cleanup_sockdiag_close) struct sockdiag *sockdiag = calloc(1, sizeof(*sockdiag));
	int r;

	if (!sockdiag)
		return -ENOMEM;
	r = table_open(&sockdiag->table);
	if (r < 0)
		return r;
	*ret_sockdiag = take_ptr(sockdiag);
	return 0;
}

struct sockdiag *sockdiag_close(struct sockdiag *sockdiag)
{
	if (!sockdiag)
		return NULL;
	netlink_close(sockdiag->table);
	netlink_close(sockdiag->destroyed);
	free(sockdiag);
	return NULL;
}

static uint64_t cgroup_of(struct nlmsghdr *header)
{
	struct nlattr *attribute =
		nlmsg_find_attr(header, sizeof(struct inet_diag_msg), INET_DIAG_CGROUP_ID);

	if (!attribute || nla_len(attribute) < (int)sizeof(uint64_t))
		return 0;
	return nla_get_u64(attribute);
}

static bool is_ipv6_only(struct nlmsghdr *header)
{
	struct nlattr *attribute =
		nlmsg_find_attr(header, sizeof(struct inet_diag_msg), INET_DIAG_SKV6ONLY);

	return attribute && nla_len(attribute) >= 1 && nla_get_u8(attribute) != 0;
}

/* Several may listen on one port, each on an address of its own. A connection to 127.0.0.1 goes to
 * the one whose address says so, then to one that takes any. 0: to none of these. */
static int nearness_of(const struct inet_diag_msg *message, struct nlmsghdr *header)
{
	const struct in6_addr *ipv6 = (const struct in6_addr *)message->id.idiag_src;
	in_addr_t ipv4 = message->id.idiag_src[0];

	if (message->idiag_family == AF_INET)
		return ipv4 == htonl(INADDR_LOOPBACK) ? 3 : ipv4 == htonl(INADDR_ANY) ? 2 : 0;
	if (is_ipv6_only(header))
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(ipv6))
		return message->id.idiag_src[3] == htonl(INADDR_LOOPBACK) ? 3 : 0;
	return IN6_IS_ADDR_UNSPECIFIED(ipv6) ? 1 : 0;
}

static void take_listener(
	struct reading *reading, const struct inet_diag_msg *message, struct nlmsghdr *header)
{
	struct sockdiag_port *found = reading->found;
	int nearness = nearness_of(message, header);

	found->accept_queue += message->idiag_rqueue;
	if (nearness <= reading->nearness)
		return;
	reading->nearness = nearness;
	found->listening = true;
	found->uid = message->idiag_uid;
	found->inode = message->idiag_inode;
	found->cgroup_id = cgroup_of(header);
}

/* In CLOSE_WAIT the peer's FIN counts as one byte until it was read (tcp_diag_get_info). */
static bool is_waited_for(const struct inet_diag_msg *message)
{
	return message->idiag_state != TCP_CLOSE_WAIT || message->idiag_rqueue > 1;
}

static int take_message(struct nl_msg *netlink_message, void *owner)
{
	struct nlmsghdr *header = nlmsg_hdr(netlink_message);
	const struct inet_diag_msg *message = nlmsg_data(header);
	struct reading *reading = owner;

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		!nlmsg_valid_hdr(header, sizeof(struct inet_diag_msg)))
		return NL_SKIP;
	if (message->id.idiag_sport != reading->port)
		return NL_SKIP;
	if (message->idiag_state == TCP_LISTEN)
		take_listener(reading, message, header);
	else if (is_waited_for(message) && !sockdiag_own_has_peer(&reading->own, message))
		reading->found->connections++;
	return NL_OK;
}

static int table_dump(struct nl_sock *table, struct reading *reading, uint8_t family)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = reading->states,
		.id =
			{
				.idiag_sport = reading->port,
				.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
			},
	};
	int r;

	r = nl_socket_modify_cb(table, NL_CB_VALID, NL_CB_CUSTOM, take_message, reading);
	if (r < 0)
		return errno_of(r);
	r = nl_send_simple(table, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));
	if (r < 0)
		return errno_of(r);
	return errno_of(nl_recvmsgs_default(table));
}

static int table_read(struct nl_sock *table, struct reading *reading)
{
	int r;

	*reading->found = (struct sockdiag_port){0};
	reading->nearness = 0;
	r = table_dump(table, reading, AF_INET);
	if (r < 0)
		return r;
	return table_dump(table, reading, AF_INET6);
}

static int sockdiag_read(struct sockdiag *sockdiag, struct reading *reading)
{
	int r = -EAGAIN;

	for (int i = 0; i < READ_TRIES && r == -EAGAIN; i++) {
		/* Closed after an error: answers to a question given up must not be taken for
		 * those to the next. */
		if (!sockdiag->table) {
			r = table_open(&sockdiag->table);
			if (r < 0)
				return r;
		}
		r = table_read(sockdiag->table, reading);
		if (r < 0)
			sockdiag->table = netlink_close(sockdiag->table);
	}
	return r;
}

int sockdiag_read_port(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	struct sockdiag_port found;
	struct reading reading = {.port = htons(port), .states = ALL_STATES, .found = &found};
	int r;

	r = sockdiag_own_find(port, &reading.own);
	if (r < 0)
		return r;
	r = sockdiag_read(sockdiag, &reading);
	if (r < 0)
		return r;
	*ret_port = found;
	return 0;
}

int sockdiag_read_listener(struct sockdiag *sockdiag, uint16_t port, struct sockdiag_port *ret_port)
{
	struct sockdiag_port found;
	struct reading reading = {
		.port = htons(port),
		.states = STATE(TCP_LISTEN),
		.found = &found,
	};
	int r;

	r = sockdiag_read(sockdiag, &reading);
	if (r < 0)
		return r;
	*ret_port = found;
	return 0;
}

static int destroyed_open(struct nl_sock **ret_destroyed)
{
	_cleanup_(cleanup_netlink_close) struct nl_sock *destroyed = NULL;
	int r;

	r = netlink_open(&destroyed);
	if (r < 0)
		return r;
	r = nl_socket_add_memberships(
		destroyed, SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY, 0);
	if (r < 0)
		return errno_of(r);
	r = nl_socket_set_buffer_size(destroyed, WATCH_BUFFER, 0);
	if (r < 0)
		return errno_of(r);
	r = nl_socket_set_nonblocking(destroyed);
	if (r < 0)
		return errno_of(r);
	*ret_destroyed = take_ptr(destroyed);
	return 0;
}

int sockdiag_watch_fd(struct sockdiag *sockdiag)
{
	int r;

	if (!sockdiag->destroyed) {
		r = destroyed_open(&sockdiag->destroyed);
		if (r < 0)
			return r;
	}
	return nl_socket_get_fd(sockdiag->destroyed);
}

void sockdiag_watch_end(struct sockdiag *sockdiag)
{
	sockdiag->destroyed = netlink_close(sockdiag->destroyed);
}

static bool event_is_about(struct nlmsghdr *header, int size, in_port_t port)
{
	for (; nlmsg_ok(header, size); header = nlmsg_next(header, &size)) {
		const struct inet_diag_msg *message = nlmsg_data(header);

		if (!nlmsg_valid_hdr(header, sizeof(struct inet_diag_msg)))
			continue;
		if (message->id.idiag_sport == port || message->id.idiag_dport == port)
			return true;
	}
	return false;
}

bool sockdiag_watch_read(struct sockdiag *sockdiag, uint16_t port)
{
	union {
		struct nlmsghdr header;
		char bytes[WATCH_BYTES];
	} event;
	bool about = false;

	if (!sockdiag->destroyed)
		return false;
	for (int i = 0; i < WATCH_EVENTS; i++) {
		ssize_t n = recv(
			nl_socket_get_fd(sockdiag->destroyed), &event, sizeof(event), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		/* Some events were lost: any of them may have been about the port. */
		if (n < 0 && errno == ENOBUFS)
			about = true;
		else if (n < 0)
			break;
		else if (event_is_about(&event.header, (int)n, htons(port)))
			about = true;
	}
	return about;
}
