/*
 * Users with their keys and passwords, in memory that nobody writes once it is in use.
 */
#include "user_table.h"

#include <crypt.h>
#include <libssh/libssh.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_KEYS_MAX = 64, USERS_MAX = 1024 }; /* as the model permits */

struct user {
    char name[256];
    char *password; /* hash, or NULL */
    ssh_key keys[USER_KEYS_MAX];
    size_t key_count;
};

struct user_table {
    atomic_uint owners;
    bool password_login;
    size_t count;
    struct user *users[USERS_MAX];
};

struct user_table *user_table_create(bool password_login)
{
    struct user_table *table = calloc(1, sizeof(*table));
    if (table) {
        table->owners = 1;
        table->password_login = password_login;
    }
    return table;
}

struct user_table *user_table_share(struct user_table *table)
{
    table->owners++;
    return table;
}

static void free_user(struct user *user)
{
    for (size_t i = 0; i < user->key_count; i++)
        ssh_key_free(user->keys[i]);
    if (user->password)
        OPENSSL_cleanse(user->password, strlen(user->password));
    free(user->password);
    free(user);
}

void user_table_release(struct user_table *table)
{
    if (!table || --table->owners > 0)
        return;
    for (size_t i = 0; i < table->count; i++)
        free_user(table->users[i]);
    free(table);
}

/* Whether crypt(3) can check passwords against HASH. */
static bool is_hash(const char *hash)
{
    struct crypt_data *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return false;
    const char *result = hash[0] == '$' ? crypt_r("", hash, memory) : NULL;
    bool good = result && result[0] != '*' && strlen(result) == strlen(hash);
    free(memory);
    return good;
}

bool user_table_add(struct user_table *table, const char *name, const char *password,
                    struct error *error)
{
    if (table->count == USERS_MAX) {
        error_set(error, "more than %d users", USERS_MAX);
        return false;
    }
    if (password && !is_hash(password)) {
        error_set(error,
                  "the password of user %s is not a hash of crypt(5): make one with "
                  "mkpasswd or openssl passwd -6",
                  name);
        return false;
    }
    struct user *user = calloc(1, sizeof(*user));
    if (!user || (password && !(user->password = strdup(password)))) {
        free(user);
        error_set(error, "no memory for user %s", name);
        return false;
    }
    snprintf(user->name, sizeof(user->name), "%s", name);
    table->users[table->count++] = user;
    return true;
}

bool user_table_add_key(struct user_table *table, const char *line, struct error *error)
{
    struct user *user = table->users[table->count - 1];
    char type[64];
    size_t length = strcspn(line, " \t");
    if (user->key_count == USER_KEYS_MAX) {
        error_set(error, "user %s has more than %d keys", user->name, USER_KEYS_MAX);
        return false;
    }
    snprintf(type, sizeof(type), "%.*s", (int)(length < sizeof(type) ? length : 0), line);
    const char *begin = line + length + strspn(line + length, " \t");
    char *base64 = strndup(begin, strcspn(begin, " \t\r\n"));
    enum ssh_keytypes_e kind = ssh_key_type_from_name(type);
    ssh_key key = NULL;
    bool good = base64 && kind != SSH_KEYTYPE_UNKNOWN &&
                ssh_pki_import_pubkey_base64(base64, kind, &key) == SSH_OK;
    free(base64);
    if (!good) {
        error_set(error, "a key of user %s is not a public key as in a file id_ed25519.pub",
                  user->name);
        return false;
    }
    user->keys[user->key_count++] = key;
    return true;
}

static const struct user *find(const struct user_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->users[i]->name, name) == 0)
            return table->users[i];
    }
    return NULL;
}

bool user_table_has(const struct user_table *table, const char *name)
{
    return find(table, name) != NULL;
}

bool user_table_passwords(const struct user_table *table)
{
    return table->password_login;
}

bool user_table_key_matches(const struct user_table *table, const char *name,
                            const struct ssh_key_struct *key)
{
    const struct user *user = find(table, name);
    for (size_t i = 0; user && i < user->key_count; i++) {
        if (ssh_key_cmp(user->keys[i], (ssh_key)key, SSH_KEY_CMP_PUBLIC) == 0)
            return true;
    }
    return false;
}

bool user_table_password_matches(const struct user_table *table, const char *name,
                                 const char *password)
{
    /* A salt of the default kind, so that names cannot be told from answers' times. */
    static const char nobody[] = "$6$nobodysalt0nobod$";
    const struct user *user = find(table, name);
    const char *hash = user && user->password ? user->password : nobody;
    struct crypt_data *memory = calloc(1, sizeof(*memory));
    if (!memory || !table->password_login) {
        free(memory);
        return false;
    }
    const char *result = crypt_r(password, hash, memory);
    size_t length = strlen(hash);
    bool good = user && user->password && result && strlen(result) == length &&
                CRYPTO_memcmp(result, hash, length) == 0;
    OPENSSL_cleanse(memory, sizeof(*memory));
    free(memory);
    return good;
}

/* KIND and the hash of the SIZE octets of DATA. */
static void write_proof(const char *kind, const void *data, size_t size,
                        char proof[USER_PROOF_SIZE])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    proof[0] = '\0';
    if (EVP_Digest(data, size, octets, &length, EVP_sha256(), NULL) != 1)
        return;
    size_t used = (size_t)snprintf(proof, USER_PROOF_SIZE, "%s ", kind);
    for (unsigned i = 0; i < length && used + 3 < USER_PROOF_SIZE; i++)
        used += (size_t)snprintf(proof + used, USER_PROOF_SIZE - used, "%02x", octets[i]);
}

void user_table_key_proof(const struct ssh_key_struct *key, char proof[USER_PROOF_SIZE])
{
    unsigned char *hash = NULL;
    size_t length = 0;
    proof[0] = '\0';
    if (ssh_get_publickey_hash((ssh_key)key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) == 0)
        write_proof("key", hash, length, proof);
    ssh_clean_pubkey_hash(&hash);
}

void user_table_password_proof(const struct user_table *table, const char *name,
                               char proof[USER_PROOF_SIZE])
{
    const struct user *user = find(table, name);
    proof[0] = '\0';
    if (user && user->password)
        write_proof("password", user->password, strlen(user->password), proof);
}

bool user_table_accepts(const struct user_table *table, const char *name, const char *proof)
{
    char own[USER_PROOF_SIZE];
    const struct user *user = find(table, name);
    if (!user || !proof[0])
        return false;
    user_table_password_proof(table, name, own);
    if (table->password_login && strcmp(own, proof) == 0)
        return true;
    for (size_t i = 0; i < user->key_count; i++) {
        user_table_key_proof(user->keys[i], own);
        if (strcmp(own, proof) == 0)
            return true;
    }
    return false;
}
