/*
 * TLS with OpenSSL, the server's side. At least TLS 1.2, and no client without a certificate that
 * the authority signed.
 */
#include "stream_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_server {
    atomic_uint owners;
    SSL_CTX *context;
    size_t name_count;
    struct tls_name names[]; /* by id, ascending */
};

struct tls_stream {
    struct stream stream;
    struct tls_server *server;
    SSL *ssl;
    bool wants_write; /* the last read or write waits for space in the socket */
};

bool tls_fingerprint_valid(const char *text, struct error *error)
{
    bool good = strlen(text) == TLS_FINGERPRINT_LENGTH;
    for (size_t i = 0; good && text[i]; i++) {
        if (i % 3 == 2)
            good = text[i] == ':';
        else
            good = strchr("0123456789abcdefABCDEF", text[i]) != NULL;
    }
    if (!good)
        error_set(error, "fingerprint %s: expected what openssl x509 -fingerprint -sha256 prints",
                  text);
    return good;
}

/* Why the file at PATH cannot be what it is to be. */
static void explain(struct error *error, const char *what, const char *path)
{
    unsigned long code = ERR_get_error();
    const char *reason = code && !ERR_SYSTEM_ERROR(code) ? ERR_reason_error_string(code) : NULL;
    if (access(path, R_OK) != 0)
        error_set(error,
                  "%s %s cannot be read: %s; give a file that the user of spanflow-netconf "
                  "may read",
                  what, path, strerror(errno));
    else
        error_set(error, "%s %s is not in PEM form, or is not what it should be: %s", what, path,
                  reason ? reason : "not usable");
    ERR_clear_error();
}

/* Reads the three files into CONTEXT. */
static bool load_files(SSL_CTX *context, const char *certificate, const char *private_key,
                       const char *authority, const char **wrong, struct error *error)
{
    *wrong = certificate;
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        explain(error, "certificate", certificate);
        return false;
    }
    *wrong = private_key;
    if (SSL_CTX_use_PrivateKey_file(context, private_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        explain(error, "private key", private_key);
        return false;
    }
    *wrong = authority;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authority);
    if (!names || SSL_CTX_load_verify_file(context, authority) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        explain(error, "certification authority", authority);
        return false;
    }
    SSL_CTX_set_client_CA_list(context, names);
    *wrong = NULL;
    return true;
}

static int by_id(const void *left, const void *right)
{
    const struct tls_name *a = left;
    const struct tls_name *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

struct tls_server *tls_server_create(const char *certificate, const char *private_key,
                                     const char *authority, const struct tls_name *names,
                                     size_t name_count, const char **wrong, struct error *error)
{
    *wrong = NULL;
    struct tls_server *server = calloc(1, sizeof(*server) + name_count * sizeof(*names));
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!server || !context) {
        error_set(error, "no memory for TLS");
        goto failed;
    }
    static const unsigned char session_context[] = "spanflow";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    if (!load_files(context, certificate, private_key, authority, wrong, error))
        goto failed;
    server->owners = 1;
    server->context = context;
    server->name_count = name_count;
    if (name_count) {
        memcpy(server->names, names, name_count * sizeof(*names));
        qsort(server->names, name_count, sizeof(*names), by_id);
    }
    return server;
failed:
    SSL_CTX_free(context);
    free(server);
    return NULL;
}

struct tls_server *tls_server_share(struct tls_server *server)
{
    server->owners++;
    return server;
}

void tls_server_release(struct tls_server *server)
{
    if (!server || --server->owners > 0)
        return;
    SSL_CTX_free(server->context);
    free(server);
}

/* The fingerprint of CERTIFICATE is NAME's. */
static bool matches(const struct tls_name *name, const X509 *certificate)
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned length;
    char text[TLS_FINGERPRINT_LENGTH + 2];
    if (X509_digest(certificate, EVP_sha256(), octets, &length) != 1 ||
        length != TLS_FINGERPRINT_OCTETS)
        return false;
    for (size_t i = 0; i < TLS_FINGERPRINT_OCTETS; i++)
        snprintf(text + i * 3, 4, "%02x:", octets[i]);
    text[TLS_FINGERPRINT_LENGTH] = '\0';
    return strcasecmp(text, name->fingerprint) == 0;
}

