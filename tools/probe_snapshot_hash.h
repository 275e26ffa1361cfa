/* The hash of the configuration that segments carry (MD5, to compare, as state shows it). Private
 * to the files of the ring. */
#ifndef SPANFLOW_TOOLS_PROBE_SNAPSHOT_HASH_H
#define SPANFLOW_TOOLS_PROBE_SNAPSHOT_HASH_H

/* In hexadecimal; "" as long as no configuration was told. Main thread. */
const char *probe_snapshot_hash(void);

#endif
