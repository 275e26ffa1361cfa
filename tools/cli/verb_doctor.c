/*
 * spanflow doctor: looks at what stands in a probe's way on this machine and says what to do. Works
 * without a probe; with one it also looks at what that observes and where it sends.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "data.h"
#include "findings.h"
#include "netconf/context.h"
#include "verbs.h"

static const char store_folder[] = "/var/lib/spanflow";

/* The first number in the file PATH, -1 if it cannot be read. */
static long long read_number(const char *path)
{
    long long number = -1;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%lld", &number) != 1)
        number = -1;
    if (file)
        fclose(file);
    return number;
}

static const char *value_of(const struct lyd_node *node, const char *path)
{
    struct lyd_node *leaf = NULL;
    return lyd_find_path(node, path, 0, &leaf) == LY_SUCCESS ? lyd_get_value(leaf) : NULL;
}

/* ---- the machine ---- */

static void look_at_clock(struct findings *findings)
{
    struct timex clock = {0};
    int state = adjtimex(&clock);
    if (state < 0)
        findings_add(findings, FINDING_NOTE, "clock", "its state cannot be read: %s",
                     strerror(errno));
    else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
        findings_add(findings, FINDING_BAD, "clock",
                     "not synchronised: flows of two probes cannot be compared; run chrony or "
                     "another NTP or PTP client");
    else
        findings_add(findings, FINDING_GOOD, "clock", "synchronised, off by at most %ld us",
                     clock.maxerror);
}

/* The number behind NAME in /proc/meminfo, -1 if it is not there. */
static long long memory_number(const char *name)
{
    char line[128];
    long long number = -1;
    size_t length = strlen(name);
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            number = strtoll(line + length + 1, NULL, 10);
    if (file)
        fclose(file);
    return number;
}

static void look_at_huge_pages(struct findings *findings, bool dpdk)
{
    long long pages = memory_number("HugePages_Total"), unused = memory_number("HugePages_Free");
    if (pages > 0)
        findings_add(findings, FINDING_GOOD, "huge pages",
                     "%lld of %lld KiB are reserved, %lld are unused", pages,
                     memory_number("Hugepagesize"), unused);
    else
        findings_add(findings, dpdk ? FINDING_BAD : FINDING_NOTE, "huge pages",
                     "none are reserved%s: sysctl vm.nr_hugepages=512, and in /etc/sysctl.d to "
                     "keep it",
                     dpdk ? ", which DPDK needs" : "; tables are faster in them");
}

static void look_at_user(struct findings *findings)
{
    if (getpwnam("spanflow") && getgrnam("spanflow"))
        findings_add(findings, FINDING_GOOD, "user spanflow", "is there");
    else
        findings_add(findings, FINDING_BAD, "user spanflow",
                     "is missing: NETCONF runs as it; make it with systemd-sysusers, or: useradd "
                     "--system --user-group spanflow");
}

static void look_at_folder(struct findings *findings, const char *path)
{
    char subject[80];
    struct stat found;
    struct statvfs disk;
    snprintf(subject, sizeof subject, "folder %.70s", path);
    for (unsigned i = 0; i < findings->count; i++)
        if (strcmp(findings->rows[i].subject, subject) == 0)
            return; /* several files are in it */
    if (stat(path, &found) != 0) {
        findings_add(findings, FINDING_NOTE, subject, "%s; the probe makes it", strerror(errno));
        return;
    }
    if ((found.st_mode & S_IWOTH) && !(found.st_mode & S_ISVTX))
        findings_add(findings, FINDING_BAD, subject,
                     "anybody may write to it: chmod o-w it, or another user decides what the "
                     "probe does");
    if (statvfs(path, &disk) != 0) {
        findings_add(findings, FINDING_NOTE, subject, "%s", strerror(errno));
        return;
    }
    unsigned long long total = (unsigned long long)disk.f_blocks * disk.f_frsize;
    unsigned long long free_octets = (unsigned long long)disk.f_bavail * disk.f_frsize;
    bool full = free_octets < (64ull << 20) || free_octets < total / 50;
    findings_add(findings, full ? FINDING_BAD : FINDING_GOOD, subject, "%llu MiB of %llu free%s",
                 free_octets >> 20, total >> 20, full ? ": make room" : "");
}

/* The folder of the file PATH. */
static void look_at_folder_of(struct findings *findings, const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return; /* below a folder that only the probe knows */
    slash[slash == folder] = 0;
    look_at_folder(findings, folder);
}

