/* The option --snapshot: a folder and words. See options.h. */
#include "options.h"

#define SNAPSHOT "/spanflow/snapshot/"

const struct option_word option_snapshot_words[] = {
    {.word = "length=headers|everything|OCTETS",
     .leaf = SNAPSHOT "snapLength",
     .help = "how much of each packet is kept; headers ends before payload and is the default"},
    {.word = "size=MIB",
     .leaf = SNAPSHOT "diskSize",
     .help = "the space on disk, taken at the start; 0 = memory alone"},
    {.word = "memory=MIB", .leaf = SNAPSHOT "memorySize", .help = "memory of each worker"},
    {.word = "cutoff-packets=N",
     .leaf = SNAPSHOT "cutoffPackets",
     .help = "keep so many packets of each flow; 0 = any number"},
    {.word = "cutoff-octets=N",
     .leaf = SNAPSHOT "cutoffOctets",
     .help = "keep packets of a flow until it has so many octets; 0 = any number"},
    {.word = "flush=SECONDS",
     .leaf = SNAPSHOT "flushInterval",
     .help = "write a block that is not full after this time"},
    {.word = "age=SECONDS",
     .leaf = SNAPSHOT "maximumAge",
     .help = "delete what is older even if there is room"},
    {.word = "wanted=SECONDS",
     .leaf = SNAPSHOT "wantedAge",
     .help = "say so if packets are held for a shorter time; 0 = any will do"},
    {.word = "rate=MIB",
     .leaf = SNAPSHOT "extractRate",
     .help = "how much a query reads in a second; 0 = as fast as it goes"},
    {.word = "freeze=PERCENT",
     .leaf = SNAPSHOT "freezeLimit",
     .help = "how much of the space freezes may pin"},
    {.word = "notice=TEXT",
     .leaf = SNAPSHOT "notice",
     .help = "a text without commas for users and extracts"},
    {0},
};

bool option_snapshot_apply(struct option_state *state, const struct option_description *option,
                           const char *argument, struct error *error)
{
    (void)option;
    return config_tree_set(state->tree, SNAPSHOT "enabled", "true", error) &&
           option_folder_apply(
               state, SNAPSHOT "directory", option_snapshot_words, argument,
               "nothing that --snapshot knows; give length=, size=, memory=, cutoff-packets=, "
               "cutoff-octets=, flush=, age=, wanted=, rate=, freeze= or notice=",
               error);
}
