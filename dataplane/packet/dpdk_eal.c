/* Start and end of DPDK's environment. See dpdk_eal.h. */
#include "packet/dpdk_eal.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64, BASE_MEMORY_OCTETS = 64 * 1024 * 1024 };

/* The first line that DPDK wrote since the last reset. */
static char reason[256];
static bool started;
static bool ended;
static bool has_pci;          /* devices on the PCI bus can be had */
static uint64_t octets_fixed; /* for packet buffers, for good; 0: huge pages are taken as needed */
static pthread_key_t thread_key;

static ssize_t keep_line(void *cookie, const char *text, size_t size)
{
    (void)cookie;
    if (reason[0] == '\0') {
        size_t length = 0;
        while (length < size && text[length] != '\n' && length < sizeof reason - 1)
            length++;
        memcpy(reason, text, length);
        reason[length] = '\0';
    }
    return (ssize_t)size;
}

void dpdk_eal_forget_reason(void)
{
    reason[0] = '\0';
}

const char *dpdk_eal_reason(int error_number)
{
    return reason[0] ? reason : rte_strerror(error_number);
}

/* The number in /sys/kernel/mm/hugepages/SIZE/NAME. */
static uint64_t huge_page_count(const char *size, const char *name)
{
    char path[512];
    char text[32] = "";
    snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/%s/%s", size, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    uint64_t count = fgets(text, sizeof text, file) ? strtoul(text, NULL, 10) : 0;
    fclose(file);
    return count;
}

/* Octets of huge pages that nobody uses and nobody has a promise of. */
static uint64_t free_huge_octets(void)
{
    static const char prefix[] = "hugepages-";
    DIR *directory = opendir("/sys/kernel/mm/hugepages");
    uint64_t octets = 0;
    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        uint64_t kibibytes = strtoul(entry->d_name + sizeof prefix - 1, NULL, 10);
        uint64_t unused = huge_page_count(entry->d_name, "free_hugepages");
        uint64_t promised = huge_page_count(entry->d_name, "resv_hugepages");
        if (unused > promised)
            octets += (unused - promised) * kibibytes * 1024;
    }
    closedir(directory);
    return octets;
}

struct arguments {
    int count;
    char *values[ARGUMENTS_MAX];
    char text[ARGUMENTS_MAX][640];
};

static void add(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct arguments *arguments, const char *format, ...)
{
    if (arguments->count == ARGUMENTS_MAX - 1)
        return;
    char *text = arguments->text[arguments->count];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof arguments->text[0], format, values);
    va_end(values);
    arguments->values[arguments->count++] = text;
}

/* Without one it cannot be told what addresses devices on it would need: it stays closed then. */
static void add_devices(struct arguments *arguments, const struct dpdk_device *const devices[],
                        uint32_t count)
{
    bool pci = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!devices[i]->pci || arguments->count >= ARGUMENTS_MAX - 4)
            continue;
        pci = true;
        add(arguments, "--allow");
        add(arguments, "%s", devices[i]->words);
    }
    has_pci = pci;
    if (!pci) {
        add(arguments, "--no-pci");
        add(arguments, "--iova-mode=va");
    }
}

/* The first CPU this process may use. */
static size_t first_cpu(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &set))
                return cpu;
    return 0;
}

static void add_memory(struct arguments *arguments, uint64_t octets, struct source_notes *notes)
{
    uint64_t mebibytes = (octets + BASE_MEMORY_OCTETS) >> 20;
    if (free_huge_octets() >= octets + BASE_MEMORY_OCTETS) {
        add(arguments, "--in-memory");
        /* A memif with zero copy hands its peer one descriptor for all of it. */
        add(arguments, "--single-file-segments");
        /* Some drivers forget small pieces when they are closed. Memory that was taken at once is
         * kept whole then and used for the next device, not given back but for a page or two. */
        add(arguments, "--match-allocations");
        return;
    }
    source_note(notes,
                "dpdk: %lu MiB of free huge pages are missing: packets take about twice the time; "
                "as root raise /proc/sys/vm/nr_hugepages by %lu",
                (unsigned long)mebibytes, (unsigned long)(mebibytes / 2 + 1));
    add(arguments, "--no-huge");
    add(arguments, "--no-shconf");
    add(arguments, "-m");
    /* A pool wants one piece of memory, and another configuration may want more. What is not used
     * is not touched and costs nothing. */
    add(arguments, "%lu", (unsigned long)(4 * mebibytes));
    octets_fixed = 2 * octets;
}

static void leave_thread(void *value)
{
    (void)value;
    rte_thread_unregister();
}

bool dpdk_eal_start(const struct dpdk_device *const devices[], uint32_t count,
                    uint64_t memory_octets, struct source_notes *notes, struct error *error)
{
    static const cookie_io_functions_t functions = {.write = keep_line};
    static struct arguments arguments; /* EAL keeps pointers into its arguments */
    uint32_t wrong;
    if (ended) {
        error_set(error, "dpdk: can be started only once in a process");
        return false;
    }
    if (started)
        return dpdk_eal_fits(devices, count, memory_octets, &wrong, error);
    FILE *log = fopencookie(NULL, "w", functions);
    if (log) {
        setvbuf(log, NULL, _IOLBF, 1024);
        rte_openlog_stream(log);
    }
    add(&arguments, "spanflow");
    add_memory(&arguments, memory_octets, notes);
    add_devices(&arguments, devices, count);
    add(&arguments, "--no-telemetry");
    add(&arguments, "--log-level=*:error");
    add(&arguments, "--lcores");
    add(&arguments, "0@%zu", first_cpu());
    /* EAL binds the calling thread to one CPU; later threads would inherit that. */
    cpu_set_t affinity;
    bool known = sched_getaffinity(0, sizeof affinity, &affinity) == 0;
    dpdk_eal_forget_reason();
    int result = rte_eal_init(arguments.count, arguments.values);
    if (known)
        sched_setaffinity(0, sizeof affinity, &affinity);
    if (result < 0) {
        error_set(error, "dpdk: cannot start: %s", dpdk_eal_reason(rte_errno));
        return false;
    }
    started = true;
    pthread_key_create(&thread_key, leave_thread);
    return true;
}

bool dpdk_eal_fits(const struct dpdk_device *const devices[], uint32_t count,
                   uint64_t memory_octets, uint32_t *wrong, struct error *error)
{
    for (uint32_t i = 0; started && i < count; i++) {
        *wrong = i;
        if (!devices[i]->pci || has_pci)
            continue;
        error_set(error,
                  "dpdk:%s: DPDK runs without the PCI bus, because no device of it was configured "
                  "at the start; restart the daemon with this configuration",
                  devices[i]->name);
        return false;
    }
    if (octets_fixed == 0 || memory_octets <= octets_fixed)
        return true;
    *wrong = 0;
    error_set(error,
              "dpdk: runs without huge pages and with memory for %lu MiB of packet buffers, these "
              "devices need %lu; restart the daemon with this configuration",
              (unsigned long)(octets_fixed >> 20), (unsigned long)(memory_octets >> 20));
    return false;
}

void dpdk_eal_join_thread(void)
{
    static _Thread_local bool joined;
    if (joined || rte_lcore_id() != LCORE_ID_ANY)
        return;
    joined = true;
    if (rte_thread_register() == 0)
        pthread_setspecific(thread_key, &joined);
}

void dpdk_eal_stop(void)
{
    if (started)
        rte_eal_cleanup();
    ended = ended || started;
    started = false;
}
