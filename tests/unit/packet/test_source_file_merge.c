/* The file source on several files and on pipes: order, damage in one of them, shrinking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_builder.h"
#include "packet/source_file.h"

enum { MICRO = (int)0xa1b2c3d4 };

static struct capture_builder builder;
static struct seen seen;

static void start_pcap(void)
{
    builder.size = 0;
    builder.swapped = false;
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
}

static void start_pcapng(void)
{
    builder.size = 0;
    builder.swapped = true;
    put_section(&builder);
    put_interface(&builder, 1, 0, "", 0);
}

static struct packet_source *open_files(char *const paths[], uint32_t count)
{
    struct error error = {""};
    struct packet_source *source = source_file_open(paths, count, &error);
    if (!source)
        fail_msg("%s", error.text);
    return source;
}

/* FILL tells which packet of which file it was. */
static void test_merge_order(void **state)
{
    (void)state;
    char *paths[3];
    start_pcap();
    put_pcap_packet(&builder, 0, 10, 1, 60, 0x11);
    put_pcap_packet(&builder, 0, 30, 1, 60, 0x12);
    put_pcap_packet(&builder, 0, 20, 1, 60, 0x13); /* late in its own file: order is kept */
    put_pcap_packet(&builder, 0, 50, 1, 60, 0x14);
    paths[0] = write_capture(0, builder.bytes, builder.size);
    start_pcapng();
    put_enhanced_packet(&builder, 0, 5, 1, 60, 0x21);
    put_enhanced_packet(&builder, 0, 30, 1, 60, 0x22); /* at equal times the first file leads */
    put_enhanced_packet(&builder, 0, 60, 1, 60, 0x23);
    paths[1] = write_capture(1, builder.bytes, builder.size);
    start_pcap();
    put_pcap_packet(&builder, 0, 0, 1, 60, 0x31);
    put_pcap_packet(&builder, 0, 25, 1, 60, 0x32);
    put_pcap_packet(&builder, 0, 30, 1, 60, 0x33);
    paths[2] = write_capture(2, builder.bytes, builder.size);
    see_all(open_files(paths, 3), &seen);
    static const uint8_t order[] = {0x31, 0x21, 0x11, 0x32, 0x12, 0x13, 0x22, 0x33, 0x14, 0x23};
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, sizeof order);
    for (uint32_t i = 0; i < seen.count; i++)
        assert_int_equal(seen.packets[i].first_octet, order[i]);
}

static void test_empty_captures(void **state)
{
    (void)state;
    char *paths[3];
    start_pcap();
    paths[0] = write_capture(0, builder.bytes, builder.size);
    start_pcapng();
    paths[1] = write_capture(1, builder.bytes, builder.size);
    start_pcap();
    put_pcap_packet(&builder, 0, 10, 1, 60, 0x11);
    paths[2] = write_capture(2, builder.bytes, builder.size);
    see_all(open_files(paths, 2), &seen);
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, 0);
    see_all(open_files(paths, 3), &seen);
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, 1);
}

static void test_damage_in_some_files(void **state)
{
    (void)state;
    char *paths[3];
    start_pcap();
    for (uint32_t i = 0; i < 4; i++)
        put_pcap_packet(&builder, i, 10, 20, 60, 0x11);
    paths[0] = write_capture(0, builder.bytes, builder.size - 1);
    paths[1] = write_capture(1, builder.bytes, builder.size);
    paths[2] = write_capture(2, builder.bytes, 100);
    struct packet_source *source = open_files(paths, 3);
    static struct packet_batch batch;
    uint32_t count = 0;
    enum receive_status status;
    while ((status = source->ops->receive(source, &batch)) == RECEIVE_PACKETS) {
        count += batch.count;
        source->ops->release(source, &batch);
    }
    assert_int_equal(status, RECEIVE_FAILED);
    assert_int_equal(count, 3 + 4 + 2);
    assert_int_equal(source_file_damaged_count(source), 2);
    assert_non_null(strstr(source->problem.text, "damaged at offset"));
    assert_non_null(strstr(source->problem.text, "(and 1 more damaged file"));
    source->ops->close(source);
}

