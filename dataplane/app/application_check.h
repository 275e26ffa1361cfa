/*
 * Checks of protocols that an expression alone cannot tell from chance: lengths that must add up,
 * chains of fields that must end where the packet ends. An expression proposes, a check decides.
 *
 * Each is a pure function of one packet and one word of memory per flow: no allocation, bounded by
 * the packet's length. Worker's thread.
 */
#ifndef SPANFLOW_APP_APPLICATION_CHECK_H
#define SPANFLOW_APP_APPLICATION_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct application_packet {
    const uint8_t *data;   /* payload */
    uint32_t length;       /* captured octets of it */
    uint32_t whole_length; /* of the payload by the IP header's claim; at least LENGTH */
    uint32_t tcp_sequence; /* of the first octet of DATA, host order; 0 if not TCP */
    uint16_t source_port, destination_port;
    bool tcp;
    bool from_client;   /* sent by the flow's initiator */
    bool client_known;  /* the initiator was seen to open the connection */
    bool start_known;   /* whether the next is */
    uint32_t tcp_start; /* sequence of the first octet that the initiator sent */
};

/* Whether PACKET is of the protocol. *MEMORY is the flow's for this application: 0 at first, then
 * what the check left there. */
typedef bool application_check(const struct application_packet *packet, uint32_t *memory);

/* X(name): application_check_NAME is the check that rules call NAME. */
#define APPLICATION_CHECKS(X)                                                                      \
    X(tls)                                                                                         \
    X(tls_data)                                                                                    \
    X(dtls)                                                                                        \
    X(quic)                                                                                        \
    X(gquic)                                                                                       \
    X(dns)                                                                                         \
    X(dns_tcp)                                                                                     \
    X(netbios_datagram)                                                                            \
    X(ntp)                                                                                         \
    X(ptp)                                                                                         \
    X(snmp)                                                                                        \
    X(dhcp)                                                                                        \
    X(dhcpv6)                                                                                      \
    X(kerberos)                                                                                    \
    X(ldap)                                                                                        \
    X(z3950)                                                                                       \
    X(radius)                                                                                      \
    X(tacacs)                                                                                      \
    X(dcerpc)                                                                                      \
    X(dcerpc_udp)                                                                                  \
    X(rpc_nfs)                                                                                     \
    X(smb)                                                                                         \
    X(afp)                                                                                         \
    X(mqtt)                                                                                        \
    X(amqp)                                                                                        \
    X(kafka)                                                                                       \
    X(kafka_request)                                                                               \
    X(coap)                                                                                        \
    X(stun)                                                                                        \
    X(rtp)                                                                                         \
    X(rtcp)                                                                                        \
    X(iax)                                                                                         \
    X(bfcp)                                                                                        \
    X(h225)                                                                                        \
    X(ras)                                                                                         \
    X(skinny)                                                                                      \
    X(diameter)                                                                                    \
    X(smpp)                                                                                        \
    X(openvpn)                                                                                     \
    X(openvpn_tcp)                                                                                 \
    X(wireguard)                                                                                   \
    X(ike)                                                                                         \
    X(esp)                                                                                         \
    X(capwap)                                                                                      \
    X(lisp)                                                                                        \
    X(lisp_tcp)                                                                                    \
    X(http)                                                                                        \
    X(websocket)                                                                                   \
    X(radmin)                                                                                      \
    X(l2tp)                                                                                        \
    X(gtp)                                                                                         \
    X(socks5)                                                                                      \
    X(mysql)                                                                                       \
    X(postgresql)                                                                                  \
    X(tds)                                                                                         \
    X(oracle)                                                                                      \
    X(oracle_text)                                                                                 \
    X(drda)                                                                                        \
    X(mongodb)                                                                                     \
    X(cassandra)                                                                                   \
    X(elasticsearch)                                                                               \
    X(memcached)                                                                                   \
    X(ajp)                                                                                         \
    X(thrift)                                                                                      \
    X(minecraft)                                                                                   \
    X(statsd)                                                                                      \
    X(finger)                                                                                      \
    X(utp)                                                                                         \
    X(edonkey)                                                                                     \
    X(kademlia)                                                                                    \
    X(modbus)                                                                                      \
    X(dnp3)                                                                                        \
    X(bacnet)                                                                                      \
    X(tpkt)                                                                                        \
    X(ethernet_ip)                                                                                 \
    X(cip)                                                                                         \
    X(iec104)                                                                                      \
    X(hart_ip)                                                                                     \
    X(knxnet_ip)                                                                                   \
    X(ads)                                                                                         \
    X(openflow)                                                                                    \
    X(bfd)                                                                                         \
    X(hsrp)                                                                                        \
    X(ldp)                                                                                         \
    X(nat_pmp)                                                                                     \
    X(netflow)                                                                                     \
    X(sflow)                                                                                       \
    X(collectd)                                                                                    \
    X(slp)                                                                                         \
    X(xdmcp)                                                                                       \
    X(rlogin)                                                                                      \
    X(iscsi)                                                                                       \
    X(zookeeper)                                                                                   \
    X(rsh)                                                                                         \
    X(telnet)                                                                                      \
    X(rtmp)                                                                                        \
    X(vxlan)                                                                                       \
    X(teredo)

#define APPLICATION_CHECK_DECLARATION(name) application_check application_check_##name;
APPLICATION_CHECKS(APPLICATION_CHECK_DECLARATION)

/* The check that rules call NAME, NULL if there is none. */
application_check *application_check_find(const char *name);

#endif
