/*
 * The way from main() to a configuration: arguments, and the file of -c, through the tree of
 * spanflow.yang into a probe_config. Control thread, once at the start.
 */
#ifndef SPANFLOW_CONFIG_COMMAND_LINE_H
#define SPANFLOW_CONFIG_COMMAND_LINE_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_config.h"

/* Where things are if no option says another place. */
#define STORE_DIRECTORY "/var/lib/spanflow"
#define CONTROL_SOCKET  "/run/spanflow/control.sock"

/* Refuses a run for which nothing is configured; for the folder of --store. */
#define NOTHING_STORED                                                                             \
    "no options, and no configuration is stored in %.300s; give a source and a destination "       \
    "(-i, -e), or a file (-c); see spanflowd --help"

/* What a run is, besides its configuration. Free it with run_options_free(). */
struct run_options {
    bool volatile_run;      /* nothing stored is read or written */
    bool managed;           /* NETCONF is served at the control socket */
    bool managed_by_option; /* because --control says so */
    bool unconfigured;      /* nothing is stored: what is to be done comes by NETCONF */
    bool replaces_stored;   /* the configuration is that of -c, and takes the place of the stored */
    char store[1024];       /* folder of the stored configuration */
    char control[108];      /* path of the local socket */
    char *configuration;    /* {"spanflow:spanflow":{...}} as given, no defaults; owned */
    char *access;           /* {"ietf-netconf-acm:nacm":{...}} beside it, NULL if none; owned */
};

enum command_line_result {
    COMMAND_LINE_RUN,    /* *CONFIG is set; run the probe */
    COMMAND_LINE_CHECK,  /* *CONFIG is set; look at its files and say that it is good; exit 0 */
    COMMAND_LINE_DONE,   /* --help or --version was answered; exit 0 */
    COMMAND_LINE_REFUSED /* ERROR names the option or leaf; print it and exit 2 */
};

/*
 * Reads ARGV as main() got it. On COMMAND_LINE_RUN and COMMAND_LINE_CHECK *CONFIG is a new
 * configuration that the caller gives to probe_config_free(); otherwise it is NULL. RUN is set to
 * what the options say of the run and given to run_options_free() in any case. ARGV is not kept.
 * Answers to --help and --version go to the standard output.
 *
 * Without options the configuration is the stored one, or, if there is none, an empty one; -c alone
 * takes another in its place; any other option but --store, --control and --check makes the run
 * volatile.
 */
enum command_line_result config_from_command_line(int argc, char *const argv[],
                                                  struct probe_config **config,
                                                  struct run_options *run, struct error *error);

/* Frees what RUN owns; all zeros are fine. */
void run_options_free(struct run_options *run);

/* Says on the standard output that CONFIG is good. */
void config_print_checked(const struct probe_config *config);

#endif
