/*
 * What the container /spanflow/netconf of a configuration says about transports, with all files
 * read and all sockets bound: everything that can fail has been tried when it exists. Nothing in it
 * changes once it is in use.
 */
#ifndef SPANFLOW_NETCONF_TRANSPORT_SETTINGS_H
#define SPANFLOW_NETCONF_TRANSPORT_SETTINGS_H

#include <stdatomic.h>

#include "operation.h"
#include "stream_ssh.h"
#include "stream_tls.h"
#include "user_table.h"

enum { ENDPOINTS_MAX = 64 };

enum endpoint_kind { ENDPOINT_SSH_SERVER, ENDPOINT_TLS_SERVER, ENDPOINT_CALL_HOME };

/* One list entry: where we listen, or whom we call. */
struct endpoint {
    enum endpoint_kind kind;
    char name[256];
    char address[256]; /* "::" for all of this host, IPv4 too */
    uint16_t port;
    struct tls_server *tls;      /* NULL means SSH */
    int fd;                      /* listens; -1 for those that we call */
    const struct lyd_node *node; /* its entry, while the settings are being made */
};

struct transport_settings {
    atomic_uint owners;
    struct user_table *users;
    struct ssh_key_struct *host_key; /* NULL if nothing needs it and there is none */
    bool host_key_passing;           /* it is in no file */
    size_t endpoint_count;
    struct endpoint endpoints[ENDPOINTS_MAX];
};

/* Reads the container SPANFLOW (/spanflow:spanflow; NULL opens nothing). FOLDER is that of the
 * store, for a host key that the configuration does not name; NULL in a volatile run. A socket that
 * PRESENT (may be NULL), the settings in use, has already is shared with it. NULL and ERROR, with
 * the leaf's path, if anything is not as it has to be; nothing has changed then. Release with
 * transport_settings_release(). */
struct transport_settings *transport_settings_create(const struct lyd_node *spanflow,
                                                     const char *folder,
                                                     const struct transport_settings *present,
                                                     struct rpc_error *error);

/* One more owner; any thread. */
struct transport_settings *transport_settings_share(struct transport_settings *settings);

/* One owner less; the last one frees and closes. NULL is allowed. Any thread. */
void transport_settings_release(struct transport_settings *settings);

#endif
