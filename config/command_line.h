/*
 * The way from main() to a configuration: arguments, and the file of -c, through the tree of
 * spanflow.yang into a probe_config. Control thread, once at the start.
 */
#ifndef SPANFLOW_CONFIG_COMMAND_LINE_H
#define SPANFLOW_CONFIG_COMMAND_LINE_H

#include "base/error.h"
#include "probe_config.h"

enum command_line_result {
    COMMAND_LINE_RUN,    /* *CONFIG is set; run the probe */
    COMMAND_LINE_DONE,   /* --help, --version or --check was answered; exit 0 */
    COMMAND_LINE_REFUSED /* ERROR names the option or leaf; print it and exit 2 */
};

/*
 * Reads ARGV as main() got it. On COMMAND_LINE_RUN *CONFIG is a new configuration that the caller
 * gives to probe_config_free(); otherwise it is NULL. ARGV is not kept. Answers to --help,
 * --version and --check go to the standard output.
 */
enum command_line_result config_from_command_line(int argc, char *const argv[],
                                                  struct probe_config **config,
                                                  struct error *error);

#endif
