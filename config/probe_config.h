/*
 * The whole configuration of a probe as plain values, made from a validated spanflow.yang tree by
 * model.h and read by everything else. Immutable once made.
 */
#ifndef SPANFLOW_CONFIG_PROBE_CONFIG_H
#define SPANFLOW_CONFIG_PROBE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/watch_set.h"
#include "exporting_process.h"
#include "flow/flow_admission.h"
#include "flow/flow_names.h"
#include "packet/packet_source.h"
#include "packet/source_xdp.h"

enum { SOURCES_MAX = 16, PREFIXES_MAX = 1024, WORKERS_MAX = 64, CACHES_MAX = 4 };
enum { CUTOFF_CLASSES_MAX = 16, CUTOFF_CLASS_WORDS_MAX = 64 };

struct source_config {
    char name[32];      /* key of the entry, and the interface name that records carry */
    char device[512];   /* DPDK: PCI address or vdev string with the driver's own words; "" = XDP */
    char interface[32]; /* XDP: the kernel's name of it, "" = DPDK */
    struct source_xdp_options xdp;
    uint32_t ifindex; /* 0 = find or derive */
    enum interface_role role;
    char filter[512];             /* libpcap expression, "" = none */
    uint32_t receive_descriptors; /* of each receive queue */
    bool device_time;             /* the device's clock is wanted */
};

/* An address prefix. IPv4 in the first four bytes. Network byte order. */
struct prefix {
    uint8_t address[16];
    uint8_t family; /* 4 or 6 */
    uint8_t length; /* bits */
};

struct applications_config {
    bool wanted;          /* are looked for */
    bool shipped;         /* by the rules that come with the probe */
    uint32_t file_count;  /* rule files besides */
    char **files;         /* owned */
    char store[1024];     /* folder for compiled rules */
    uint32_t packets;     /* with payload, of each direction */
    uint32_t octets;      /* of each packet */
    uint32_t scans_per_s; /* whole probe, divided by workers; 0: no bound */
    uint32_t time_share;  /* percent of a worker's time; 0: no bound */
};

/* What becomes of findings of rules and lists. */
struct alerts_config {
    uint8_t minimum;        /* enum severity: less grave ones raise no alert */
    uint8_t freeze_minimum; /* the same for freezes; SEVERITY_COUNT: none by severity */
    bool freeze_by_rule;    /* those whose rule says freeze */
    uint32_t held_max;
    uint32_t notifications_per_minute; /* 0 = none */
    uint32_t before_s;                 /* the window that is frozen, as the next */
    uint32_t after_s;
    uint32_t freezes_max;
    uint32_t expiry_s;
};

/* Lists that flows are compared with. */
struct list_config {
    struct watch_list list; /* as configured; number and entries are 0 */
    char file[1024];
};
struct lists_config {
    uint32_t count;
    struct list_config lists[WATCH_LISTS_MAX];
    char brands[1024]; /* file, "default" = the one that comes with the probe, "" = none are told */
};

/* The names inside flows. */
struct names_config {
    struct flow_names wanted; /* all 0: none is looked for */
    char key_file[1024];      /* the secret of hashed ones */
};

/* A cache and the exporting process that takes its records, and no other's. */
struct cache_config {
    char name[64];
    uint64_t active_timeout_ns;    /* 0 = never */
    uint64_t idle_timeout_ns;      /* 0 = never */
    uint64_t tcp_linger_ns;        /* 0 = at once */
    uint32_t flows_max;            /* of all workers, divided by their number */
    struct flood_policy flood;     /* rate of new flows: of all workers, divided by their number */
    uint32_t kernel_flows;         /* that the kernel counts; 0 = none */
    uint32_t kernel_after_packets; /* a flow is handed to the kernel when it has so many */

    char exporter_name[64];
    struct exporting_process_config exporting; /* interfaces are filled in at start */
    char spool_directory[512];                 /* "" = none */
    uint64_t spool_octets_max;                 /* bound of its files */
};

/* Flows of which more or less is kept. */
struct cutoff_class_config {
    char name[64];
    uint32_t prefix_count;
    struct prefix prefixes[CUTOFF_CLASS_WORDS_MAX];
    uint32_t port_count;
    uint16_t ports[CUTOFF_CLASS_WORDS_MAX];
    uint32_t application_count;
    char applications[CUTOFF_CLASS_WORDS_MAX][64];
    uint64_t cutoff_packets; /* 0 = none, as the next */
    uint64_t cutoff_octets;
};

/* Flow records that are kept beside the ring: the destination that writes them is in the exporting
 * process of one cache. */
#define HISTORY_DESTINATION "flow-history"
struct flow_history_config {
    bool enabled;
    char exporter[64]; /* name of the exporting process, "" = that of the first cache */
    uint64_t octets_max;
    uint64_t maximum_age_s;
    uint64_t wanted_age_s; /* 0 = none */
};

/* The snapshot ring. */
struct snapshot_config {
    bool enabled;
    char directory[1024];
    uint32_t memory_mib; /* of each worker */
    uint32_t disk_mib;   /* 0 = memory alone */
    /* Octets of each packet; 0: up to the end of the transport header; UINT32_MAX: all. */
    uint32_t snap_length;
    uint64_t cutoff_packets; /* of flows of no class; 0 = none, as the next */
    uint64_t cutoff_octets;
    uint32_t class_count;
    struct cutoff_class_config classes[CUTOFF_CLASSES_MAX];
    uint64_t flush_interval_ns;
    uint64_t maximum_age_ns;
    uint64_t wanted_age_ns;     /* 0 = none */
    char notice[4096];          /* "" = none */
    uint32_t extract_mib_per_s; /* 0 = any */
    uint32_t freeze_percent;    /* of the disk */
    struct flow_history_config history;
};

struct probe_config {
    bool offline; /* capture files are read; packet time is the clock */
    uint32_t source_count;
    struct source_config sources[SOURCES_MAX]; /* live */
    uint32_t file_count;
    char **files; /* offline: paths, "-" = standard input; owned */

    /* Each cache meters every packet that is selected; the first is the one whose account is told
     * where there is room for one only. */
    uint32_t cache_count; /* 1 at least */
    struct cache_config caches[CACHES_MAX];

    uint32_t workers;
    uint32_t worker_cpu_count; /* 0, or workers */
    uint16_t worker_cpus[WORKERS_MAX];
    bool hash_ports;              /* packets are spread over workers by ports, too */
    uint32_t sampling_interval;   /* N of 1/N; 1 = every packet */
    uint64_t duplicate_window_ns; /* 0 = copies are metered */

    char selection_name[64];
    char filter[1024]; /* libpcap expression, "" = none */
    uint32_t ignore_count;
    struct prefix ignore[PREFIXES_MAX];
    uint32_t local_count;
    struct prefix local[PREFIXES_MAX];
    bool vlan_in_key;
    uint32_t tunnels; /* set of enum tunnel_kind */
    bool fragment_table;

    char ledger_path[1024];     /* "" = none, "-" = stdout */
    char state_directory[1024]; /* "" = none */

    uint32_t drop_threshold; /* packets dropped in a second that are told; 0 = never */

    struct applications_config applications;
    struct lists_config lists;
    struct alerts_config alerts;
    struct names_config names;
    struct snapshot_config snapshot;
};

#endif
