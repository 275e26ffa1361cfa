/*
 * Who may log in over SSH, and by what: public keys and hashes of passwords from the configuration.
 * No account of the machine is looked at.
 */
#ifndef SPANFLOW_NETCONF_USER_TABLE_H
#define SPANFLOW_NETCONF_USER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ssh_key_struct;
struct user_table;

/* An empty table. NULL if memory is short. Release with user_table_release(). */
struct user_table *user_table_create(bool password_login);

/* One more owner; any thread. A table that is shared is not changed any more. */
struct user_table *user_table_share(struct user_table *table);

/* One owner less; the last one frees. NULL is allowed. Any thread. */
void user_table_release(struct user_table *table);

/* Adds a user, whose PASSWORD is a hash of crypt(5) or NULL. Names are added once. False and ERROR
 * if the hash is none, or memory is short. */
bool user_table_add(struct user_table *table, const char *name, const char *password,
                    struct error *error);

/* Gives the user that was added last the public key LINE, as in OpenSSH's authorized_keys without
 * options: type, base64, perhaps a comment. False and ERROR if it is none. */
bool user_table_add_key(struct user_table *table, const char *line, struct error *error);

/* Whether the table has NAME. */
bool user_table_has(const struct user_table *table, const char *name);

enum { USER_PROOF_SIZE = 128 };

/* Writes what stands for KEY, or for the password that NAME has now, from which neither can be
 * had; "" if that cannot be made. */
void user_table_key_proof(const struct ssh_key_struct *key, char proof[USER_PROOF_SIZE]);
void user_table_password_proof(const struct user_table *table, const char *name,
                               char proof[USER_PROOF_SIZE]);

/* Whether NAME could still log in by what PROOF stands for. */
bool user_table_accepts(const struct user_table *table, const char *name, const char *proof);

/* Whether passwords are accepted at all. */
bool user_table_passwords(const struct user_table *table);

/* Whether KEY is one of NAME's. */
bool user_table_key_matches(const struct user_table *table, const char *name,
                            const struct ssh_key_struct *key);

/* Whether PASSWORD is NAME's. Takes as long for a name that is not there. */
bool user_table_password_matches(const struct user_table *table, const char *name,
                                 const char *password);

#endif
