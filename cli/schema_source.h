/* The schemas that a change is about, for the subcommands `schema …`: those that are compiled into the tool, or those
 * of a folder like schemas/ (--directory), each topic's Commit as a tree and as what would be registered. */
#pragma once

#include "avro/registry.h"
#include "avro/schema_tree.h"
#include "cli/cli.h"

#define SCHEMA_TOPICS_MAX 64
#define SCHEMA_SUBJECT_MAX 128
#define SCHEMA_FILE_BYTES_MAX ((size_t)1024 * 1024)

#define SCHEMA_OPTIONS                                                                                                 \
    {"schema-registry-url",                                                                                            \
     EV_CONFIG_STRING,                                                                                                 \
     "http://127.0.0.1:8085/apis/ccompat/v7",                                                                          \
     "schema registry, Confluent API",                                                                                 \
     0,                                                                                                                \
     0},                                                                                                               \
        {"topic-prefix", EV_CONFIG_STRING, "orderlog", "namespace of the topics", 0, 0},                               \
    {                                                                                                                  \
        "directory", EV_CONFIG_STRING, NULL,                                                                           \
            "read the schemas of this folder (a tree like schemas/) instead of those that the tool was built with", 0, \
            0                                                                                                          \
    }

struct schema_topic {
    struct ev_str name; /* "order" */
    struct ev_str json; /* of the Commit, as it would be registered */
    const struct ev_schema *tree;
    char subject[SCHEMA_SUBJECT_MAX];
};

struct schema_source {
    struct ev_arena arena;
    struct ev_registry *registry;
    size_t count;
    struct schema_topic topics[SCHEMA_TOPICS_MAX];
};

/* Loads the topics named by the positional arguments, all where there are none, and opens the registry's client. The
 * source is to be closed also after an error. */
int schema_source_open(const struct ev_config *config, struct schema_source *ret, struct ev_error *error);
void schema_source_close(struct schema_source *source);

/* schema_folder.c: the topics of a folder, with name, tree and JSON. */
int schema_folder_read(const char *folder, struct schema_source *source, struct ev_error *error);
