/*
 * Files of the store: whole or not at all, and the text of a version.
 *
 * One thread. Failures leave their reason in errno.
 */
#ifndef SPANFLOW_NETCONF_STORE_FILE_H
#define SPANFLOW_NETCONF_STORE_FILE_H

#include "store.h"

/* Reads the file NAME of FOLDER into *TEXT, to be freed. At most 64 MiB (EFBIG). */
bool store_file_read(int folder, const char *name, char **text);

/* Makes TEXT the file NAME (mode 0640) of FOLDER: once it returned true it survives a loss of
 * power, and before that the old file is there. */
bool store_file_write(int folder, const char *name, const char *text);

/* VERSION with the configuration TEXT (JSON) as one text, to be freed; NULL when TEXT is no JSON
 * (EINVAL) or there is no memory. */
char *store_version_text(const struct store_version *version, const char *text);

/* Reads what store_version_text() made: VERSION, and the configuration in *TEXT (may be NULL), to
 * be freed. */
bool store_version_read(const char *whole, struct store_version *version, char **text);

#endif