/* More than the read buffer holds, in files that take turns at every packet. */
static void test_large_files(void **state)
{
    (void)state;
    enum { COPIES = 40, PACKETS = 400 };
    char *paths[3];
    static struct packet_batch batch;
    for (unsigned f = 0; f < 3; f++) {
        start_pcap();
        paths[f] = write_capture(f, builder.bytes, builder.size);
        FILE *file = fopen(paths[f], "ab");
        assert_non_null(file);
        for (uint32_t copy = 0; copy < COPIES; copy++) {
            builder.size = 0;
            for (uint32_t i = 0; i < PACKETS; i++)
                put_pcap_packet(&builder, copy, 3 * i + f, 100 + i % 50, 160, (uint8_t)(f + 1));
            assert_int_equal(fwrite(builder.bytes, 1, builder.size, file), builder.size);
        }
        fclose(file);
    }
    struct packet_source *source = open_files(paths, 3);
    uint32_t count = 0;
    uint64_t last_ns = 0;
    while (source->ops->receive(source, &batch) == RECEIVE_PACKETS) {
        for (uint32_t i = 0; i < batch.count; i++, count++) {
            assert_true(batch.timestamp_ns[i] >= last_ns);
            last_ns = batch.timestamp_ns[i];
            assert_int_equal(batch.data[i][0], 1 + count % 3);
            assert_int_equal(batch.data[i][batch.captured_length[i] - 1], 1 + count % 3);
        }
        source->ops->release(source, &batch);
    }
    assert_int_equal(count, 3 * COPIES * PACKETS);
    assert_true(source->ledger.observed.octets == 160ull * count);
    source->ops->close(source);
}

struct writer {
    const char *path;
    size_t piece;
};

/* Writes the builder's bytes into a FIFO in small pieces, so that the reader has to wait. */
static void *write_pieces(void *argument)
{
    const struct writer *writer = argument;
    FILE *pipe = fopen(writer->path, "wb");
    if (!pipe)
        return NULL;
    setbuf(pipe, NULL);
    for (size_t at = 0; at < builder.size; at += writer->piece) {
        size_t left = builder.size - at;
        fwrite(builder.bytes + at, 1, left < writer->piece ? left : writer->piece, pipe);
    }
    fclose(pipe);
    return NULL;
}

static void test_pipe(void **state)
{
    (void)state;
    char *path = write_capture(0, "", 0);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (int cut = 0; cut < 2; cut++) {
        start_pcapng();
        for (uint32_t i = 0; i < 300; i++)
            put_enhanced_packet(&builder, 0, i, 100, 100, 7);
        builder.size -= (size_t)cut;
        struct packet_source *source = open_files(&path, 1);
        struct writer writer = {path, 37};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, write_pieces, &writer), 0);
        see_all(source, &seen);
        pthread_join(thread, NULL);
        assert_int_equal(seen.count, 300 - cut);
        assert_int_equal(seen.status, cut ? RECEIVE_FAILED : RECEIVE_END);
    }
}

static void test_pipe_is_never_waited_for(void **state)
{
    (void)state;
    char *path = write_capture(0, "", 0);
    static struct packet_batch batch;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct packet_source *source = open_files(&path, 1);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_IDLE);
    source->ops->wait(source, 0); /* a time long past */
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_IDLE);
    source->ops->close(source);
}

/* A file that loses its end while it is read is damaged, and nothing worse. */
static void test_shrinking_file(void **state)
{
    (void)state;
    static struct packet_batch batch;
    start_pcap();
    char *path = write_capture(0, builder.bytes, builder.size);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    builder.size = 0;
    for (uint32_t i = 0; i < 50; i++)
        put_pcap_packet(&builder, i, 0, 1000, 1000, 5);
    for (uint32_t copy = 0; copy < 20; copy++) /* a megabyte */
        assert_int_equal(fwrite(builder.bytes, 1, builder.size, file), builder.size);
    fclose(file);
    struct packet_source *source = open_files(&path, 1);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    source->ops->release(source, &batch);
    /* Exactly behind a packet: only the length at the start can tell. */
    assert_int_equal(truncate(path, 24 + 400 * 1016), 0);
    see_all(source, &seen);
    assert_int_equal(seen.status, RECEIVE_FAILED);
    assert_int_equal(seen.count, 400);
    assert_non_null(strstr(seen.problem, "became shorter"));
}

static int finish(void **state)
{
    (void)state;
    remove_captures();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge_order),
        cmocka_unit_test(test_empty_captures),
        cmocka_unit_test(test_damage_in_some_files),
        cmocka_unit_test(test_large_files),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_pipe_is_never_waited_for),
        cmocka_unit_test(test_shrinking_file),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
