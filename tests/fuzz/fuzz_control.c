/*
 * Fuzz target: the input is what the NETCONF process sends to the daemon. Every frame that comes
 * out keeps the promises of the header; anything else ends the channel with one line, however the
 * octets are torn.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "control/control_channel.h"

enum { INPUT_MAX = 100000 }; /* what a socket takes at once */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_frames(struct control_channel *channel, size_t *octets, bool *gone)
{
    struct control_frame frame;
    struct error error = {""};
    enum control_receive result;
    while ((result = control_channel_receive(channel, &frame, &error)) == CONTROL_RECEIVE_FRAME) {
        check(frame.type == CONTROL_APPLY || frame.type == CONTROL_STATE ||
              frame.type == CONTROL_RPC || frame.type == CONTROL_KEEP ||
              frame.type == CONTROL_TAKEN);
        check(strlen(frame.body) == frame.length && frame.length <= CONTROL_BODY_MAX);
        *octets += sizeof(struct control_header) + frame.length;
        control_frame_clear(&frame);
    }
    *gone |= result == CONTROL_RECEIVE_GONE;
    check(result != CONTROL_RECEIVE_GONE || error.text[0]);
}

/* The octets of whole frames when they come in PIECE octets at a time. */
static size_t feed(const uint8_t *data, size_t size, size_t piece)
{
    int pair[2];
    struct error error = {""};
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct control_channel *channel = control_channel_create(pair[0], &error);
    check(channel);
    size_t octets = 0;
    bool gone = false;
    for (size_t done = 0; done < size && !gone; done += piece) {
        size_t part = size - done < piece ? size - done : piece;
        check(send(pair[1], data + done, part, MSG_NOSIGNAL) == (ssize_t)part);
        take_frames(channel, &octets, &gone);
    }
    close(pair[1]);
    if (!gone)
        take_frames(channel, &octets, &gone);
    check(gone);
    control_channel_destroy(channel);
    return octets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    check(feed(data, size, INPUT_MAX) == feed(data, size, 7));
    return 0;
}
