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

void session_meet(struct session *session, const struct sockaddr_storage *address)
{
	const struct plan_clients *clients = &session->worker->plan.clients;
	struct endpoint source = endpoint_of(address);

	client_is(session, &source);
	if (!clients->accept_proxy || !session->forward.trusted) {
		session_enter(session);
		return;
	}
	session->state = SESSION_PROXY;
	timer_arm(session->worker, &session->timer, TIMER_HEAD);
}

bool proxy_step(struct session *session)
{
	struct flow *flow = &session->request;
	enum proxy_verdict verdict = PROXY_MORE;
	enum flow_result result;
	struct proxy_header header;

	if (flow_unparsed(flow) > 0)
		verdict = proxy_header_parse(
			flow_bytes(flow) + flow->parsed, flow_unparsed(flow), &header);
	switch (verdict) {
	case PROXY_MORE:
		result = flow_fill(flow, &session->client, &session->worker->buffers);
		if (!flow_is_over(result))
			return result == FLOW_MOVED;
		/* Who says nothing at all only wanted to know whether somebody is there. */
		if (flow_unparsed(flow) > 0)
			session_answer(session, ENDING_PROXY_HEADER);
		else
			session_end(session, SESSION_CLOSE);
		return false;
	case PROXY_BAD:
		session_answer(session, ENDING_PROXY_HEADER);
		return false;
	case PROXY_OK:
		break;
	}
	flow_skip_head(flow, (uint32_t)header.size);
	flow_forget(flow);
	flow_settle(flow, &session->worker->buffers);
	if (header.relayed) {
		client_is(session, &header.source);
		session->destination = header.destination;
	}
	session_enter(session);
	return true;
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
