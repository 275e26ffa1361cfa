/*
 * Writes the corpus of tests/fuzz/fuzz_parse.c from the catalogue of frames: one input for each
 * frame, and one with a first and a later fragment. Run by hand when the catalogue grows.
 * Usage: write_parse_corpus FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame_case.h"

static FILE *open_input(const char *folder, const char *name, unsigned link, unsigned flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    fputc((int)link, file);
    fputc((int)flags, file);
    return file;
}

static void write_packet(FILE *file, const struct frame *frame)
{
    uint32_t more = frame->wire_length > frame->length ? frame->wire_length - frame->length : 0;
    if (more > 0xffff)
        more = 0xffff;
    const uint8_t head[5] = {(uint8_t)(frame->length >> 8), (uint8_t)frame->length,
                             (uint8_t)(more >> 8), (uint8_t)more, 1};
    fwrite(head, 1, sizeof head, file);
    fwrite(frame->data, 1, frame->length, file);
}

static void close_input(FILE *file, const char *name)
{
    if (ferror(file) || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

static void write_case(const char *folder, const struct frame_case *entry)
{
    struct frame frame = {0};
    entry->build(&frame);
    unsigned flags = 1;
    if (entry->facts & (PACKET_FACT_FIRST_FRAGMENT | PACKET_FACT_LATER_FRAGMENT))
        flags |= 2;
    if (entry->tunnels)
        flags |= 4;
    FILE *file = open_input(folder, entry->name, frame.link, flags);
    write_packet(file, &frame);
    close_input(file, entry->name);
}

/* The fuzzer cuts frames by itself, and the same frame with other tunnels opened is one input. */
static bool is_wanted(const struct frame_case *entry, const struct frame_case *previous)
{
    size_t length = strlen(entry->name);
    bool cut = length > 4 && strcmp(entry->name + length - 4, "_cut") == 0;
    return !cut && (previous == NULL || previous->build != entry->build);
}

static void write_fragments(const char *folder)
{
    struct frame frames[2] = {0};
    FILE *file = open_input(folder, "fragments", LINK_ETHERNET, 3);
    for (unsigned i = 0; i < 2; i++) {
        frame_ethernet(&frames[i], 0x86dd);
        frame_ipv6(&frames[i], 0, 44);
        frame_ipv6_fragment(&frames[i], 17, 5, i, i == 0);
        frame_fill(&frames[i], 9, 8);
        frame_close(&frames[i]);
        write_packet(file, &frames[i]);
    }
    close_input(file, "fragments");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: write_parse_corpus FOLDER\n");
        return 2;
    }
    for (const struct frame_case *const *list = frame_cases; *list != NULL; list++) {
        const struct frame_case *previous = NULL;
        for (const struct frame_case *entry = *list; entry->name != NULL; entry++) {
            if (is_wanted(entry, previous))
                write_case(argv[1], entry);
            previous = entry;
        }
    }
    write_fragments(argv[1]);
    return 0;
}
