/*
 * Lines of spanflow-netconf for its log, which is the daemon's: the standard error output.
 */
#ifndef SPANFLOW_NETCONF_LOG_H
#define SPANFLOW_NETCONF_LOG_H

/* Writes one line, whole, with the name of the process before it. What is not printable
 * ASCII becomes question marks, because strangers choose some of the words. Any thread. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
