/* The counting collector. See receiver.h. */
#include "perf/bench/receiver.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "perf/bench/measure.h"

enum { BURST = 64, DATAGRAM_MAX = 2048, SOCKET_OCTETS = 64 << 20, WAIT_US = 100000 };

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* One template set: the sum of its fields' lengths is the length of a record. */
static void learn(struct receiver *receiver, const uint8_t *at, const uint8_t *end, bool ipfix)
{
    while (end - at >= 4) {
        uint32_t id = get16(at), fields = get16(at + 2), octets = 0;
        at += 4;
        if (id < 256)
            return;
        for (; fields && end - at >= 4; fields--) {
            octets += get16(at + 2);
            at += ipfix && at[0] & 0x80 ? 8 : 4;
        }
        receiver->record_octets[id] = octets;
    }
}

static uint64_t count_records(struct receiver *receiver, const uint8_t *message, uint32_t octets)
{
    bool ipfix = octets >= 2 && get16(message) == 10;
    uint64_t records = 0;
    const uint8_t *at = message + (ipfix ? 16 : 20), *end = message + octets;
    while (end - at >= 4) {
        uint32_t id = get16(at), length = get16(at + 2);
        if (length < 4 || length > end - at)
            break;
        if (id == (ipfix ? 2u : 0u))
            learn(receiver, at + 4, at + length, ipfix);
        else if (id >= 256 && receiver->record_octets[id])
            records += (length - 4) / receiver->record_octets[id];
        at += length;
    }
    return records;
}

static void *receive_all(void *argument)
{
    struct receiver *receiver = argument;
    static uint8_t space[BURST][DATAGRAM_MAX];
    struct iovec parts[BURST];
    struct mmsghdr datagrams[BURST];
    memset(datagrams, 0, sizeof datagrams);
    for (unsigned i = 0; i < BURST; i++) {
        parts[i] = (struct iovec){space[i], DATAGRAM_MAX};
        datagrams[i].msg_hdr.msg_iov = &parts[i];
        datagrams[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        bool last = atomic_load(&receiver->stop);
        int count = recvmmsg(receiver->socket, datagrams, BURST, MSG_WAITFORONE, NULL);
        if (count <= 0 && last)
            return NULL;
        for (int i = 0; i < count; i++) {
            receiver->records += count_records(receiver, space[i], datagrams[i].msg_len);
            receiver->messages++;
        }
    }
}

void receiver_start(struct receiver *receiver)
{
    memset(receiver, 0, sizeof *receiver);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int octets = SOCKET_OCTETS;
    struct timeval wait = {0, WAIT_US};
    receiver->socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (receiver->socket < 0 || bind(receiver->socket, (struct sockaddr *)&address, length) != 0 ||
        getsockname(receiver->socket, (struct sockaddr *)&address, &length) != 0 ||
        setsockopt(receiver->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0)
        bench_fail("no UDP socket on the loopback");
    if (setsockopt(receiver->socket, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets) != 0)
        setsockopt(receiver->socket, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    receiver->port = ntohs(address.sin_port);
    if (pthread_create(&receiver->thread, NULL, receive_all, receiver) != 0)
        bench_fail("no second thread");
}

void receiver_stop(struct receiver *receiver)
{
    atomic_store(&receiver->stop, true);
    pthread_join(receiver->thread, NULL);
    close(receiver->socket);
}
