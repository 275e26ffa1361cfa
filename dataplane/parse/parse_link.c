/*
 * Ethernet and what stands between it and IP: LLC/SNAP, VLAN tags, 802.1ah, MPLS, PPPoE, PPP and
 * NSH. Called by the walk of parse_batch.c on the worker thread.
 */
#include "parse/dissection.h"

enum {
    ETHERTYPE_LENGTH_MAX = 1500, /* up to here the field is a length (IEEE 802.3) */
    ETHERTYPE_FIRST = 0x0600,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_TRANSPARENT = 0x6558,
    ETHERTYPE_RARP = 0x8035,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_PPP = 0x880b,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
    ETHERTYPE_PPPOE_SESSION = 0x8864,
    ETHERTYPE_SERVICE_VLAN = 0x88a8,
    ETHERTYPE_BACKBONE = 0x88e7,
    ETHERTYPE_NSH = 0x894f,
    ETHERTYPE_VLAN_9100 = 0x9100,
    ETHERTYPE_VLAN_9200 = 0x9200
};

enum layer layer_of_ethertype(struct dissection *d, uint16_t type)
{
    switch (type) {
    case ETHERTYPE_IPV4:
        return LAYER_IPV4;
    case ETHERTYPE_IPV6:
        return LAYER_IPV6;
    case ETHERTYPE_VLAN:
    case ETHERTYPE_SERVICE_VLAN:
    case ETHERTYPE_VLAN_9100:
    case ETHERTYPE_VLAN_9200:
        return LAYER_VLAN;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_UPSTREAM:
        return LAYER_MPLS;
    case ETHERTYPE_PPPOE_SESSION:
        return LAYER_PPPOE;
    case ETHERTYPE_PPP:
        return LAYER_PPP;
    case ETHERTYPE_BACKBONE:
        return LAYER_BACKBONE;
    case ETHERTYPE_NSH:
        return LAYER_NSH;
    case ETHERTYPE_TRANSPARENT:
        return LAYER_ETHERNET;
    case ETHERTYPE_ARP:
    case ETHERTYPE_RARP:
        return layer_unusable(d, IGNORED_ARP);
    case ETHERTYPE_PPPOE_DISCOVERY:
        return layer_unusable(d, IGNORED_PPP);
    default:
        break;
    }
    if (type > ETHERTYPE_LENGTH_MAX)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    cursor_shorten(&d->cursor, type);
    return LAYER_LLC;
}

enum layer parse_ethernet(struct dissection *d)
{
    uint32_t start = d->cursor.offset;
    const uint8_t *header = cursor_take(&d->cursor, 14);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (start == 0) {
        d->mac_offset = 0;
        d->facts |= PACKET_FACT_MACS;
    }
    return layer_of_ethertype(d, load_be16(header + 12));
}

enum layer parse_vlan(struct dissection *d)
{
    if (d->tag_depth == VLAN_TAGS_MAX)
        return layer_unusable(d, IGNORED_TAG_DEPTH);
    const uint8_t *tag = cursor_take(&d->cursor, 4);
    if (!tag)
        return layer_unusable(d, IGNORED_LINK_CUT);
    d->tag_depth++;
    if (d->ip_headers == 0) {
        if (d->vlan_count < 2)
            d->vlan[d->vlan_count] = load_be16(tag) & 0xfff;
        d->vlan_count++;
    }
    return layer_of_ethertype(d, load_be16(tag + 2));
}

/* IEEE 802.1ah I-TAG: 4 bytes of I-TCI, then a customer Ethernet header. */
enum layer parse_backbone(struct dissection *d)
{
    if (!cursor_skip(&d->cursor, 4))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_ETHERNET;
}

enum layer parse_llc(struct dissection *d)
{
    enum { SAP_IP = 0x06, SAP_SNAP = 0xaa, UNNUMBERED_INFORMATION = 0x03 };
    enum { OUI_ETHERNET = 0, OUI_CISCO_90 = 0xf8, OUI_BRIDGED = 0x80c2 };
    const uint8_t *llc = cursor_take(&d->cursor, 3);
    if (!llc)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (llc[2] != UNNUMBERED_INFORMATION)
        return layer_unusable(d, IGNORED_LLC);
    if (llc[0] == SAP_IP)
        return LAYER_RAW_IP;
    if (llc[0] != SAP_SNAP || llc[1] != SAP_SNAP)
        return layer_unusable(d, IGNORED_LLC);
    const uint8_t *snap = cursor_take(&d->cursor, 5);
    if (!snap)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint32_t oui = (uint32_t)snap[0] << 16 | load_be16(snap + 1);
    uint16_t type = load_be16(snap + 3);
    if (oui == OUI_BRIDGED && (type == 1 || type == 7)) /* RFC 2684: 802.3 with or without FCS */
        return LAYER_ETHERNET;
    if ((oui != OUI_ETHERNET && oui != OUI_CISCO_90) || type < ETHERTYPE_FIRST)
        return layer_unusable(d, IGNORED_LLC);
    return layer_of_ethertype(d, type);
}

