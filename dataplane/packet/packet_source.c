/* What all sources have in common beyond the contract: waiting for several at once. */
#include "packet/packet_source.h"

void packet_sources_wait(struct packet_source *const sources[], const bool ended[], uint32_t count,
                         uint64_t until_ns)
{
    struct packet_source *sleeper = NULL;
    for (uint32_t s = 0; s < count; s++) {
        if (ended[s])
            continue;
        if (!sources[s]->ops->wait || sleeper)
            return;
        sleeper = sources[s];
    }
    if (sleeper)
        sleeper->ops->wait(sleeper, until_ns);
}