/* Whether the user of the NETCONF process may write where it keeps configurations. */
static void look_at_store_owner(struct findings *findings, const char *path)
{
    struct stat found;
    char subject[80];
    const struct passwd *user = getpwnam("spanflow");
    if (!user || stat(path, &found) != 0)
        return;
    snprintf(subject, sizeof subject, "store %.70s", path);
    bool owner = found.st_uid == user->pw_uid && found.st_mode & S_IWUSR;
    bool group = found.st_gid == user->pw_gid && found.st_mode & S_IWGRP;
    if (owner || group)
        findings_add(findings, FINDING_GOOD, subject, "the user spanflow may write to it");
    else
        findings_add(findings, FINDING_BAD, subject,
                     "the user spanflow may not write to it, and no commit can be kept: chown -R "
                     "spanflow:spanflow %s",
                     path);
}

/* ---- what the probe observes ---- */

static void tell_link(struct findings *findings, const char *subject, const char *device, bool up)
{
    if (up)
        findings_add(findings, FINDING_GOOD, subject, "up, with link");
    else
        findings_add(findings, FINDING_BAD, subject,
                     "%s has no link: look at the cable and at the switch's mirror port", device);
}

/* An interface that the probe does not tell of: looked at from here. */
static void look_at_interface(struct findings *findings, const char *interface)
{
    char subject[80], path[300];
    snprintf(subject, sizeof subject, "source %.70s", interface);
    snprintf(path, sizeof path, "/sys/class/net/%.100s", interface);
    if (access(path, F_OK) != 0) {
        findings_add(findings, FINDING_BAD, subject,
                     "there is no such interface; ip link shows those that there are");
        return;
    }
    snprintf(path, sizeof path, "/sys/class/net/%.100s/carrier", interface);
    long long carrier = read_number(path); /* cannot be read while the interface is down */
    if (carrier < 0)
        findings_add(findings, FINDING_BAD, subject, "is down: ip link set %s up", interface);
    else
        tell_link(findings, subject, interface, carrier > 0);
}

/* What the probe itself says of the observation point NAME. False if it says nothing. */
static bool look_at_port(struct findings *findings, const struct lyd_node *data, const char *name)
{
    char path[256], subject[80];
    struct lyd_node *port = NULL;
    char quote = strchr(name, '\'') ? '"' : '\'';
    snprintf(path, sizeof path, "/spanflow:spanflow/state/port[name=%c%.80s%c]", quote, name,
             quote);
    if (lyd_find_path(data, path, 0, &port) != LY_SUCCESS)
        return false;
    snprintf(subject, sizeof subject, "source %.70s", name);
    const char *link = data_text(port, "link");
    if (link[0])
        tell_link(findings, subject, data_text(port, "device"), strcmp(link, "up") == 0);
    else
        findings_add(findings, FINDING_GOOD, subject, "is being read; it tells of no link");
    uint64_t dropped = data_sum(port, "dropped", "packets");
    uint64_t observed = data_number(data_child(port, "observed"), "packets");
    if (dropped)
        findings_add(findings, FINDING_NOTE, subject,
                     "%llu of %llu packets were dropped before they were looked at: see Loss in "
                     "the documentation (operations.md)",
                     (unsigned long long)dropped, (unsigned long long)observed);
    return true;
}

/* Which driver has the PCI device at PATH: DPDK reaches it through VFIO, or, of some makers,
 * through the kernel's own. */
static void look_at_binding(struct findings *findings, const char *subject, const char *path)
{
    char link[320], target[256];
    snprintf(link, sizeof link, "%.300s/driver", path);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    const char *driver = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
    if (!driver[0])
        findings_add(findings, FINDING_BAD, subject,
                     "has no driver: bind it to vfio-pci (operations.md, Binding a NIC)");
    else if (strcmp(driver, "vfio-pci") == 0)
        findings_add(findings, FINDING_GOOD, subject, "is bound to vfio-pci");
    else
        findings_add(findings, FINDING_NOTE, subject,
                     "is bound to %s: DPDK wants vfio-pci, unless this driver shares the device",
                     driver);
}

