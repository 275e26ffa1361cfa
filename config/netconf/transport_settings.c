/*
 * From the tree to endpoints, users and keys.
 */
#include "transport_settings.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

enum { BACKLOG = 64, NAMES_MAX = 256 };

static const char every_address[] = "::"; /* IPv4 too */

/* The child NAME of PARENT, or NULL. */
static const struct lyd_node *child(const struct lyd_node *parent, const char *name)
{
    const struct lyd_node *node = parent ? lyd_child(parent) : NULL;
    while (node && (!node->schema || strcmp(node->schema->name, name) != 0))
        node = node->next;
    return node;
}

static const struct lyd_node *next_of(const struct lyd_node *node)
{
    const char *name = node->schema->name;
    for (node = node->next; node; node = node->next) {
        if (node->schema && strcmp(node->schema->name, name) == 0)
            return node;
    }
    return NULL;
}

static const char *text(const struct lyd_node *parent, const char *name)
{
    const struct lyd_node *node = child(parent, name);
    return node ? lyd_get_value(node) : NULL;
}

/* invalid-value at the leaf NAME of PARENT, or at PARENT. Returns false. */
static bool wrong(struct rpc_error *error, const struct lyd_node *parent, const char *name,
                  const char *message)
{
    const struct lyd_node *node = name ? child(parent, name) : NULL;
    return rpc_error_at(error, node ? node : parent, "application", "invalid-value", "%s", message);
}

/* Listens on ADDRESS and PORT; -1 and errno if that cannot be. BESIDE others of ours, if they were
 * told so as well. */
static int listen_on(const char *address, uint16_t port, bool beside)
{
    char service[8];
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int on = 1;
    int only_v6 = strcmp(address, every_address) != 0;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (beside)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        if (found->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
    }
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
        errno = failed;
    }
    freeaddrinfo(found);
    if (fd < 0 && !only_v6 && errno == EAFNOSUPPORT)
        return listen_on("0.0.0.0", port, beside);
    return fd;
}

/* A descriptor for the same socket, if PRESENT listens there already. */
static int share_socket(const struct transport_settings *present, const struct endpoint *wanted)
{
    for (size_t i = 0; present && i < present->endpoint_count; i++) {
        const struct endpoint *it = &present->endpoints[i];
        if (it->fd >= 0 && it->port == wanted->port && strcmp(it->address, wanted->address) == 0)
            return dup(it->fd);
    }
    return -1;
}

/* Another address with the same port may overlap with the one before ("::" with all): the old
 * socket is still open while the new one is tried. */
