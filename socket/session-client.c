/* SPDX-License-Identifier: MIT */
/*
 * Knows who a connection is from: the kernel, or a PROXY header of who is trusted, says so. Does
 * not know what is said on it.
 */
#include "session-parts.h"

#include <sys/socket.h>

#include "forward.h"

static void client_is(struct session *session, const struct endpoint *source)
{
	const struct trust *trust = &session->worker->plan.clients.trust;

	session->source = *source;
	session->forward = forward_client_of(source, trust_holds(trust, source));
}

/* A header has to come first, or nothing of the kind. */
static void client_meet(struct session *session)
{
	session->unmet = false;
	client_is(session, &session->source);
	if (!session->worker->plan.clients.accept_proxy || !session->forward.trusted) {
		session_enter(session);
		return;
	}
	session->state = SESSION_PROXY;
	timer_arm(session->worker, &session->timer, TIMER_HEAD);
}

void session_meet(struct session *session, const struct sockaddr_storage *address)
{
	session->source = endpoint_of(address);
	if (session->worker->plan.clients.said) {
		client_meet(session);
		return;
	}
	/* The first connection starts everything: the supervisor's word comes after it. */
	session->unmet = true;
	session->state = SESSION_PROXY;
	client_is(session, &session->source);
	timer_arm(session->worker, &session->timer, TIMER_IDLE);
}

static void header_refuse(struct session *session)
{
	/* Who says nothing at all only wanted to know whether somebody is there. */
	if (flow_unparsed(&session->request) > 0)
		session_answer(session, ENDING_PROXY_HEADER);
	else
		session_end(session, SESSION_CLOSE);
}

static void header_take(struct session *session, const struct proxy_header *header)
{
	struct flow *flow = &session->request;

	flow_skip_head(flow, (uint32_t)header->size);
	flow_forget(flow);
	flow_settle(flow, &session->worker->buffers);
	if (header->relayed) {
		client_is(session, &header->source);
		session->destination = header->destination;
	}
	session_enter(session);
}

static bool header_fill(struct session *session)
{
	enum flow_result result =
		flow_fill(&session->request, &session->client, &session->worker->buffers);

	if (flow_is_over(result))
		header_refuse(session);
	else if (result == FLOW_MOVED && session->timer.kind != TIMER_HEAD)
		timer_arm(session->worker, &session->timer, TIMER_HEAD);
	return result == FLOW_MOVED;
}

bool proxy_step(struct session *session)
{
	struct flow *flow = &session->request;
	struct proxy_header header;

	if (session->unmet && session->worker->plan.clients.said) {
		client_meet(session);
		return true;
	}
	if (flow_unparsed(flow) == 0)
		return header_fill(session);
	switch (proxy_header_parse(flow_bytes(flow) + flow->parsed, flow_unparsed(flow), &header)) {
	case PROXY_MORE:
		return header_fill(session);
	case PROXY_BAD:
		if (session->unmet)
			session_enter(session);
		else
			header_refuse(session);
		break;
	case PROXY_OK:
		/* It waits for somebody to say whether it may be believed. */
		if (session->unmet)
			return false;
		header_take(session, &header);
		break;
	}
	return session->state != SESSION_DEAD;
}

void proxy_expired(struct session *session)
{
	if (session->unmet)
		session_end(session, SESSION_CLOSE);
	else
		session_answer(session, ENDING_PROXY_HEADER);
}

/* Asked of the kernel once, and only where somebody wants to know. */
static const struct endpoint *destination_of(struct session *session)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address);

	if (!session->destination.known && session->source.known &&
		getsockname(session->client.fd, (struct sockaddr *)&address, &length) == 0)
		session->destination = endpoint_of(&address);
	return &session->destination;
}

size_t session_introduce(struct session *session, char out[static PROXY_HEADER_WRITE_MAX])
{
	enum proxy_version version = session->worker->plan.clients.send_proxy;

	if (version == PROXY_VERSION_NONE)
		return 0;
	return proxy_header_write(version, &session->source, destination_of(session), out);
}
