/* First payloads: see payload.h. */
#include "payload.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A message under construction. */
struct message {
    uint8_t *data;
    uint32_t octets;
};

static void add(struct message *message, const void *data, size_t octets)
{
    assert(message->octets + octets <= PAYLOAD_OCTETS_MAX);
    memcpy(message->data + message->octets, data, octets);
    message->octets += (uint32_t)octets;
}

static void add16(struct message *message, uint32_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    add(message, bytes, sizeof bytes);
}

static void host_name(char name[static 40], uint32_t host)
{
    snprintf(name, 40, "www.host-%u.example", (unsigned)host);
}

uint32_t payload_http_request(uint8_t *buffer, uint32_t host)
{
    char name[40];
    host_name(name, host);
    int octets = snprintf((char *)buffer, PAYLOAD_OCTETS_MAX,
                          "GET /pages/%u/index.html HTTP/1.1\r\n"
                          "Host: %s\r\n"
                          "User-Agent: flowgen/1.0 (X11; Linux x86_64)\r\n"
                          "Accept: text/html,application/xhtml+xml\r\n"
                          "Accept-Encoding: gzip\r\n"
                          "Connection: keep-alive\r\n\r\n",
                          (unsigned)(host % 977), name);
    return (uint32_t)octets;
}

static void add_server_name(struct message *message, const char *name)
{
    uint32_t octets = (uint32_t)strlen(name);
    add16(message, 0); /* server_name */
    add16(message, octets + 5);
    add16(message, octets + 3);
    add(message, "\0", 1); /* host_name */
    add16(message, octets);
    add(message, name, octets);
}

/* Extension 21 fills the hello up to the 517 octets that browsers send. */
static void add_padding_extension(struct message *message, uint32_t total)
{
    static const uint8_t zeros[PAYLOAD_OCTETS_MAX];
    uint32_t octets = total - message->octets - 4;
    add16(message, 21);
    add16(message, octets);
    add(message, zeros, octets);
}

static void patch16(struct message *message, uint32_t at, uint32_t value)
{
    message->data[at] = (uint8_t)(value >> 8);
    message->data[at + 1] = (uint8_t)value;
}

uint32_t payload_tls_client_hello(uint8_t *buffer, uint32_t host)
{
    enum { HELLO_OCTETS = 517 };
    char name[40];
    host_name(name, host);
    struct message message = {.data = buffer};
    add(&message, "\x16\x03\x01\0\0\x01\0\0\0\x03\x03", 11); /* lengths follow below */
    for (uint32_t i = 0; i < 32; i++)
        add(&message, &(uint8_t){(uint8_t)(host * 31 + i * 7)}, 1);
    add(&message, "\0", 1);                             /* no session id */
    add(&message, "\0\x06\x13\x01\x13\x02\xc0\x2f", 8); /* cipher suites */
    add(&message, "\x01\0", 2);                         /* no compression */
    uint32_t extensions_at = message.octets;
    add16(&message, 0);
    add_server_name(&message, name);
    add(&message, "\0\x2b\0\x05\x04\x03\x04\x03\x03", 9);      /* supported_versions */
    add(&message, "\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1", 18); /* ALPN */
    add_padding_extension(&message, HELLO_OCTETS);
    patch16(&message, 3, HELLO_OCTETS - 5);
    patch16(&message, 7, HELLO_OCTETS - 9);
    patch16(&message, extensions_at, HELLO_OCTETS - extensions_at - 2);
    return message.octets;
}

static void add_dns_name(struct message *message, const char *name)
{
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        add(message, &(uint8_t){(uint8_t)label}, 1);
        add(message, name, label);
        name += label + (name[label] == '.');
    }
    add(message, "\0", 1);
}

static struct message dns_question(uint8_t *buffer, uint32_t host, const char flags_and_counts[10])
{
    char name[40];
    host_name(name, host);
    struct message message = {.data = buffer};
    add16(&message, host * 40503u);
    add(&message, flags_and_counts, 10);
    add_dns_name(&message, name);
    add(&message, "\0\x01\0\x01", 4); /* type A, class IN */
    return message;
}

uint32_t payload_dns_query(uint8_t *buffer, uint32_t host)
{
    return dns_question(buffer, host, "\x01\0\0\x01\0\0\0\0\0\0").octets;
}

uint32_t payload_dns_answer(uint8_t *buffer, uint32_t host)
{
    struct message message = dns_question(buffer, host, "\x81\x80\0\x01\0\x01\0\0\0\0");
    add(&message, "\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc6\x33\x64", 15);
    add(&message, &(uint8_t){(uint8_t)(host % 254 + 1)}, 1);
    return message.octets;
}