static void look_at_device(struct findings *findings, const char *device)
{
    char subject[80], path[300];
    snprintf(subject, sizeof subject, "source %.70s", device);
    size_t length = strcspn(device, ",");
    if (strncmp(device, "net_", 4) == 0 || strncmp(device, "eth_", 4) == 0) {
        findings_add(findings, FINDING_GOOD, subject, "a virtual device");
        return;
    }
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%.*s", (int)length, device);
    bool short_name = access(path, F_OK) != 0;
    if (short_name)
        snprintf(path, sizeof path, "/sys/bus/pci/devices/0000:%.*s", (int)length, device);
    if (access(path, F_OK) != 0)
        findings_add(findings, FINDING_BAD, subject, "there is no such PCI device; see lspci");
    else
        look_at_binding(findings, subject, path);
}

/* The observation points in DATA; returns how many there are. */
static unsigned look_at_points(struct findings *findings, const struct lyd_node *data, bool *dpdk)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow/observationPoint", &found) != LY_SUCCESS)
        return 0;
    unsigned count = found->count;
    for (uint32_t i = 0; i < count; i++) {
        const char *device = value_of(found->dnodes[i], "device");
        const char *interface = value_of(found->dnodes[i], "xdp/interface");
        const char *name = value_of(found->dnodes[i], "name");
        *dpdk = *dpdk || device;
        if (name && look_at_port(findings, data, name))
            continue;
        if (device)
            look_at_device(findings, device);
        else if (interface)
            look_at_interface(findings, interface);
    }
    ly_set_free(found, NULL);
    return count;
}

/* One entry of the leaf-list source, as of the option -i. */
static void look_at_source(struct findings *findings, const char *source, bool *dpdk)
{
    char name[128];
    const char *colon = strchr(source, ':');
    bool device = strncmp(source, "dpdk:", 5) == 0;
    bool named =
        device || strncmp(source, "xdp:", 4) == 0 || strncmp(source, "af_packet:", 10) == 0;
    const char *rest = named ? colon + 1 : source;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, ","), rest);
    *dpdk = *dpdk || device;
    if (device)
        look_at_device(findings, name);
    else if (named || !colon)
        look_at_interface(findings, name);
}

/* ---- where it sends ---- */

/* Whether the name is known and a route leads there; nothing is sent. */
static void look_at_collector(struct findings *findings, const char *host, const char *port)
{
    char subject[80];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *addresses = NULL;
    snprintf(subject, sizeof subject, "collector %.40s:%s", host, port);
    int failed = getaddrinfo(host, port, &hints, &addresses);
    if (failed) {
        findings_add(findings, FINDING_BAD, subject, "its name is not known: %s",
                     gai_strerror(failed));
        return;
    }
    int probe = socket(addresses->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0 || connect(probe, addresses->ai_addr, addresses->ai_addrlen) != 0)
        findings_add(findings, FINDING_BAD, subject, "no way leads there: %s; see ip route get",
                     strerror(errno));
    else
        findings_add(findings, FINDING_GOOD, subject, "a route leads there");
    if (probe >= 0)
        close(probe);
    freeaddrinfo(addresses);
}

/* How the probe says that its destinations are doing. */
static void look_at_sessions(struct findings *findings, const struct lyd_node *data)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow/state/exportingProcess/destination", &found) !=
        LY_SUCCESS)
        return;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct lyd_node *destination = found->dnodes[i];
        const struct lyd_node *connection = data_child(destination, "connection");
        const struct lyd_node *spool = data_child(destination, "spool");
        const char *state = data_text(connection, "state");
        uint64_t lost = data_sum(destination, "lost", "records");
        char subject[80];
        snprintf(subject, sizeof subject, "destination %.60s", data_text(destination, "name"));
        if (strcmp(state, "waiting") == 0)
            findings_add(findings, FINDING_BAD, subject, "there is no connection: %.200s",
                         data_text(connection, "lastError"));
        else if (strcmp(data_text(spool, "failing"), "true") == 0)
            findings_add(findings, FINDING_BAD, subject,
                         "its spool cannot be written: is the disk full?");
        else
            findings_add(findings, FINDING_GOOD, subject, "%s sent, %llu wait",
                         data_text(destination, "sent"),
                         (unsigned long long)(data_number(destination, "queued") +
                                              data_number(destination, "spooled")));
        if (lost)
            findings_add(findings, FINDING_NOTE, subject,
                         "%llu records were lost: spanflow status --json says for which reasons",
                         (unsigned long long)lost);
    }
    ly_set_free(found, NULL);
}