static int listen_beside_present(const struct transport_settings *present,
                                 const struct endpoint *wanted)
{
    const int on = 1;
    bool ours = false;
    for (size_t i = 0; present && i < present->endpoint_count; i++) {
        const struct endpoint *it = &present->endpoints[i];
        if (it->fd >= 0 && it->port == wanted->port)
            ours = setsockopt(it->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 || ours;
    }
    errno = EADDRINUSE;
    return ours ? listen_on(wanted->address, wanted->port, true) : -1;
}

static bool addresses_overlap(const char *one, const char *other)
{
    static const char every_v4[] = "0.0.0.0";
    if (strcmp(one, other) == 0 || strcmp(one, every_address) == 0 ||
        strcmp(other, every_address) == 0)
        return true;
    bool both_v4 = !strchr(one, ':') && !strchr(other, ':');
    return both_v4 && (strcmp(one, every_v4) == 0 || strcmp(other, every_v4) == 0);
}

/* Refuses ENDPOINT, the last of SETTINGS, where one before it listens. The sockets would tell only
 * at the next start: now they are those of the configuration before, or open beside them. */
static bool alone_there(const struct transport_settings *settings, const struct endpoint *endpoint,
                        struct rpc_error *error)
{
    for (const struct endpoint *it = settings->endpoints; it < endpoint; it++) {
        if (it->kind == ENDPOINT_CALL_HOME || it->port != endpoint->port ||
            !addresses_overlap(it->address, endpoint->address))
            continue;
        const struct lyd_node *leaf = child(endpoint->node, "port");
        return rpc_error_at(error, leaf ? leaf : endpoint->node, "application", "invalid-value",
                            "NETCONF server %s cannot listen on %s port %u: the server %s does; "
                            "choose another port",
                            endpoint->name, endpoint->address, (unsigned)endpoint->port, it->name);
    }
    return true;
}

static bool open_socket(const struct transport_settings *present, struct endpoint *endpoint,
                        struct rpc_error *error)
{
    endpoint->fd = share_socket(present, endpoint);
    if (endpoint->fd < 0)
        endpoint->fd = listen_on(endpoint->address, endpoint->port, false);
    if (endpoint->fd < 0 && errno == EADDRINUSE)
        endpoint->fd = listen_beside_present(present, endpoint);
    if (endpoint->fd >= 0)
        return true;
    bool address = errno == EADDRNOTAVAIL;
    const struct lyd_node *leaf = child(endpoint->node, address ? "address" : "port");
    const char *hint = address               ? "no interface of this host has the address"
                       : errno == EADDRINUSE ? "another program listens there: choose another port"
                       : errno == EACCES     ? "ports below 1024 need CAP_NET_BIND_SERVICE"
                                             : "choose another port";
    return rpc_error_at(error, leaf ? leaf : endpoint->node, "application", "operation-failed",
                        "NETCONF server %s cannot listen on %s port %u: %s; %s", endpoint->name,
                        endpoint->address, (unsigned)endpoint->port, strerror(errno), hint);
}

/* The fingerprints of ENTRY and whose they are. NULL and ERROR, or the number in *COUNT. */
static struct tls_name *read_names(const struct lyd_node *entry, size_t *count,
                                   struct rpc_error *error)
{
    struct tls_name *names = calloc(NAMES_MAX, sizeof(*names));
    const struct lyd_node *it = child(entry, "certToName");
    *count = 0;
    for (; names && it && *count < NAMES_MAX; it = next_of(it)) {
        const char *id = text(it, "id");
        const char *fingerprint = text(it, "fingerprint");
        const char *user = text(it, "user");
        struct error why;
        if (!fingerprint || !user || !tls_fingerprint_valid(fingerprint, &why)) {
            wrong(error, it, "fingerprint",
                  fingerprint && user ? why.text : "certToName needs a fingerprint and a user");
            free(names);
            return NULL;
        }
        struct tls_name *name = &names[(*count)++];
        name->id = id ? (uint32_t)strtoul(id, NULL, 10) : 0;
        snprintf(name->fingerprint, sizeof(name->fingerprint), "%s", fingerprint);
        snprintf(name->user, sizeof(name->user), "%s", user);
    }
    if (!names)
        rpc_error_set(error, "application", "resource-denied", "no memory for certificates");
    return names;
}

static bool open_tls(struct endpoint *endpoint, struct rpc_error *error)
{
    const struct lyd_node *entry = endpoint->node;
    const char *certificate = text(entry, "certificate");
    const char *private_key = text(entry, "privateKey");
    const char *authority = text(entry, "certificationAuthority");
    struct stat found;
    if (!certificate || !private_key || !authority)
        return rpc_error_at(error, entry, "application", "missing-element",
                            "TLS of %s needs certificate, privateKey and certificationAuthority",
                            endpoint->name);
    if (stat(private_key, &found) == 0 && (found.st_mode & 077))
        return rpc_error_at(error, child(entry, "privateKey"), "application", "invalid-value",
                            "private key %s may be read by others: chmod 600 it", private_key);
    size_t count;
    struct tls_name *names = read_names(entry, &count, error);
    if (!names)
        return false;
    const char *file;
    struct error why;
    endpoint->tls =
        tls_server_create(certificate, private_key, authority, names, count, &file, &why);
    free(names);
    if (endpoint->tls)
        return true;
    return wrong(error, entry,
                 file == certificate   ? "certificate"
                 : file == private_key ? "privateKey"
                 : file == authority   ? "certificationAuthority"
                                       : NULL,
                 why.text);
}

/* The entries of one list. */
static bool read_endpoints(struct transport_settings *settings, const struct lyd_node *netconf,
                           enum endpoint_kind kind, const struct transport_settings *present,
                           struct rpc_error *error)
{
    static const char *const lists[] = {"sshServer", "tlsServer", "callHome"};
    for (const struct lyd_node *it = child(netconf, lists[kind]); it; it = next_of(it)) {
        if (settings->endpoint_count == ENDPOINTS_MAX)
            return rpc_error_at(error, it, "application", "resource-denied",
                                "more than %d servers and callHome entries", ENDPOINTS_MAX);
        struct endpoint *endpoint = &settings->endpoints[settings->endpoint_count++];
        const char *address = text(it, "address");
        const char *port = text(it, "port");
        const char *transport = text(it, "transport");
        *endpoint = (struct endpoint){.kind = kind, .fd = -1, .node = it};
        snprintf(endpoint->name, sizeof(endpoint->name), "%s", text(it, "name"));
        snprintf(endpoint->address, sizeof(endpoint->address), "%s",
                 address ? address : every_address);
        bool tls = kind == ENDPOINT_TLS_SERVER ||
                   (kind == ENDPOINT_CALL_HOME && transport && strcmp(transport, "tls") == 0);
        endpoint->port = (uint16_t)(port                         ? strtoul(port, NULL, 10)
                                    : kind == ENDPOINT_CALL_HOME ? (tls ? 4335 : 4334)
                                    : tls                        ? 6513
                                                                 : 830);
        if (tls && !open_tls(endpoint, error))
            return false;
        if (kind == ENDPOINT_CALL_HOME)
            continue;
        if (!alone_there(settings, endpoint, error) || !open_socket(present, endpoint, error))
            return false;
    }
    return true;
}

static bool read_users(struct transport_settings *settings, const struct lyd_node *netconf,
                       struct rpc_error *error)
{
    const char *passwords = text(netconf, "passwordLogin");
    settings->users = user_table_create(passwords && strcmp(passwords, "true") == 0);
    if (!settings->users)
        return rpc_error_set(error, "application", "resource-denied", "no memory for users");
    for (const struct lyd_node *it = child(netconf, "user"); it; it = next_of(it)) {
        struct error why;
        if (!user_table_add(settings->users, text(it, "name"), text(it, "password"), &why))
            return wrong(error, it, "password", why.text);
        const struct lyd_node *key = child(it, "authorizedKey");
        for (; key; key = next_of(key)) {
            if (!user_table_add_key(settings->users, lyd_get_value(key), &why))
                return wrong(error, key, NULL, why.text);
        }
    }
    return true;
}

/* The host key: of the file that the configuration names, else of FOLDER's, else made for this run
 * alone, or the one that PRESENT made so. FOLDER's is made at the first start, so that its
 * fingerprint is known before anything listens; until a server needs it, it may be amiss. */
static bool read_host_key(struct transport_settings *settings, const struct lyd_node *netconf,
                          const char *folder, const struct transport_settings *present,
                          struct rpc_error *error)
{
    bool needed = false;
    for (size_t i = 0; i < settings->endpoint_count; i++)
        needed = needed || !settings->endpoints[i].tls;
    const char *path = text(netconf, "hostKey");
    if (!needed && (path || !folder))
        return true;
    char usual[4096] = "";
    if (!path && folder) {
        snprintf(usual, sizeof(usual), "%s/ssh_host_key", folder);
        path = usual;
    }
    struct error why;
    bool made;
    settings->host_key_passing = !path;
    if (!path && present && present->host_key_passing)
        settings->host_key = host_key_copy(present->host_key);
    else
        settings->host_key = host_key_open(path, &made, &why);
    if (!settings->host_key && !needed) {
        if (!present)
            log_line("no SSH host key yet: %s", why.text);
        return true;
    }
    if (!settings->host_key)
        return wrong(error, netconf, "hostKey", path ? why.text : "no host key could be made");
    char fingerprint[128];
    host_key_fingerprint(settings->host_key, fingerprint);
    if (!present || !present->host_key || !host_key_equal(settings->host_key, present->host_key))
        log_line("SSH host key %s%s, fingerprint %s", path ? path : "of this run alone",
                 path && made ? " (made now)" : "", fingerprint);
    return true;
}

static void free_settings(struct transport_settings *settings)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        tls_server_release(settings->endpoints[i].tls);
        if (settings->endpoints[i].fd >= 0)
            close(settings->endpoints[i].fd);
    }
    user_table_release(settings->users);
    host_key_free(settings->host_key);
    free(settings);
}

struct transport_settings *transport_settings_create(const struct lyd_node *spanflow,
                                                     const char *folder,
                                                     const struct transport_settings *present,
                                                     struct rpc_error *error)
{
    const struct lyd_node *netconf = child(spanflow, "netconf");
    struct transport_settings *settings = calloc(1, sizeof(*settings));
    if (!settings) {
        rpc_error_set(error, "application", "resource-denied", "no memory for transports");
        return NULL;
    }
    settings->owners = 1;
    bool good = read_users(settings, netconf, error);
    for (int kind = ENDPOINT_SSH_SERVER; good && kind <= ENDPOINT_CALL_HOME; kind++)
        good = read_endpoints(settings, netconf, (enum endpoint_kind)kind, present, error);
    good = good && read_host_key(settings, netconf, folder, present, error);
    for (size_t i = 0; i < settings->endpoint_count; i++)
        settings->endpoints[i].node = NULL;
    if (good)
        return settings;
    free_settings(settings);
    return NULL;
}

struct transport_settings *transport_settings_share(struct transport_settings *settings)
{
    settings->owners++;
    return settings;
}

void transport_settings_release(struct transport_settings *settings)
{
    if (settings && --settings->owners == 0)
        free_settings(settings);
}
