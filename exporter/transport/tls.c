/*
 * TLS and DTLS by OpenSSL. See tls.h.
 */
#include "transport/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { READS_MAX = 16 }; /* of one call: a collector that talks all the time does not hold us */

struct tls_context {
    SSL_CTX *ssl;
    bool datagrams;
    bool verified;
    char host[256];
};

struct tls_session {
    SSL *ssl;
    bool datagrams;
    bool ticket; /* the collector sent one */
};

/* CODE of the library in words, or the error of the system. */
static const char *reason_of(unsigned long code)
{
    if (code && ERR_SYSTEM_ERROR(code))
        return strerror(ERR_GET_REASON(code));
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    return reason ? reason : strerror(errno);
}

/* The newest error; of a file the oldest tells more. */
static const char *tls_reason(void)
{
    return reason_of(ERR_peek_last_error());
}

static const char *file_reason(void)
{
    return reason_of(ERR_peek_error());
}

/* Nobody is asked for the password of a key. */
static int no_password(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

/* Whether nobody but its owner has rights to the file at PATH; what is not there is told later. */
static bool is_private(const char *path, const char *name, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0 || !(status.st_mode & (S_IRWXG | S_IRWXO)))
        return true;
    error_set(error,
              "%.100s: key=%s: mode %04o lets others than its owner at the key; chmod 600 it", name,
              path, (unsigned)(status.st_mode & 07777));
    return false;
}

static bool load_own(struct tls_context *context, const struct destination_config *d,
                     struct error *error)
{
    if (!d->certificate[0])
        return true;
    if (SSL_CTX_use_certificate_chain_file(context->ssl, d->certificate) != 1) {
        error_set(error, "%.100s: cert=%s: no certificate in PEM form can be read: %s", d->name,
                  d->certificate, file_reason());
        return false;
    }
    if (!is_private(d->private_key, d->name, error))
        return false;
    if (SSL_CTX_use_PrivateKey_file(context->ssl, d->private_key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context->ssl) != 1) {
        error_set(error,
                  "%.100s: key=%s: not the key of the certificate, without password and in PEM "
                  "form: %s",
                  d->name, d->private_key, file_reason());
        return false;
    }
    return true;
}

static bool load_trust(struct tls_context *context, const struct destination_config *d,
                       struct error *error)
{
    SSL_CTX_set_verify(context->ssl, context->verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!context->verified)
        return true;
    bool given = d->authority[0] != 0;
    int loaded = given ? SSL_CTX_load_verify_locations(context->ssl, d->authority, NULL)
                       : SSL_CTX_set_default_verify_paths(context->ssl);
    if (loaded != 1)
        error_set(error, "%.100s: ca=%s: no certificates in PEM form can be read: %s", d->name,
                  d->authority, file_reason());
    return loaded == 1;
}

static int note_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    (void)ticket;
    struct tls_session *session = SSL_get_app_data(ssl);
    session->ticket = true;
    return 0; /* we do not keep it */
}