/* Brokers of Kafka: HOST[:PORT]. */
static void look_at_brokers(struct findings *findings, const struct lyd_node *data)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow/exportingProcess/destination/*/broker", &found) !=
        LY_SUCCESS)
        return;
    for (uint32_t i = 0; i < found->count; i++) {
        char host[320];
        snprintf(host, sizeof host, "%s", lyd_get_value(found->dnodes[i]));
        char *name = host[0] == '[' ? host + 1 : host;
        char *end = host[0] == '[' ? strchr(host, ']') : NULL;
        char *colon = strrchr(end ? end : host, ':');
        if (colon)
            *colon = 0;
        if (end)
            *end = 0;
        look_at_collector(findings, name, colon ? colon + 1 : "9092");
    }
    ly_set_free(found, NULL);
}

static void look_at_destinations(struct findings *findings, const struct lyd_node *data,
                                 bool expanded)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow/exportingProcess/destination/*", &found) !=
        LY_SUCCESS)
        return;
    bool any = false;
    for (uint32_t i = 0; i < found->count; i++) {
        const char *host = value_of(found->dnodes[i], "destinationAddress");
        const char *port = value_of(found->dnodes[i], "destinationPort");
        any = any || (found->dnodes[i]->schema->nodetype & LYS_CONTAINER);
        if (host)
            look_at_collector(findings, host, port ? port : "4739");
    }
    if (!any && expanded)
        findings_add(findings, FINDING_NOTE, "collectors",
                     "none is configured: spanflow config edit collector udp://HOST:PORT");
    ly_set_free(found, NULL);
    look_at_brokers(findings, data);
    look_at_sessions(findings, data);
}

/* ---- the probe ---- */

/* Keys that the configuration names: others must have no rights to them. */
static void look_at_keys(struct findings *findings, const struct lyd_node *data)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow//privateKey | /spanflow:spanflow/netconf/hostKey",
                       &found) != LY_SUCCESS)
        return;
    for (uint32_t i = 0; i < found->count; i++) {
        struct stat file;
        char subject[80];
        const char *path = lyd_get_value(found->dnodes[i]);
        snprintf(subject, sizeof subject, "key %.70s", path);
        if (stat(path, &file) != 0)
            findings_add(findings, FINDING_BAD, subject, "%s", strerror(errno));
        else if (file.st_mode & (S_IRWXG | S_IRWXO))
            findings_add(findings, FINDING_BAD, subject,
                         "others than its owner have rights to it: chmod 600");
        else
            findings_add(findings, FINDING_GOOD, subject, "is its owner's alone");
    }
    ly_set_free(found, NULL);
}

/* Tables in small pages make every packet slower. */
static void look_at_tables(struct findings *findings, const struct lyd_node *data)
{
    struct ly_set *found = NULL;
    if (lyd_find_xpath(data, "/spanflow:spanflow/state/cache", &found) != LY_SUCCESS)
        return;
    for (uint32_t i = 0; i < found->count; i++) {
        char subject[80];
        const char *pages = data_text(found->dnodes[i], "pages");
        bool is_small = strncmp(pages, "4 KiB", 5) == 0;
        snprintf(subject, sizeof subject, "cache %.60s", data_text(found->dnodes[i], "name"));
        findings_add(findings, is_small ? FINDING_NOTE : FINDING_GOOD, subject, "%llu MiB in %s%s",
                     (unsigned long long)(data_number(found->dnodes[i], "memory") >> 20), pages,
                     is_small ? ": reserve huge pages for it and restart the probe" : "");
    }
    ly_set_free(found, NULL);
}

/* The folders to which the probe writes. */
static void look_at_folders(struct findings *findings, const struct lyd_node *data)
{
    static const char *const places[] = {"/spanflow:spanflow/state/probe/store",
                                         "/spanflow:spanflow/stateDirectory",
                                         "/spanflow:spanflow/exportingProcess/spool/directory"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct ly_set *found = NULL;
        if (lyd_find_xpath(data, places[i], &found) != LY_SUCCESS)
            continue;
        for (uint32_t n = 0; n < found->count; n++) {
            look_at_folder(findings, lyd_get_value(found->dnodes[n]));
            if (strcmp(LYD_NAME(found->dnodes[n]), "store") == 0)
                look_at_store_owner(findings, lyd_get_value(found->dnodes[n]));
        }
        ly_set_free(found, NULL);
    }
    struct ly_set *files = NULL;
    if (lyd_find_xpath(data,
                       "/spanflow:spanflow/exportingProcess/destination/*/file | "
                       "/spanflow:spanflow/ledgerFile | /spanflow:spanflow/netconf/auditLog",
                       &files) != LY_SUCCESS)
        return;
    for (uint32_t n = 0; n < files->count; n++)
        look_at_folder_of(findings, lyd_get_value(files->dnodes[n]));
    ly_set_free(files, NULL);
}

