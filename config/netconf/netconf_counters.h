/*
 * What the NETCONF process counts for a person who looks for a reason, in /spanflow/state/netconf:
 * one table for the values, their names there and what the manual and the state say of them. Those
 * of a process begin at 0 with it; those of the daemon (state.h) outlive it.
 */
#ifndef SPANFLOW_NETCONF_NETCONF_COUNTERS_H
#define SPANFLOW_NETCONF_NETCONF_COUNTERS_H

#include <stdint.h>

#define NETCONF_COUNTERS(X)                                                                        \
    X(failed_logins, "logins over SSH or TLS that were refused")                                   \
    X(refused_sessions, "connections refused because there were too many")                         \
    X(refused_messages, "sessions ended for a message that is too large or not framed right")      \
    X(bad_hellos, "sessions that did not begin as NETCONF does")                                   \
    X(slow_readers, "sessions cut off because they did not read")                                  \
    X(dropped_subscribers, "subscriptions ended because events waited too long for their reader")  \
    X(unlogged_events, "notifications that could not be written to the log for replay")            \
    X(log_damages, "places of that log that were damaged and left out")                            \
    X(events_no_room, "events of the daemon that found no room in the NETCONF process")            \
    X(audit_failures, "lines that could not be written to the audit log")

#define NETCONF_COUNTER_FIELD(name, help) uint64_t name; /* help */
struct netconf_counters {
    NETCONF_COUNTERS(NETCONF_COUNTER_FIELD)
};

#endif