bool tls_server_names(const struct tls_server *server, const char *fingerprint, const char *user)
{
    for (size_t i = 0; i < server->name_count; i++)
        if (strcasecmp(server->names[i].fingerprint, fingerprint) == 0)
            return strcmp(server->names[i].user, user) == 0;
    return false;
}

/* Puts the user of the client's certificate, or of the authority behind it, into STREAM. */
static bool find_user(struct tls_stream *tls, struct error *error)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(tls->ssl);
    const struct tls_server *server = tls->server;
    for (size_t i = 0; i < server->name_count; i++) {
        for (int depth = 0; depth < sk_X509_num(chain); depth++) {
            if (matches(&server->names[i], sk_X509_value(chain, depth))) {
                snprintf(tls->stream.user, sizeof(tls->stream.user), "%s", server->names[i].user);
                snprintf(tls->stream.origin.proof, sizeof(tls->stream.origin.proof), "%s",
                         server->names[i].fingerprint);
                return true;
            }
        }
    }
    tls->stream.refused = true;
    error_set(error, "no certToName has the fingerprint of the client's certificate");
    return false;
}

static bool tls_handshake(struct stream *stream, int64_t deadline_ms, struct error *error)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    for (;;) {
        ERR_clear_error();
        int result = SSL_accept(tls->ssl);
        if (result == 1)
            return find_user(tls, error);
        int why = SSL_get_error(tls->ssl, result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
            explain(error, "TLS", "handshake");
            return false;
        }
        if (!stream_wait(stream, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms, error))
            return false;
    }
}

/* What a result that is not positive means. */
static ssize_t not_now(struct tls_stream *tls, int result)
{
    int why = SSL_get_error(tls->ssl, result);
    tls->wants_write = why == SSL_ERROR_WANT_WRITE;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t tls_read(struct stream *stream, void *data, size_t length)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    size_t got;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, data, length, &got);
    return result == 1 ? (ssize_t)got : not_now(tls, result);
}

static ssize_t tls_write(struct stream *stream, const void *data, size_t length)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    size_t put;
    ERR_clear_error();
    int result = SSL_write_ex(tls->ssl, data, length, &put);
    return result == 1 ? (ssize_t)put : not_now(tls, result);
}

static short tls_events(struct stream *stream, bool reading, bool writing)
{
    const struct tls_stream *tls = (const struct tls_stream *)stream;
    return (short)((reading ? POLLIN : 0) | (writing || tls->wants_write ? POLLOUT : 0));
}

static bool tls_flushed(struct stream *stream)
{
    (void)stream;
    return true;
}

static void tls_destroy(struct stream *stream)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    if (SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
    SSL_free(tls->ssl);
    tls_server_release(tls->server);
    close(stream->fd);
    free(tls);
}

struct stream *stream_tls_create(int fd, const char *from, struct tls_server *server)
{
    static const struct stream_operations operations = {
        .handshake = tls_handshake,
        .read = tls_read,
        .write = tls_write,
        .events = tls_events,
        .flushed = tls_flushed,
        .destroy = tls_destroy,
    };
    struct tls_stream *tls = calloc(1, sizeof(*tls));
    SSL *ssl = SSL_new(server->context);
    if (!tls || !ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        free(tls);
        close(fd);
        return NULL;
    }
    tls->stream.operations = &operations;
    tls->stream.fd = fd;
    tls->stream.transport = SESSION_TLS;
    snprintf(tls->stream.from, sizeof(tls->stream.from), "%s", from);
    tls->server = tls_server_share(server);
    tls->ssl = ssl;
    return &tls->stream;
}
