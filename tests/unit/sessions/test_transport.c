/*
 * Configurations of transports: what cannot be is refused with the leaf's path and changes nothing;
 * what can be takes effect at once, for the sockets and for those who are there already.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netconf/context.h"
#include "netconf/stream_ssh.h"
#include "netconf/transport.h"
#include "netconf/transport_settings.h"

static struct netconf_server server;
static struct sessions *sessions;
static struct session_workers *workers;
static struct front *front;
static struct transport *transport;
static char folder[] = "/tmp/test_transport.XXXXXX";

static int begin(void **state)
{
    (void)state;
    static const struct session_hooks hooks = {0};
    struct error error;
    server.context = netconf_context_create(&error);
    if (!server.context) {
        print_message("%s\n", error.text);
        return -1;
    }
    sessions = sessions_create(&server, &hooks);
    workers = session_workers_create(sessions, &error);
    front = front_create(sessions, workers);
    if (!mkdtemp(folder))
        return -1;
    transport = transport_create(sessions, front, folder, &error);
    return transport ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    char path[64];
    transport_destroy(transport);
    front_destroy(front);
    session_workers_destroy(workers);
    sessions_destroy(sessions);
    ly_ctx_destroy(server.context);
    snprintf(path, sizeof(path), "%s/ssh_host_key", folder);
    unlink(path);
    return rmdir(folder);
}

/* A free port, and a socket that has it if LISTENING is not NULL. */
static uint16_t some_port(int *listening)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    if (listening)
        *listening = fd;
    else
        close(fd);
    return ntohs(address.sin_port);
}

/* Whether something listens on PORT. */
static bool answers(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return connected;
}

/* Applies the JSON text of the container netconf. */
static bool apply(struct rpc_error *error, const char *format, ...)
{
    char inner[4096];
    char text[4352];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(inner, sizeof(inner), format, arguments);
    va_end(arguments);
    snprintf(text, sizeof(text), "{\"spanflow:spanflow\":{\"netconf\":{%s}}}", inner);
    struct lyd_node *tree = NULL;
    assert_int_equal(lyd_parse_data_mem(server.context, text, LYD_JSON,
                                        LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0, &tree),
                     LY_SUCCESS);
    bool good = transport_configure(transport, tree, error);
    lyd_free_all(tree);
    return good;
}

static void refused_at(struct rpc_error *error, const char *path)
{
    assert_non_null(error->tag);
    assert_string_equal(error->path, path);
    assert_true(strlen(error->message) > 10);
    rpc_error_clear(error);
}

static void test_servers(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    int taken;
    uint16_t first = some_port(NULL);
    uint16_t busy = some_port(&taken);
    static const char server_row[] =
        "\"sshServer\":[{\"name\":\"a\",\"address\":\"127.0.0.1\",\"port\":%u}]";
    static const char two_rows[] =
        "\"sshServer\":[{\"name\":\"a\",\"address\":\"127.0.0.1\",\"port\":%u},"
        "{\"name\":\"b\",\"address\":\"127.0.0.1\",\"port\":%u}]";
    assert_true(apply(&error, server_row, first));
    assert_true(answers(first));
    assert_false(apply(&error, two_rows, first, busy));
    refused_at(&error, "/spanflow:spanflow/netconf/sshServer[name='b']/port");
    assert_true(answers(first));
    close(taken);
    assert_true(apply(&error, two_rows, first, busy));
    assert_true(answers(first) && answers(busy));
    assert_true(apply(&error, server_row, busy));
    assert_true(answers(busy));
    /* The same port at addresses that overlap. */
    assert_true(apply(&error, "\"sshServer\":[{\"name\":\"a\",\"port\":%u}]", busy));
    assert_true(answers(busy));
    assert_true(apply(&error, server_row, busy));
    assert_true(answers(busy));
    /* The same port twice would not do at the next start, whatever the sockets say now. */
    assert_false(apply(&error, two_rows, busy, busy));
    refused_at(&error, "/spanflow:spanflow/netconf/sshServer[name='b']/port");
    assert_true(apply(&error, "\"sshServer\":[{\"name\":\"a\",\"port\":%u}]", busy));
    assert_false(apply(&error,
                       "\"sshServer\":[{\"name\":\"a\",\"port\":%u},{\"name\":\"b\","
                       "\"address\":\"127.0.0.1\",\"port\":%u}]",
                       busy, busy));
    refused_at(&error, "/spanflow:spanflow/netconf/sshServer[name='b']/port");
    assert_true(answers(busy));
    assert_false(apply(&error, "\"sshServer\":[{\"name\":\"a\",\"address\":\"192.0.2.77\"}]"));
    refused_at(&error, "/spanflow:spanflow/netconf/sshServer[name='a']/address");
    assert_true(apply(&error, "\"passwordLogin\":false"));
}