struct tls_context *tls_context_create(const struct destination_config *destination,
                                       struct error *error)
{
    struct tls_context *context = calloc(1, sizeof *context);
    bool datagrams = destination->kind == DESTINATION_DTLS;
    ERR_clear_error();
    errno = 0;
    SSL_CTX *ssl = SSL_CTX_new(datagrams ? DTLS_client_method() : TLS_client_method());
    if (!context || !ssl) {
        SSL_CTX_free(ssl);
        free(context);
        error_set(error, "%s: no TLS: %s", destination->name, tls_reason());
        return NULL;
    }
    context->ssl = ssl;
    context->datagrams = datagrams;
    context->verified = !destination->unverified;
    memcpy(context->host, destination->host, sizeof context->host);
    SSL_CTX_set_min_proto_version(ssl, datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(ssl, note_ticket);
    /* Their overhead is known. */
    SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20");
    if (!load_own(context, destination, error) || !load_trust(context, destination, error)) {
        tls_context_destroy(context);
        return NULL;
    }
    return context;
}

void tls_context_destroy(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

/* Whom the certificate must be for (RFC 7011 section 11.3, RFC 6125). */
static bool expect_host(SSL *ssl, const struct tls_context *context)
{
    X509_VERIFY_PARAM *want = SSL_get0_param(ssl);
    unsigned char octets[16];
    if (inet_pton(AF_INET, context->host, octets) == 1)
        return X509_VERIFY_PARAM_set1_ip(want, octets, 4) == 1;
    if (inet_pton(AF_INET6, context->host, octets) == 1)
        return X509_VERIFY_PARAM_set1_ip(want, octets, 16) == 1;
    X509_VERIFY_PARAM_set_hostflags(want, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(want, context->host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, context->host) == 1;
}

static bool attach(SSL *ssl, const struct tls_context *context, int socket, uint32_t octets)
{
    if (!context->datagrams)
        return SSL_set_fd(ssl, socket) == 1;
    BIO *bio = BIO_new_dgram(socket, BIO_NOCLOSE);
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (!bio || getpeername(socket, (struct sockaddr *)&peer, &length) != 0) {
        BIO_free(bio);
        return false;
    }
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mtu(ssl, octets);
    return true;
}

struct tls_session *tls_session_create(struct tls_context *context, int socket,
                                       uint32_t datagram_octets, struct error *error)
{
    struct tls_session *session = calloc(1, sizeof *session);
    ERR_clear_error();
    if (session)
        session->ssl = SSL_new(context->ssl);
    if (!session || !session->ssl || !attach(session->ssl, context, socket, datagram_octets) ||
        !expect_host(session->ssl, context)) {
        error_set(error, "no TLS session: %s", tls_reason());
        tls_session_destroy(session);
        return NULL;
    }
    session->datagrams = context->datagrams;
    SSL_set_app_data(session->ssl, session);
    SSL_set_connect_state(session->ssl);
    return session;
}

void tls_session_destroy(struct tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    free(session);
}

/* Whether the newest error is the collector's verdict on our certificate. */
static bool alert_is_about_certificate(void)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return false;
    return (reason >= SSL_R_SSLV3_ALERT_NO_CERTIFICATE &&
            reason <= SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN) ||
           reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED ||
           reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED;
}

/* What a call that returned RESULT, not a success, means. */
static enum tls_status tls_failed(struct tls_session *session, int result, struct error *error)
{
    int number = errno;
    int kind = SSL_get_error(session->ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return TLS_AGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) {
        error_set(error, "the collector closed it");
        return TLS_ENDED;
    }
    long verified = SSL_get_verify_result(session->ssl);
    if (verified != X509_V_OK && SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE) {
        error_set(error, "the collector's certificate is not accepted: %s",
                  X509_verify_cert_error_string(verified));
        return TLS_CERTIFICATE;
    }
    errno = number;
    if (alert_is_about_certificate()) {
        error_set(error, "the collector does not accept our certificate: %s", tls_reason());
        return TLS_CERTIFICATE;
    }
    if (kind == SSL_ERROR_SYSCALL && number == 0)
        error_set(error, "the collector ended it without a word");
    else
        error_set(error, "%s", tls_reason());
    return TLS_ENDED;
}

/* Before each call of the library: errors of earlier ones are none of this. */
static void tls_begin(struct tls_session *session)
{
    ERR_clear_error();
    errno = 0;
    if (session->datagrams && !SSL_is_init_finished(session->ssl))
        DTLSv1_handle_timeout(session->ssl);
}

enum tls_status tls_handshake(struct tls_session *session, struct error *error)
{
    tls_begin(session);
    int result = SSL_do_handshake(session->ssl);
    return result == 1 ? TLS_DONE : tls_failed(session, result, error);
}

bool tls_is_accepted(const struct tls_session *session)
{
    return session->ticket || SSL_version(session->ssl) != TLS1_3_VERSION;
}

enum tls_status tls_write(struct tls_session *session, const void *data, size_t octets,
                          size_t *written, struct error *error)
{
    tls_begin(session);
    *written = 0;
    int result = SSL_write_ex(session->ssl, data, octets, written);
    return result == 1 ? TLS_DONE : tls_failed(session, result, error);
}

enum tls_status tls_read(struct tls_session *session, struct error *error)
{
    char ignored[4096];
    size_t octets;
    for (unsigned i = 0; i < READS_MAX; i++) {
        tls_begin(session);
        int result = SSL_read_ex(session->ssl, ignored, sizeof ignored, &octets);
        if (result != 1)
            return tls_failed(session, result, error);
    }
    return TLS_AGAIN;
}

void tls_finish(struct tls_session *session)
{
    tls_begin(session);
    SSL_shutdown(session->ssl);
}

uint64_t tls_octets_out(const struct tls_session *session)
{
    return BIO_number_written(SSL_get_wbio(session->ssl));
}
