/*
 * The key by which SSH clients know this host: a file of its own, never part of a datastore.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream_ssh.h"

/* Waits until the file or folder PATH is on disk. */
static bool settle(const char *path, int flags)
{
    int file = open(path, flags | O_RDONLY | O_CLOEXEC);
    bool settled = file >= 0 && fsync(file) == 0;
    int failed = errno;
    if (file >= 0)
        close(file);
    errno = failed;
    return settled;
}

/* A name is on disk when its folder is. Without it a reset could bring the old state back, and
 * clients that have seen this key would be told of another. */
static bool settle_name(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    return settle(dirname(copy), O_DIRECTORY);
}

/* Makes a key and writes it under another name first, so that PATH is never half a key, whenever
 * the power goes. */
static bool make_key(const char *path, struct error *error)
{
    char temporary[4096];
    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary)) {
        error_set(error, "host key %s: the path is too long", path);
        return false;
    }
    ssh_key key = NULL;
    if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK) {
        error_set(error, "host key %s: no key could be made", path);
        return false;
    }
    mode_t before = umask(077);
    int written = ssh_pki_export_privkey_file(key, NULL, NULL, NULL, temporary);
    umask(before);
    ssh_key_free(key);
    if (written == SSH_OK && chmod(temporary, 0600) == 0 && settle(temporary, 0) &&
        rename(temporary, path) == 0 && settle_name(path))
        return true;
    error_set(error,
              "host key %s cannot be written: %s; make the folder one that this process may "
              "write, or make the key with ssh-keygen -t ed25519 -N '' -f %s",
              path, strerror(errno), path);
    unlink(temporary);
    return false;
}

struct ssh_key_struct *host_key_open(const char *path, bool *made, struct error *error)
{
    struct stat found;
    ssh_key key = NULL;
    *made = false;
    if (!path) {
        *made = true;
        if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
            error_set(error, "no host key could be made");
        return key;
    }
    if (stat(path, &found) != 0) {
        if (errno != ENOENT) {
            error_set(error, "host key %s: %s", path, strerror(errno));
            return NULL;
        }
        if (!make_key(path, error))
            return NULL;
        *made = true;
    } else if (found.st_mode & 077) {
        error_set(error, "host key %s may be read by others: chmod 600 it", path);
        return NULL;
    }
    if (ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK) {
        error_set(error, "host key %s is not a private key without passphrase that can be read",
                  path);
        return NULL;
    }
    return key;
}

void host_key_free(struct ssh_key_struct *key)
{
    ssh_key_free(key);
}

struct ssh_key_struct *host_key_copy(const struct ssh_key_struct *key)
{
    return ssh_key_dup((ssh_key)key);
}

bool host_key_equal(const struct ssh_key_struct *left, const struct ssh_key_struct *right)
{
    return ssh_key_cmp((ssh_key)left, (ssh_key)right, SSH_KEY_CMP_PUBLIC) == 0;
}

void host_key_fingerprint(const struct ssh_key_struct *key, char text[128])
{
    unsigned char *hash = NULL;
    size_t length = 0;
    text[0] = '\0';
    if (ssh_get_publickey_hash((ssh_key)key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != SSH_OK)
        return;
    char *fingerprint = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    if (fingerprint)
        snprintf(text, 128, "%s", fingerprint);
    ssh_string_free_char(fingerprint);
    ssh_clean_pubkey_hash(&hash);
}