/* How much the bytes AHEAD of the cursor look like an Ethernet header: 2 with an EtherType that
 * is followed, 1 with the length of an 802.3 frame that fits, else 0. */
static int ethernet_likeness(const struct dissection *d, uint32_t ahead)
{
    const uint8_t *header = cursor_peek(&d->cursor, ahead, 14);
    if (!header || (header[6] & 1)) /* no sender has a group address */
        return 0;
    struct dissection trial = {.cursor = d->cursor};
    uint16_t type = load_be16(header + 12);
    if (type <= ETHERTYPE_LENGTH_MAX)
        return type <= cursor_left(&d->cursor) - ahead - 14;
    return layer_of_ethertype(&trial, type) != LAYER_UNUSABLE || trial.reason == IGNORED_ARP ? 2
                                                                                             : 0;
}

/*
 * Nothing in a label stack says what it carries. The first nibble decides as RFC 4928 wants: 4 and
 * 6 are IP, 1 is an associated channel, 0 a pseudowire control word (RFC 4385). But a frame
 * without control word may begin with any nibble, so an EtherType in its place decides first.
 */
static enum layer layer_of_mpls_payload(struct dissection *d)
{
    enum { CONTROL_WORD = 4 };
    const uint8_t *first = cursor_peek(&d->cursor, 0, 1);
    if (!first)
        return layer_unusable(d, IGNORED_LINK_CUT);
    unsigned nibble = first[0] >> 4;
    if (nibble == 4)
        return LAYER_IPV4;
    if (nibble == 6)
        return LAYER_IPV6;
    int plain = ethernet_likeness(d, 0);
    int controlled = nibble == 0 ? ethernet_likeness(d, CONTROL_WORD) : 0;
    if (nibble == 1 || plain + controlled == 0)
        return layer_unusable(d, IGNORED_MPLS);
    if (controlled != 0 && plain != 2)
        d->cursor.offset += CONTROL_WORD;
    return LAYER_ETHERNET;
}

enum layer parse_mpls(struct dissection *d)
{
    for (int i = 0; i < MPLS_ENTRIES_MAX; i++) {
        const uint8_t *entry = cursor_take(&d->cursor, 4);
        if (!entry)
            return layer_unusable(d, IGNORED_LINK_CUT);
        if (d->label_count < PACKET_LABELS_MAX)
            memcpy(d->labels[d->label_count++], entry, 3);
        if (entry[2] & 1) /* bottom of stack */
            return layer_of_mpls_payload(d);
    }
    return layer_unusable(d, IGNORED_TAG_DEPTH);
}

enum layer layer_of_ppp(struct dissection *d, uint16_t protocol)
{
    switch (protocol) {
    case 0x0021:
        return LAYER_IPV4;
    case 0x0057:
        return LAYER_IPV6;
    case 0x0281:
    case 0x0283:
        return LAYER_MPLS;
    default:
        return layer_unusable(d, IGNORED_PPP);
    }
}

/* RFC 1661 with or without the address and control of RFC 1662, protocol field maybe compressed. */
enum layer parse_ppp(struct dissection *d)
{
    const uint8_t *framing = cursor_peek(&d->cursor, 0, 2);
    if (framing && framing[0] == 0xff && framing[1] == 0x03)
        d->cursor.offset += 2;
    const uint8_t *protocol = cursor_take(&d->cursor, 1);
    if (!protocol)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (protocol[0] & 1)
        return layer_of_ppp(d, protocol[0]);
    const uint8_t *second = cursor_take(&d->cursor, 1);
    if (!second)
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_ppp(d, (uint16_t)(protocol[0] << 8 | second[0]));
}

/* RFC 2516 session stage. */
enum layer parse_pppoe(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 6);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (header[1] != 0)
        return layer_unusable(d, IGNORED_PPP);
    cursor_shorten(&d->cursor, load_be16(header + 4));
    return LAYER_PPP;
}

/* RFC 8300. The length counts 4-byte words and includes the base header. */
enum layer parse_nsh(struct dissection *d)
{
    const uint8_t *header = cursor_peek(&d->cursor, 0, 8);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint32_t length = (header[1] & 0x3fu) * 4;
    if (length < 8)
        return layer_unusable(d, IGNORED_NSH);
    if (!cursor_skip(&d->cursor, length))
        return layer_unusable(d, IGNORED_LINK_CUT);
    switch (header[3]) {
    case 1:
        return LAYER_IPV4;
    case 2:
        return LAYER_IPV6;
    case 3:
        return LAYER_ETHERNET;
    case 4:
        return LAYER_NSH;
    case 5:
        return LAYER_MPLS;
    default:
        return layer_unusable(d, IGNORED_NSH);
    }
}
