/*
 * A cluster of brokers for the tests, in a process of its own: librdkafka's mock cluster.
 *
 *   mock_kafka BROKERS TOPIC PARTITIONS
 *
 * Prints where the brokers listen (HOST:PORT,...), then obeys lines on its standard input and ends
 * with it: "down N" and "up N" stop and start broker N (from 1; its messages stay), "refuse COUNT"
 * answers the next COUNT requests that bring messages with "message too large". Each line is
 * answered with "ok", or with "bad". A partition keeps about 5 MiB.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { PRODUCE_REQUEST = 0 };

/* Settings of a client that prints nothing. */
static rd_kafka_conf_t *quiet(void)
{
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    rd_kafka_conf_set(settings, "log_level", "0", NULL, 0);
    return settings;
}

static bool obey(rd_kafka_mock_cluster_t *cluster, const char *line)
{
    int number = 0;
    if (sscanf(line, "down %d", &number) == 1)
        return rd_kafka_mock_broker_set_down(cluster, number) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (sscanf(line, "up %d", &number) == 1)
        return rd_kafka_mock_broker_set_up(cluster, number) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (sscanf(line, "refuse %d", &number) != 1)
        return false;
    for (int i = 0; i < number; i++)
        rd_kafka_mock_push_request_errors(cluster, PRODUCE_REQUEST, 1,
                                          RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    return true;
}

int main(int argc, char **argv)
{
    char reason[256], line[256];
    if (argc != 4) {
        fprintf(stderr, "usage: mock_kafka BROKERS TOPIC PARTITIONS\n");
        return 2;
    }
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, quiet(), reason, sizeof reason);
    rd_kafka_mock_cluster_t *cluster =
        client ? rd_kafka_mock_cluster_new(client, atoi(argv[1])) : NULL;
    if (!cluster || rd_kafka_mock_topic_create(cluster, argv[2], atoi(argv[3]), 1) !=
                        RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "mock_kafka: no cluster\n");
        return 1;
    }
    printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("%s\n", obey(cluster, line) ? "ok" : "bad");
        fflush(stdout);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
    return 0;
}
