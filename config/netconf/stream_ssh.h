/*
 * NETCONF over SSH (RFC 6242): the subsystem "netconf" in the one channel of a connection. Users,
 * their keys and passwords come from the configuration.
 */
#ifndef SPANFLOW_NETCONF_STREAM_SSH_H
#define SPANFLOW_NETCONF_STREAM_SSH_H

#include "stream.h"
#include "user_table.h"

enum { SSH_ATTEMPTS_MAX = 6 /* to log in, of one connection */ };

struct ssh_key_struct;

/* Reads the host key from PATH, or makes an Ed25519 key there (mode 0600) if there is no such file;
 * *MADE says which. PATH NULL makes one that is in no file. A key that others may read is refused.
 * NULL and ERROR if that fails. The caller frees it with host_key_free(). */
struct ssh_key_struct *host_key_open(const char *path, bool *made, struct error *error);

/* Frees a host key; NULL is allowed. */
void host_key_free(struct ssh_key_struct *key);

/* A copy, freed like the key itself; NULL if memory is short. */
struct ssh_key_struct *host_key_copy(const struct ssh_key_struct *key);

/* Whether two keys are the same. */
bool host_key_equal(const struct ssh_key_struct *left, const struct ssh_key_struct *right);

/* The fingerprint "SHA256:..." of KEY as ssh shows it. */
void host_key_fingerprint(const struct ssh_key_struct *key, char text[128]);

/* A stream over the connected socket FD, which it owns. HOST_KEY is copied, USERS shared. NULL if
 * memory is short; FD is closed. */
struct stream *stream_ssh_create(int fd, const char *from, const struct ssh_key_struct *host_key,
                                 struct user_table *users);

#endif
