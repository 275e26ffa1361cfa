/*
 * What clients are told when a new version of the program has another YANG library than the one
 * that served before it: yang-library-update of RFC 8525 and netconf-capability-change of RFC 6470.
 * Nothing of it changes while the process runs.
 */
#ifndef SPANFLOW_NETCONF_LIBRARY_NEWS_H
#define SPANFLOW_NETCONF_LIBRARY_NEWS_H

#include "notifications.h"

/* Publishes both, at NOW_NS (wall clock), if the file library.json of the store's folder FOLDER has
 * another content-id than CONTEXT, and keeps that of CONTEXT there. A folder without the file, as
 * of a first start, gets it without a word. What cannot be kept is told again after the next start.
 * At the start, when nobody can have subscribed: it is for those who have events replayed. */
void library_news(const struct ly_ctx *context, struct notifications *notifications,
                  const char *folder, uint64_t now_ns);

#endif
