/*
 * The whole configuration of a probe as plain values, made from a validated spanflow.yang tree by
 * model.h and read by everything else. Immutable once made.
 */
#ifndef SPANFLOW_CONFIG_PROBE_CONFIG_H
#define SPANFLOW_CONFIG_PROBE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "exporting_process.h"
#include "flow/flow_admission.h"
#include "packet/packet_source.h"
#include "packet/source_xdp.h"

enum { SOURCES_MAX = 16, PREFIXES_MAX = 1024, WORKERS_MAX = 64 };

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
};

struct probe_config {
    bool offline; /* capture files are read; packet time is the clock */
    uint32_t source_count;
    struct source_config sources[SOURCES_MAX]; /* live */
    uint32_t file_count;
    char **files; /* offline: paths, "-" = standard input; owned */

    uint64_t active_timeout_ns; /* 0 = never */
    uint64_t idle_timeout_ns;   /* 0 = never */
    uint64_t tcp_linger_ns;     /* 0 = at once */
    uint32_t flows_max;         /* whole probe, divided by workers */
    uint32_t workers;
    uint32_t worker_cpu_count; /* 0, or workers */
    uint16_t worker_cpus[WORKERS_MAX];
    bool hash_ports;               /* packets are spread over workers by ports, too */
    struct flood_policy flood;     /* rate of new flows: whole probe, divided by workers */
    uint32_t kernel_flows;         /* that the kernel counts; 0 = none */
    uint32_t kernel_after_packets; /* a flow is handed to the kernel when it has so many */
    uint32_t sampling_interval;    /* N of 1/N; 1 = every packet */
    uint64_t duplicate_window_ns;  /* 0 = copies are metered */

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
    char spool_directory[512];  /* "" = none */
    uint64_t spool_octets_max;  /* bound of its files */

    struct applications_config applications;

    struct exporting_process_config exporting; /* interfaces are filled in at start */
};

#endif
