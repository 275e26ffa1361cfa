/*
 * SSH with libssh, the server's side. libssh calls back for what a client wants; everything but one
 * login, one channel and one subsystem is refused.
 */
#include "stream_ssh.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITE_MAX = 32 * 1024, GOODBYE_MS = 1000 };

struct ssh_stream {
    struct stream stream;
    ssh_session session;
    ssh_event event;
    ssh_channel channel;
    struct user_table *users;
    struct ssh_server_callbacks_struct server_callbacks;
    struct ssh_channel_callbacks_struct channel_callbacks;
    char claimed[256]; /* the user of the last attempt, for the log */
    unsigned attempts;
    bool authenticated;
    bool netconf;       /* the subsystem was asked for */
    bool client_closed; /* the channel */
};

static int refuse(struct ssh_stream *ssh, const char *user)
{
    snprintf(ssh->claimed, sizeof(ssh->claimed), "%s", user);
    ssh->attempts++;
    return SSH_AUTH_DENIED;
}

static int accept_user(struct ssh_stream *ssh, const char *user)
{
    snprintf(ssh->stream.user, sizeof(ssh->stream.user), "%s", user);
    ssh->authenticated = true;
    return SSH_AUTH_SUCCESS;
}

static int on_key(ssh_session session, const char *user, struct ssh_key_struct *key, char state,
                  void *context)
{
    (void)session;
    struct ssh_stream *ssh = context;
    if (ssh->authenticated || ssh->attempts >= SSH_ATTEMPTS_MAX ||
        !user_table_key_matches(ssh->users, user, key))
        return refuse(ssh, user);
    if (state == SSH_PUBLICKEY_STATE_NONE)
        return SSH_AUTH_SUCCESS; /* it asks whether the key would do, without a signature */
    if (state != SSH_PUBLICKEY_STATE_VALID)
        return refuse(ssh, user);
    user_table_key_proof(key, ssh->stream.origin.proof);
    return accept_user(ssh, user);
}

static int on_password(ssh_session session, const char *user, const char *password, void *context)
{
    (void)session;
    struct ssh_stream *ssh = context;
    if (ssh->authenticated || ssh->attempts >= SSH_ATTEMPTS_MAX ||
        !user_table_password_matches(ssh->users, user, password))
        return refuse(ssh, user);
    user_table_password_proof(ssh->users, user, ssh->stream.origin.proof);
    return accept_user(ssh, user);
}

static int on_none(ssh_session session, const char *user, void *context)
{
    (void)session;
    struct ssh_stream *ssh = context;
    snprintf(ssh->claimed, sizeof(ssh->claimed), "%s", user);
    return SSH_AUTH_DENIED; /* the usual way to ask which methods there are; no attempt */
}

static int on_service(ssh_session session, const char *name, void *context)
{
    (void)session;
    (void)context;
    return strcmp(name, "ssh-userauth") == 0 ? 0 : -1;
}

static int on_subsystem(ssh_session session, ssh_channel channel, const char *name, void *context)
{
    (void)session;
    (void)channel;
    struct ssh_stream *ssh = context;
    if (ssh->netconf || strcmp(name, "netconf") != 0)
        return 1;
    ssh->netconf = true;
    return 0;
}

static ssh_channel on_channel(ssh_session session, void *context)
{
    struct ssh_stream *ssh = context;
    if (!ssh->authenticated || ssh->channel)
        return NULL;
    ssh->channel = ssh_channel_new(session);
    if (ssh->channel)
        ssh_set_channel_callbacks(ssh->channel, &ssh->channel_callbacks);
    return ssh->channel;
}

static void on_channel_closed(ssh_session session, ssh_channel channel, void *context)
{
    (void)session;
    (void)channel;
    ((struct ssh_stream *)context)->client_closed = true;
}

/* Requests that no callback took: libssh would keep them; now it refuses them. */
static int on_message(ssh_session session, ssh_message message, void *context)
{
    (void)session;
    (void)message;
    (void)context;
    return 1;
}

static bool ssh_failed(const struct ssh_stream *ssh, struct error *error)
{
    error_set(error, "SSH: %s", ssh_get_error(ssh->session));
    return false;
}

