/* Schema registry client (Confluent API, over libcurl): ids to schemas and schemas to ids, remembered for ever in
 * memory and in a cache file, so that what is known stays usable while the registry is away. Thread-safe. Blocking,
 * with a deadline per request (EV_REGISTRY_TIMEOUT_MS). */
#pragma once

#include "avro/commit.h"

#define EV_REGISTRY_TIMEOUT_MS 5000

struct ev_registry;

/* `cache_path` NULL: memory only. A corrupt cache file is set aside (`.corrupt`) and made anew. Processes
 * that share a file lose what the other learnt, no more. Where the file can't be written, the call that learnt
 * something says IO; it is remembered in memory all the same. */
int ev_registry_create(const char *url, const char *cache_path, struct ev_registry **ret, struct ev_error *error);
void ev_registry_destroy(struct ev_registry *registry);
/* Registers (idempotent) and returns the id; CONFLICT when the subject's compatibility mode refuses it, with the
 * registry's reasons. */
int ev_registry_register(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                         struct ev_error *error);
/* The id of a schema that is registered already; from the cache if known. NOT_FOUND, UNAVAILABLE. */
int ev_registry_lookup(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                       struct ev_error *error);
/* Sets the subject's compatibility mode ("BACKWARD"). */
int ev_registry_set_compatibility(struct ev_registry *registry, const char *subject, const char *mode,
                                  struct ev_error *error);

/* What the registry says of a subject now; nothing of this is remembered. */
#define EV_REGISTRY_MODE_MAX 32
#define EV_REGISTRY_VERSIONS_MAX 1024
struct ev_registry_version {
    int32_t version, id;
    struct ev_str schema_json; /* in the arena */
};
/* The subject's compatibility mode ("BACKWARD_TRANSITIVE"), or the registry's own where the subject has none. */
int ev_registry_compatibility(struct ev_registry *registry, const char *subject, char ret_mode[EV_REGISTRY_MODE_MAX],
                              struct ev_error *error);
/* The versions of a subject, oldest first; `latest_only` for that one alone. *ret_count 0: there is no such subject. */
int ev_registry_versions(struct ev_registry *registry, const char *subject, bool latest_only, struct ev_arena *arena,
                         struct ev_registry_version **ret, size_t *ret_count, struct ev_error *error);
/* The schema's id, registered if it isn't: 0 it was there already, 1 it was registered now. A subject that had no
 * version gets the mode BACKWARD; one that has keeps its own. */
int ev_registry_ensure(struct ev_registry *registry, const char *subject, struct ev_str schema_json, int32_t *ret_id,
                       struct ev_error *error);
/* Asks the registry itself whether it would take the schema by the subject's mode, beside its latest version or beside
 * `all_versions` (for transitive modes): 0 yes, 1 no, with its reasons (the null string where it gives none). */
int ev_registry_test(struct ev_registry *registry, const char *subject, struct ev_str schema_json, bool all_versions,
                     struct ev_arena *arena, struct ev_str *ret_reasons, struct ev_error *error);
struct ev_schema_source ev_registry_source(struct ev_registry *registry);
/* 0 when it answers. */
int ev_registry_ping(struct ev_registry *registry, struct ev_error *error);
