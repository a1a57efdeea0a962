#include "log/kafka_admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

/* One question and the wait for its answer. The queue outlives the question: an answer that comes too late is dropped
 * with it. */
struct question {
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
};

static struct question question_begin(rd_kafka_t *rk, rd_kafka_admin_op_t operation, int64_t timeout_ms)
{
    struct question question = {
        .queue = rd_kafka_queue_new(rk),
        .options = rd_kafka_AdminOptions_new(rk, operation),
    };
    (void)rd_kafka_AdminOptions_set_request_timeout(question.options, (int)timeout_ms, NULL, 0);
    return question;
}

static int question_wait(struct question *question, int64_t timeout_ms, const char *what, struct ev_error *error)
{
    question->event =
        rd_kafka_queue_poll(question->queue, (int)timeout_ms + 500); /* librdkafka's own deadline comes first */
    if (!question->event)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: no answer from Kafka in %lld ms", what,
                                      (long long)timeout_ms);
    rd_kafka_resp_err_t err = rd_kafka_event_error(question->event);
    if (err)
        return ev_kafka_error(error, err, what, rd_kafka_event_error_string(question->event));
    return 0;
}

static void question_end(struct question *question)
{
    if (question->event)
        rd_kafka_event_destroy(question->event);
    rd_kafka_AdminOptions_destroy(question->options);
    rd_kafka_queue_destroy(question->queue);
}

static int topic_error(struct ev_error *error, rd_kafka_resp_err_t err, const char *topic, const char *text)
{
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "there is no topic %s", topic);
    return ev_kafka_error(error, err, topic, text);
}

int ev_kafka_admin_create(const struct ev_kafka_config *kafka, rd_kafka_t **ret, struct ev_error *error)
{
    static const char *const defaults[] = {"socket.timeout.ms", "10000", "linger.ms", "0", NULL};
    static const char *const required[] = {"acks", "all", NULL};
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(kafka, defaults, required, &conf, error);
    if (r < 0)
        return r;
    return ev_kafka_client_create(RD_KAFKA_PRODUCER, conf, ret, error);
}

int ev_kafka_admin_describe(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, struct ev_topic_info *ret,
                            struct ev_error *error)
{
    const char *names[] = {topic};
    struct question question = question_begin(rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
    rd_kafka_DescribeTopics(rk, topics, question.options, question.queue);
    rd_kafka_TopicCollection_destroy(topics);
    int r = question_wait(&question, timeout_ms, topic, error);
    if (r == 0) {
        size_t count = 0, partitions = 0;
        const rd_kafka_TopicDescription_t **found =
            rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(question.event), &count);
        const rd_kafka_error_t *fault = count == 1 ? rd_kafka_TopicDescription_error(found[0]) : NULL;
        if (count != 1) {
            r = ev_error_set(error, EV_ERR_NOT_FOUND, "there is no topic %s", topic);
        } else if (fault && rd_kafka_error_code(fault)) {
            r = topic_error(error, rd_kafka_error_code(fault), topic, rd_kafka_error_string(fault));
        } else {
            (void)rd_kafka_TopicDescription_partitions(found[0], &partitions);
            ret->partitions = (int32_t)partitions;
            snprintf(ret->topic_id, sizeof(ret->topic_id), "%s",
                     rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(found[0])));
        }
    }
    question_end(&question);
    return r;
}

static int offsets_taken(const rd_kafka_event_t *event, const char *topic, int32_t partitions, int64_t *ret,
                         struct ev_error *error)
{
    size_t count = 0, taken = 0;
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result((rd_kafka_event_t *)event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *place = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        if (place->err)
            return topic_error(error, place->err, topic, NULL);
        if (place->partition >= 0 && place->partition < partitions) {
            ret[place->partition] = place->offset;
            taken++;
        }
    }
    if (taken != (size_t)partitions)
        return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: offsets of %zu partitions instead of %d", topic,
                                      taken, (int)partitions);
    return 0;
}

static struct question offsets_ask(rd_kafka_t *rk, const char *topic, int32_t partitions, rd_kafka_OffsetSpec_t spec,
                                   int64_t timeout_ms)
{
    struct question question = question_begin(rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout_ms);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = spec;
    rd_kafka_ListOffsets(rk, list, question.options, question.queue);
    rd_kafka_topic_partition_list_destroy(list);
    return question;
}