/* Key exchange, as far as it takes. */
static bool exchange_keys(struct ssh_stream *ssh, int64_t deadline_ms, struct error *error)
{
    for (;;) {
        int result = ssh_handle_key_exchange(ssh->session);
        if (result == SSH_OK)
            return ssh_event_add_session(ssh->event, ssh->session) == SSH_OK ||
                   ssh_failed(ssh, error);
        if (result != SSH_AGAIN)
            return ssh_failed(ssh, error);
        int pending = ssh_get_poll_flags(ssh->session) & SSH_WRITE_PENDING;
        if (!stream_wait(&ssh->stream, (short)(POLLIN | (pending ? POLLOUT : 0)), deadline_ms,
                         error))
            return false;
    }
}

/* Login, channel and subsystem. */
static bool log_in(struct ssh_stream *ssh, int64_t deadline_ms, struct error *error)
{
    struct stream *stream = &ssh->stream;
    if (!exchange_keys(ssh, deadline_ms, error))
        return false;
    while (!ssh->netconf) {
        if (ssh->attempts >= SSH_ATTEMPTS_MAX) {
            error_set(error, "user %s: %d attempts to log in failed", ssh->claimed,
                      SSH_ATTEMPTS_MAX);
            return false;
        }
        int pending = ssh_get_poll_flags(ssh->session) & SSH_WRITE_PENDING;
        if (!stream_wait(stream, (short)(POLLIN | (pending ? POLLOUT : 0)), deadline_ms, error))
            return false;
        if (ssh_event_dopoll(ssh->event, 0) == SSH_ERROR ||
            (ssh_get_status(ssh->session) & (SSH_CLOSED | SSH_CLOSED_ERROR))) {
            if (ssh->authenticated)
                error_set(error, "user %s left before asking for NETCONF", stream->user);
            else
                error_set(error, "user %s was not let in and left", ssh->claimed);
            return false;
        }
    }
    return true;
}

static bool ssh_handshake(struct stream *stream, int64_t deadline_ms, struct error *error)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    if (log_in(ssh, deadline_ms, error))
        return true;
    stream->refused = !ssh->authenticated && ssh->attempts > 0;
    if (stream->refused)
        snprintf(stream->user, sizeof(stream->user), "%s", ssh->claimed);
    return false;
}

/* Lets libssh move what is there. False when the connection is over. */
static bool move(struct ssh_stream *ssh)
{
    return ssh_event_dopoll(ssh->event, 0) != SSH_ERROR &&
           !(ssh_get_status(ssh->session) & (SSH_CLOSED | SSH_CLOSED_ERROR));
}

static ssize_t ssh_stream_read(struct stream *stream, void *data, size_t length)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    bool alive = move(ssh);
    int got = ssh_channel_read_nonblocking(ssh->channel, data,
                                           (uint32_t)(length < INT32_MAX ? length : INT32_MAX), 0);
    if (got > 0)
        return got;
    if (got == SSH_EOF || got == SSH_ERROR || !alive)
        return -1;
    return ssh_channel_is_eof(ssh->channel) || ssh_channel_is_closed(ssh->channel) ? -1 : 0;
}

static ssize_t ssh_stream_write(struct stream *stream, const void *data, size_t length)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    if (!move(ssh) || ssh_channel_is_closed(ssh->channel))
        return -1;
    uint32_t window = ssh_channel_window_size(ssh->channel);
    if (window == 0 || (ssh_get_status(ssh->session) & SSH_WRITE_PENDING))
        return 0; /* libssh itself would take any amount into its memory */
    size_t piece = length < WRITE_MAX ? length : WRITE_MAX;
    if (piece > window)
        piece = window;
    int put = ssh_channel_write(ssh->channel, data, (uint32_t)piece);
    if (put == SSH_AGAIN)
        return 0;
    return put >= 0 ? put : -1;
}

static short ssh_stream_events(struct stream *stream, bool reading, bool writing)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    bool pending = (ssh_get_status(ssh->session) & SSH_WRITE_PENDING) != 0;
    bool window = ssh_channel_window_size(ssh->channel) > 0;
    /* The client's window opens by what it sends. */
    return (short)((reading || writing ? POLLIN : 0) |
                   (pending || (writing && window) ? POLLOUT : 0));
}

static bool ssh_stream_flushed(struct stream *stream)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    return !move(ssh) || !(ssh_get_status(ssh->session) & SSH_WRITE_PENDING);
}