static void test_users(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    assert_false(apply(&error, "\"user\":[{\"name\":\"a\",\"authorizedKey\":[\"ssh-rsa AAAA\"]}]"));
    refused_at(&error, "/spanflow:spanflow/netconf/user[name='a']/authorizedKey[.='ssh-rsa AAAA']");
    assert_true(apply(&error, "\"passwordLogin\":false"));
}

static const char hash[] = "$6$salt$wZU8LXJfJJqoagopbB7RuK6JEotEMZ0CQDy0phpPAuLMYQFcmf6L"
                           "6BdAbs/Q7w7o1qsZ9pFqFVY4yuUSWgaYt1";

/* Applies the server NAME and user a with that password, or without one. */
static bool apply_server(const char *name, uint16_t port, bool passwords, bool has)
{
    struct rpc_error error = {0};
    return apply(&error,
                 "\"sshServer\":[{\"name\":\"%s\",\"address\":\"127.0.0.1\",\"port\":%u}],"
                 "\"passwordLogin\":%s,\"user\":[{\"name\":\"a\"%s%s%s}]",
                 name, port, passwords ? "true" : "false", has ? ",\"password\":\"" : "",
                 has ? hash : "", has ? "\"" : "");
}

static struct session *come_by_password(const char *entry)
{
    struct error error;
    struct session_origin origin = {.kind = ENDPOINT_SSH_SERVER};
    struct user_table *table = user_table_create(true);
    assert_true(user_table_add(table, "a", hash, &error));
    user_table_password_proof(table, "a", origin.proof);
    user_table_release(table);
    snprintf(origin.entry, sizeof(origin.entry), "%s", entry);
    return sessions_admit(sessions, "a", "192.0.2.1", SESSION_SSH, &origin, false, &error);
}

static void wait_for_end(struct session *session)
{
    for (int i = 0; i < 10000 && !session->ended; i++)
        usleep(1000);
    assert_true(session->ended);
    sessions_leave(session, SESSION_DROPPED);
}

/* A session ends when what let it in is gone, and none begins by it. */
static void test_sessions_end(void **state)
{
    (void)state;
    struct error ignored;
    uint16_t port = some_port(NULL);
    struct session *local =
        sessions_admit(sessions, "b", "local", SESSION_LOCAL, NULL, false, &ignored);
    assert_true(apply_server("s", port, true, true));
    assert_null(come_by_password("other"));
    struct session *by_entry = come_by_password("s");
    assert_non_null(by_entry);
    assert_true(apply_server("t", port, true, true));
    wait_for_end(by_entry);
    struct session *by_switch = come_by_password("t");
    assert_true(apply_server("t", port, false, true));
    wait_for_end(by_switch);
    assert_null(come_by_password("t"));
    assert_true(apply_server("t", port, true, true));
    struct session *by_password = come_by_password("t");
    assert_true(apply_server("t", port, true, true));
    assert_true(apply_server("t", port, true, false));
    wait_for_end(by_password);
    assert_false(local->ended);
    sessions_leave(local, SESSION_DROPPED);
    struct rpc_error error = {0};
    assert_true(apply(&error, "\"passwordLogin\":false"));
}