/* A probe that does not answer: its stored configuration says what it would do. NULL if there is
 * none that can be read. */
static struct lyd_node *stored_configuration(struct findings *findings, struct ly_ctx *context,
                                             const char *store)
{
    char path[512];
    struct lyd_node *data = NULL;
    snprintf(path, sizeof path, "%.400s/running.json", store);
    if (access(path, F_OK) != 0)
        return NULL;
    if (lyd_parse_data_path(context, path, LYD_JSON, LYD_PARSE_ONLY, 0, &data) != LY_SUCCESS)
        findings_add(findings, FINDING_BAD, path, "cannot be read: %s", ly_errmsg(context));
    return data;
}

/* Where nothing answers: the sources of the stored configuration, and the store. */
static void look_at_stored(struct findings *findings, const char *store, bool *dpdk)
{
    struct error error = {""};
    struct ly_ctx *context = netconf_context_create(&error);
    if (!context) {
        findings_add(findings, FINDING_BAD, "modules", "%s", error.text);
        return;
    }
    struct lyd_node *data = stored_configuration(findings, context, store);
    struct ly_set *found = NULL;
    if (data && lyd_find_xpath(data, "/spanflow:spanflow/source", &found) == LY_SUCCESS) {
        for (uint32_t i = 0; i < found->count; i++)
            look_at_source(findings, lyd_get_value(found->dnodes[i]), dpdk);
        ly_set_free(found, NULL);
    }
    if (data) {
        look_at_points(findings, data, dpdk);
        look_at_destinations(findings, data, false);
        look_at_keys(findings, data);
        look_at_folders(findings, data);
    }
    lyd_free_all(data);
    ly_ctx_destroy(context);
    look_at_folder(findings, store);
    look_at_store_owner(findings, store);
}

static void look_at_running(struct findings *findings, const struct lyd_node *data, bool *dpdk)
{
    const char *balanced = value_of(data, "/spanflow:spanflow/state/ledger/balanced");
    if (balanced && strcmp(balanced, "false") == 0)
        findings_add(findings, FINDING_BAD, "probe",
                     "the books do not balance: this is a mistake in the program; please report "
                     "the output of spanflow ledger --json");
    else
        findings_add(findings, FINDING_GOOD, "probe", "runs and answers");
    if (look_at_points(findings, data, dpdk) == 0)
        findings_add(findings, FINDING_BAD, "sources",
                     "none is configured: spanflow config edit source xdp:IFNAME, then config "
                     "commit");
    look_at_tables(findings, data);
    look_at_destinations(findings, data, true);
    look_at_keys(findings, data);
    look_at_folders(findings, data);
}

static void look_at_probe(struct findings *findings, struct verb_call *call, bool *dpdk)
{
    struct error error = {""};
    struct lyd_node *data = NULL;
    const char *store = verb_option(call, "--store");
    if (!client_open(&call->client, call->socket, &error)) {
        findings_add(findings, FINDING_BAD, "probe", "%s", error.text);
        look_at_stored(findings, store ? store : store_folder, dpdk);
        return;
    }
    if (client_get(&call->client, CLIENT_OPERATIONAL, "/sf:spanflow", true, &data, &error))
        look_at_running(findings, data, dpdk);
    else
        findings_add(findings, FINDING_BAD, "probe", "%s", error.text);
    lyd_free_all(data);
    client_close(&call->client);
}

int verb_doctor(struct verb_call *call)
{
    struct findings *findings = calloc(1, sizeof *findings);
    bool dpdk = false;
    if (!findings)
        return verb_fail("no memory");
    look_at_probe(findings, call, &dpdk);
    look_at_huge_pages(findings, dpdk);
    look_at_clock(findings);
    look_at_user(findings);
    bool good = findings_print(findings, call->json);
    free(findings);
    return good ? VERB_DONE : VERB_FAILED;
}