/* Closes the channel and gives the client a moment to close it, too: a client that reads the end of
 * the connection before the last answer may drop the answer. */
static void close_channel(struct ssh_stream *ssh)
{
    if (!ssh->channel || ssh_channel_is_closed(ssh->channel))
        return;
    ssh_channel_send_eof(ssh->channel);
    ssh_channel_close(ssh->channel);
    int64_t deadline_ms = stream_now_ms() + GOODBYE_MS;
    struct error ignored;
    while (ssh->event && move(ssh) && !ssh->client_closed) {
        int pending = ssh_get_poll_flags(ssh->session) & SSH_WRITE_PENDING;
        if (!stream_wait(&ssh->stream, (short)(POLLIN | (pending ? POLLOUT : 0)), deadline_ms,
                         &ignored))
            return;
    }
}

static void ssh_stream_destroy(struct stream *stream)
{
    struct ssh_stream *ssh = (struct ssh_stream *)stream;
    close_channel(ssh);
    if (ssh->event) {
        ssh_event_remove_session(ssh->event, ssh->session);
        ssh_event_free(ssh->event);
    }
    ssh_disconnect(ssh->session);
    ssh_free(ssh->session); /* with its channel and its socket */
    user_table_release(ssh->users);
    free(ssh);
}

/* Tells libssh who answers what. */
static void set_callbacks(struct ssh_stream *ssh)
{
    ssh->server_callbacks = (struct ssh_server_callbacks_struct){
        .userdata = ssh,
        .auth_none_function = on_none,
        .auth_pubkey_function = on_key,
        .auth_password_function = on_password,
        .service_request_function = on_service,
        .channel_open_request_session_function = on_channel,
    };
    ssh_callbacks_init(&ssh->server_callbacks);
    ssh->channel_callbacks = (struct ssh_channel_callbacks_struct){
        .userdata = ssh,
        .channel_subsystem_request_function = on_subsystem,
        .channel_close_function = on_channel_closed,
    };
    ssh_callbacks_init(&ssh->channel_callbacks);
    ssh_set_server_callbacks(ssh->session, &ssh->server_callbacks);
    ssh_set_message_callback(ssh->session, on_message, ssh);
    ssh_set_auth_methods(ssh->session,
                         SSH_AUTH_METHOD_PUBLICKEY |
                             (user_table_passwords(ssh->users) ? SSH_AUTH_METHOD_PASSWORD : 0));
}

/* Makes libssh's session the server of FD with the host key. On success libssh owns FD. */
static bool take_socket(ssh_session session, int fd, const struct ssh_key_struct *host_key)
{
    bool no = false;
    ssh_bind bind = ssh_bind_new();
    ssh_key copy = ssh_key_dup((ssh_key)host_key);
    bool good =
        bind && copy && ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK;
    if (good && ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, copy) == SSH_OK)
        copy = NULL; /* belongs to BIND now */
    good = good && !copy && ssh_bind_accept_fd(bind, session, fd) == SSH_OK;
    ssh_key_free(copy);
    ssh_bind_free(bind);
    return good;
}

struct stream *stream_ssh_create(int fd, const char *from, const struct ssh_key_struct *host_key,
                                 struct user_table *users)
{
    static const struct stream_operations operations = {
        .handshake = ssh_handshake,
        .read = ssh_stream_read,
        .write = ssh_stream_write,
        .events = ssh_stream_events,
        .flushed = ssh_stream_flushed,
        .destroy = ssh_stream_destroy,
    };
    struct ssh_stream *ssh = calloc(1, sizeof(*ssh));
    ssh_session session = ssh_new();
    ssh_event event = ssh_event_new();
    if (!ssh || !session || !event || !take_socket(session, fd, host_key)) {
        ssh_event_free(event);
        ssh_free(session);
        free(ssh);
        close(fd);
        return NULL;
    }
    ssh->stream.operations = &operations;
    ssh->stream.fd = fd;
    ssh->stream.transport = SESSION_SSH;
    snprintf(ssh->stream.from, sizeof(ssh->stream.from), "%s", from);
    snprintf(ssh->claimed, sizeof(ssh->claimed), "(unknown)");
    ssh->session = session;
    ssh->event = event;
    ssh->users = user_table_share(users);
    set_callbacks(ssh);
    ssh_set_blocking(session, 0);
    return &ssh->stream;
}
