/*
 * NETCONF Call Home (RFC 8071): for each entry of the configuration a thread that connects to the
 * client, is its server, and connects again when that ends, after pauses that grow.
 */
#ifndef SPANFLOW_NETCONF_CALL_HOME_H
#define SPANFLOW_NETCONF_CALL_HOME_H

#include "front.h"
#include "transport_settings.h"

enum { CALL_PAUSE_MIN_MS = 1000, CALL_PAUSE_MAX_MS = 60000, CALL_CONNECT_MS = 10000 };

struct calls_home;
struct transport;

/* No call yet. Callers find users, keys and certificates in what TRANSPORT has at the time. NULL if
 * memory is short. */
struct calls_home *calls_home_create(struct transport *transport, struct front *front);

/* Ends all calls and waits for their threads. NULL is allowed. */
void calls_home_destroy(struct calls_home *calls);

/* Calls those that SETTINGS name and nobody else: calls to others end with their sessions, calls
 * that are as before go on. */
void calls_home_adopt(struct calls_home *calls, const struct transport_settings *settings);

#endif