/* It is there before a server needs it, and only a server minds that it is amiss. */
static void test_host_key_at_first(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    struct stat found;
    char path[64];
    snprintf(path, sizeof(path), "%s/ssh_host_key", folder);
    unlink(path);
    assert_true(apply(&error, "\"passwordLogin\":false"));
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    chmod(path, 0640);
    assert_true(apply(&error, "\"passwordLogin\":false"));
    assert_false(apply(&error, "\"sshServer\":[{\"name\":\"a\",\"port\":%u}]", some_port(NULL)));
    refused_at(&error, "/spanflow:spanflow/netconf");
    unlink(path);
}

static void test_host_key(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    char path[64];
    uint16_t port = some_port(NULL);
    static const char row[] = "\"hostKey\":\"%s\",\"sshServer\":[{\"name\":\"a\",\"address\":"
                              "\"127.0.0.1\",\"port\":%u}]";
    snprintf(path, sizeof(path), "%s/other", folder);
    assert_true(apply(&error, row, path, port));
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    chmod(path, 0640);
    assert_false(apply(&error, row, path, port));
    refused_at(&error, "/spanflow:spanflow/netconf/hostKey");
    unlink(path);
    assert_false(apply(&error, row, "/nonexistent/key", port));
    refused_at(&error, "/spanflow:spanflow/netconf/hostKey");
    FILE *file = fopen(path, "w");
    fputs("no key", file);
    fclose(file);
    chmod(path, 0600);
    assert_false(apply(&error, row, path, port));
    refused_at(&error, "/spanflow:spanflow/netconf/hostKey");
    unlink(path);
}

/* In a traced child: makes the key PATH. */
static void make_key_traced(const char *path)
{
    struct error error;
    bool made;
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    struct ssh_key_struct *key = host_key_open(path, &made, &error);
    host_key_free(key);
    _exit(key && made ? 0 : 1);
}

/* A letter for a system call: fsync, rename; 0 for others. */
static char letter_of(uint64_t call)
{
    if (call == SYS_fsync)
        return 'f';
    return call == SYS_rename || call == SYS_renameat || call == SYS_renameat2 ? 'r' : 0;
}

/* The key's octets are on disk before it has its name, and the name before it is used. */
static void test_host_key_is_on_disk(void **state)
{
    (void)state;
    char path[64], calls[16] = "";
    int status = 0;
    snprintf(path, sizeof(path), "%s/fresh", folder);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        make_key_traced(path);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD), 0);
    while (!WIFEXITED(status)) {
        struct __ptrace_syscall_info info = {0};
        size_t length = strlen(calls);
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFSTOPPED(status) &&
            ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY && length + 1 < sizeof calls)
            calls[length] = letter_of(info.entry.nr);
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(calls, "frf");
    unlink(path);
}

static void test_certificates(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    assert_false(apply(&error,
                       "\"tlsServer\":[{\"name\":\"t\",\"address\":\"127.0.0.1\",\"port\":%u,"
                       "\"certificate\":\"/nonexistent/c\",\"privateKey\":\"/nonexistent/k\","
                       "\"certificationAuthority\":\"/nonexistent/a\"}]",
                       some_port(NULL)));
    assert_non_null(strstr(error.message, "cannot be read: No such file"));
    refused_at(&error, "/spanflow:spanflow/netconf/tlsServer[name='t']/certificate");
}

int main(void)
{
    if (access("/usr/share/yuma/modules/ietf", R_OK) != 0)
        return 77; /* meson: skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),      cmocka_unit_test(test_users),
        cmocka_unit_test(test_sessions_end), cmocka_unit_test(test_host_key_at_first),
        cmocka_unit_test(test_host_key),     cmocka_unit_test(test_host_key_is_on_disk),
        cmocka_unit_test(test_certificates),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
