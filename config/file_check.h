/*
 * The files that a configuration names and that must be good before a probe starts: keys,
 * certificates, authorities, rules of applications, lists. A separate step, since whoever only
 * reads a configuration need not have them. Control thread.
 */
#ifndef SPANFLOW_CONFIG_FILE_CHECK_H
#define SPANFLOW_CONFIG_FILE_CHECK_H

#include "app/application_rules.h"
#include "base/error.h"
#include "probe_config.h"

/* False and ERROR for the first key, certificate or authority that cannot be read or is not what it
 * should be; ERROR names the option or the leaf, and the file. Nothing is written or connected. */
bool config_check_files(const struct probe_config *config, struct error *error);
/* The same of rules and lists, which are read and compiled: that takes seconds. */
bool config_check_rules_and_lists(const struct probe_config *config, struct error *error);

/* Whether the certificates, keys and authorities of NETCONF servers and calls home in TEXT, a
 * configuration as JSON, are there and hold what they should: for --check, since a probe that runs
 * waits for them. False and ERROR, as above. */
bool config_check_netconf_files(const char *text, struct error *error);

/* Reads the rules that CONFIG wants into RULES, which starts zeroed. False and ERROR (file, line,
 * reason): RULES must be given up with application_rules_free(). */
bool config_read_rules(const struct applications_config *config, struct application_rules *rules,
                       struct error *error);

/* Whether the file of the ledger can be made where CONFIG wants it. False and ERROR, which begins
 * with the leaf. */
bool config_check_ledger(const struct probe_config *config, struct error *error);

#endif