int ev_kafka_admin_offsets(rd_kafka_t *rk, const char *topic, int32_t partitions, rd_kafka_OffsetSpec_t spec,
                           int64_t timeout_ms, int64_t *ret, struct ev_error *error)
{
    struct question question = offsets_ask(rk, topic, partitions, spec, timeout_ms);
    int r = question_wait(&question, timeout_ms, topic, error);
    if (r == 0)
        r = offsets_taken(question.event, topic, partitions, ret, error);
    question_end(&question);
    return r;
}

struct ev_kafka_question {
    struct question question;
    const char *topic;
    int32_t partitions;
};

struct ev_kafka_question *ev_kafka_admin_ask_offsets(rd_kafka_t *rk, const char *topic, int32_t partitions,
                                                     rd_kafka_OffsetSpec_t spec, int64_t timeout_ms)
{
    struct ev_kafka_question *asked = ev_memory_new(struct ev_kafka_question);
    *asked = (struct ev_kafka_question){
        .question = offsets_ask(rk, topic, partitions, spec, timeout_ms), .topic = topic, .partitions = partitions};
    return asked;
}

int ev_kafka_admin_take_offsets(struct ev_kafka_question *asked, int64_t *ret, struct ev_error *error)
{
    /* librdkafka ends each question by itself, at its deadline with an error. */
    asked->question.event = rd_kafka_queue_poll(asked->question.queue, 0);
    if (!asked->question.event)
        return 0;
    rd_kafka_resp_err_t err = rd_kafka_event_error(asked->question.event);
    if (err)
        return ev_kafka_error(error, err, asked->topic, rd_kafka_event_error_string(asked->question.event));
    int r = offsets_taken(asked->question.event, asked->topic, asked->partitions, ret, error);
    return r < 0 ? r : 1;
}

void ev_kafka_admin_forget(struct ev_kafka_question *asked)
{
    if (!asked)
        return;
    question_end(&asked->question);
    free(asked);
}

int ev_kafka_admin_make_topic(rd_kafka_t *rk, const char *topic, int32_t partitions, int32_t replication_factor,
                              const char *const *settings, int64_t timeout_ms, struct ev_error *error)
{
    char why[256];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, replication_factor, why, sizeof(why));
    if (!wanted)
        return ev_error_set(error, EV_ERR_INVALID, "%s: %s", topic, why);
    for (; settings[0]; settings += 2)
        (void)rd_kafka_NewTopic_set_config(wanted, settings[0], settings[1]);
    struct question question = question_begin(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(rk, &wanted, 1, question.options, question.queue);
    int r = question_wait(&question, timeout_ms, topic, error);
    if (r == 0) {
        size_t count = 0;
        const rd_kafka_topic_result_t **made =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(question.event), &count);
        rd_kafka_resp_err_t err = count == 1 ? rd_kafka_topic_result_error(made[0]) : RD_KAFKA_RESP_ERR__FAIL;
        if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            r = 1;
        else if (err)
            r = ev_kafka_error(error, err, topic, count == 1 ? rd_kafka_topic_result_error_string(made[0]) : NULL);
    }
    question_end(&question);
    rd_kafka_NewTopic_destroy(wanted);
    return r;
}

int ev_kafka_admin_settings(rd_kafka_t *rk, const char *topic, int64_t timeout_ms,
                            void (*setting)(void *context, const char *name, const char *value), void *context,
                            struct ev_error *error)
{
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    struct question question = question_begin(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_DescribeConfigs(rk, &resource, 1, question.options, question.queue);
    int r = question_wait(&question, timeout_ms, topic, error);
    if (r == 0) {
        size_t count = 0, entries = 0;
        const rd_kafka_ConfigResource_t **resources =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(question.event), &count);
        rd_kafka_resp_err_t err = count == 1 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR__FAIL;
        if (err)
            r = topic_error(error, err, topic, NULL);
        const rd_kafka_ConfigEntry_t **found = r == 0 ? rd_kafka_ConfigResource_configs(resources[0], &entries) : NULL;
        for (size_t i = 0; i < entries; i++)
            setting(context, rd_kafka_ConfigEntry_name(found[i]), rd_kafka_ConfigEntry_value(found[i]));
    }
    question_end(&question);
    rd_kafka_ConfigResource_destroy(resource);
    return r;
}
