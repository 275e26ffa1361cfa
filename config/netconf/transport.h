/*
 * Where clients come from: the local socket, the servers and the calls home of the configuration.
 * One thread accepts; each connection then has its own (front.h).
 *
 * A new configuration takes effect in two steps, so that a commit can be refused whole: preparing
 * reads all files and binds all sockets, adopting cannot fail.
 */
#ifndef SPANFLOW_NETCONF_TRANSPORT_H
#define SPANFLOW_NETCONF_TRANSPORT_H

#include "front.h"
#include "operation.h"

struct transport;
struct transport_settings;

/* The group whose members may use the local socket. */
#define TRANSPORT_LOCAL_GROUP "spanflow"

/* Starts the accepting thread, with nothing open. FOLDER of the store is copied; NULL in a volatile
 * run. NULL and ERROR if that fails. */
struct transport *transport_create(struct sessions *sessions, struct front *front,
                                   const char *folder, struct error *error);

/* Closes everything and frees; connections are the front's and must be ended before it is
 * destroyed. NULL is allowed. */
void transport_destroy(struct transport *transport);

/* Opens the local socket PATH, in the place of one that nobody answers on. False and ERROR. */
bool transport_listen_local(struct transport *transport, const char *path, struct error *error);

/* What SPANFLOW (/spanflow:spanflow, or NULL) needs, opened but not used yet. NULL and ERROR naming
 * the leaf: nothing has changed. Goes to transport_adopt() or transport_settings_release(). */
struct transport_settings *transport_prepare(struct transport *transport,
                                             const struct lyd_node *spanflow,
                                             struct rpc_error *error);

/* Uses SETTINGS from now on, which it takes. Sockets that are in them no more are closed; sessions
 * that they would not let in again, because their entry, user, key, password or certificate is gone
 * or means somebody else, end a moment later. With or without the mutex of operations. */
void transport_adopt(struct transport *transport, struct transport_settings *settings);

/* Both steps at once. */
bool transport_configure(struct transport *transport, const struct lyd_node *spanflow,
                         struct rpc_error *error);

/* The settings in use, shared; never NULL. Release them. Any thread. */
struct transport_settings *transport_present(struct transport *transport);

#endif
