#include "testing.h"

#include "core/config.h"

static const struct ev_config_option options[] = {
    {"kafka-brokers", EV_CONFIG_STRING, "127.0.0.1:9092", "bootstrap brokers", 0, 0},
    {"mongodb-uri", EV_CONFIG_SECRET, "mongodb://localhost", "MongoDB", 0, 0},
    {"threads", EV_CONFIG_INT, "4", "event loops", 1, 64},
    {"offset", EV_CONFIG_INT, NULL, "any number", 0, 0},
    {"quiet", EV_CONFIG_BOOL, "false", "say less", 0, 0},
    {"views", EV_CONFIG_LIST, NULL, "views to run", 0, 0},
    {"note", EV_CONFIG_STRING, NULL, "free text", 0, 0},
    {NULL, EV_CONFIG_STRING, NULL, NULL, 0, 0},
};
static const struct ev_config_program program = {"testd", "Tests the configuration.", "[options] FILE...", options};

static struct ev_config *config;
static struct ev_error error;

/* Loads with these arguments behind the program's name; NULL ends them. */
static int load(const char *first, ...)
{
    char *argv[16] = {(char *)"testd"};
    int argc = 1;
    va_list arguments;
    va_start(arguments, first);
    for (const char *argument = first; argument && argc < 15; argument = va_arg(arguments, const char *))
        argv[argc++] = (char *)argument;
    va_end(arguments);
    ev_config_destroy(config);
    config = NULL;
    memset(&error, 0, sizeof(error));
    return ev_config_load(&program, argc, argv, &config, &error);
}

#define assert_loads(...) assert_load_result(0, load(__VA_ARGS__, NULL))
#define assert_invalid(expected, ...)                                                                                  \
    do {                                                                                                               \
        assert_load_result(EV_ERR_INVALID, load(__VA_ARGS__, NULL));                                                   \
        assert_contains(error.message, (expected));                                                                    \
        assert_null(config);                                                                                           \
    } while (0)

static void assert_load_result(int expected, int result)
{
    if (result != expected)
        fail_msg("got %s: %s", ev_error_name(result), error.message);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static char directory[] = "/tmp/orderlog-test-config-XXXXXX";

static int enter_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static int clean_up(void **state)
{
    (void)state;
    static const char *const variables[] = {
        "ORDERLOG_KAFKA_BROKERS", "ORDERLOG_MONGODB_URI", "ORDERLOG_THREADS", "ORDERLOG_MONGODB_URI_FILE",
        "ORDERLOG_KAFKA_OPTS",    "ORDERLOG_CONFIG",      "ORDERLOG_QUIET",   "ORDERLOG_NOTE",
        "ORDERLOG_OTHER_PROGRAMS"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    unlink(".env");
    unlink("test.conf");
    unlink("other.conf");
    unlink("secret");
    ev_config_destroy(config);
    config = NULL;
    return 0;
}

static void test_defaults(void **state)
{
    (void)state;
    assert_load_result(0, load(NULL));
    assert_string_equal(ev_config_string(config, "kafka-brokers"), "127.0.0.1:9092");
    assert_int_equal(ev_config_int(config, "threads"), 4);
    assert_int_equal(ev_config_int(config, "offset"), 0);
    assert_null(ev_config_string(config, "offset"));
    assert_false(ev_config_bool(config, "quiet"));
    assert_null(ev_config_string(config, "note"));
    const char *const *items;
    assert_int_equal(ev_config_list(config, "views", &items), 0);
    assert_int_equal(ev_config_positional(config, &items), 0);
    assert_null(ev_config_kafka(config)[0]);
}

static void test_flags(void **state)
{
    (void)state;
    assert_loads("import", "--threads", "7", "--note=a=b", "--quiet", "retail", "--offset=-12", "--views", " a, b,,c ",
                 "-", "--", "--threads");
    assert_int_equal(ev_config_int(config, "threads"), 7);
    assert_string_equal(ev_config_string(config, "note"), "a=b");
    assert_true(ev_config_bool(config, "quiet"));
    assert_int_equal(ev_config_int(config, "offset"), -12);
    const char *const *items;
    assert_int_equal(ev_config_list(config, "views", &items), 3);
    assert_string_equal(items[0], "a");
    assert_string_equal(items[1], "b");
    assert_string_equal(items[2], "c");
    assert_int_equal(ev_config_positional(config, &items), 4);
    assert_string_equal(items[0], "import");
    assert_string_equal(items[1], "retail");
    assert_string_equal(items[2], "-");
    assert_string_equal(items[3], "--threads");
    assert_loads("--quiet=no", "--threads=1", "--threads=2", "--note=");
    assert_false(ev_config_bool(config, "quiet"));
    assert_int_equal(ev_config_int(config, "threads"), 2);
    assert_string_equal(ev_config_string(config, "note"), "");
}

static void test_bad_flags(void **state)
{
    (void)state;
    assert_invalid("unknown flag --thread; testd --help", "--thread", "4");
    assert_invalid("unknown flag -t", "-t", "4");
    assert_invalid("unknown flag --Threads", "--Threads=4");
    assert_invalid("--threads needs a value", "--threads");
    assert_invalid("--threads: threads is a whole number from 1 to 64, not \"65\"", "--threads=65");
    assert_invalid("from 1 to 64", "--threads=0");
    assert_invalid("not \"4x\"", "--threads=4x");
    assert_invalid("not \"\"", "--threads=");
    assert_invalid("--offset: offset is a whole number, not", "--offset=1.5");
    assert_invalid("--quiet: quiet is true or false, not \"maybe\"", "--quiet=maybe");
    assert_invalid("unknown flag --; ", "--=x");
}

static void test_later_sources_win(void **state)
{
    (void)state;
    write_file("test.conf", "# first\nthreads = 11\nnote=file\n  kafka-brokers = \"b1:1,b2:2\"   # both\n\n");
    assert_loads("--config", "test.conf");
    assert_int_equal(ev_config_int(config, "threads"), 11);
    assert_string_equal(ev_config_string(config, "kafka-brokers"), "b1:1,b2:2");
    write_file(".env", "ORDERLOG_THREADS=12\nexport ORDERLOG_NOTE='dot # env'\nORDERLOG_OTHER_PROGRAMS=1\nPATH_X=2\n");
    assert_loads("--config=test.conf");
    assert_int_equal(ev_config_int(config, "threads"), 12);
    assert_string_equal(ev_config_string(config, "note"), "dot # env");
    setenv("ORDERLOG_THREADS", "13", 1);
    setenv("ORDERLOG_OTHER_PROGRAMS", "x", 1);
    setenv("ORDERLOG_NOTE", "", 1); /* empty: not given */
    setenv("ORDERLOG_CONFIG", "test.conf", 1);
    assert_load_result(0, load(NULL));
    assert_int_equal(ev_config_int(config, "threads"), 13);
    assert_string_equal(ev_config_string(config, "note"), "dot # env");
    assert_string_equal(ev_config_string(config, "kafka-brokers"), "b1:1,b2:2");
    assert_loads("--threads=14");
    assert_int_equal(ev_config_int(config, "threads"), 14);
}

static void test_config_file_is_named_by_flag_environment_or_dotenv(void **state)
{
    (void)state;
    write_file("test.conf", "note = test\n");
    write_file("other.conf", "note = other\n");
    write_file(".env", "ORDERLOG_CONFIG=test.conf\n");
    assert_load_result(0, load(NULL));
    assert_string_equal(ev_config_string(config, "note"), "test");
    setenv("ORDERLOG_CONFIG", "other.conf", 1);
    assert_load_result(0, load(NULL));
    assert_string_equal(ev_config_string(config, "note"), "other");
    assert_loads("--config", "test.conf");
    assert_string_equal(ev_config_string(config, "note"), "test");
    assert_load_result(EV_ERR_NOT_FOUND, load("--config=absent.conf", NULL));
    assert_contains(error.message, "absent.conf can't be opened: No such file");
}

static void test_bad_files_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"note = x\nthread = 4\n", "test.conf:2: unknown name \"thread\"; testd --help"},
        {"\n\nthreads = many\n", "test.conf:3: threads is a whole number"},
        {"threads\n", "test.conf:1: a line is NAME = VALUE"},
        {"= 4\n", "test.conf:1: a line is NAME = VALUE"},
        {"note = \"open\n", "test.conf:1: a quote isn't closed"},
        {"note = \"a\" b\n", "test.conf:1: a quote isn't closed, or something stands behind it"},
        {"ORDERLOG_THREADS = 4\n", "test.conf:1: unknown name"},
        {"kafka. = 4\n", "test.conf:1: the name of a librdkafka property is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file("test.conf", cases[i].text);
        assert_invalid(cases[i].message, "--config=test.conf");
    }
    write_file(".env", "\nORDERLOG_THREADS=99\n");
    assert_invalid(".env:2: threads is a whole number from 1 to 64, not \"99\"", "x");
    unlink(".env");
    setenv("ORDERLOG_THREADS", "none", 1);
    assert_invalid("environment variable ORDERLOG_THREADS: threads is", "x");
}

static void test_values_in_files(void **state)
{
    (void)state;
    write_file("test.conf", "note = mongodb://a#b  # but this is a comment\r\n");
    assert_loads("--config=test.conf");
    assert_string_equal(ev_config_string(config, "note"), "mongodb://a#b");
    write_file("test.conf", "note = # nothing\nthreads=5");
    assert_loads("--config=test.conf");
    assert_string_equal(ev_config_string(config, "note"), "");
    assert_int_equal(ev_config_int(config, "threads"), 5);
}

static void test_files_are_bounded(void **state)
{
    (void)state;
    FILE *file = fopen("test.conf", "w");
    assert_non_null(file);
    for (size_t i = 0; i <= EV_CONFIG_FILE_MAX; i++)
        fputc('#', file);
    fclose(file);
    assert_invalid("test.conf is longer than 65536 bytes", "--config=test.conf");
    file = fopen("test.conf", "w");
    assert_non_null(file);
    fwrite("note = a\0b", 1, 10, file);
    fclose(file);
    assert_invalid("test.conf is no text", "--config=test.conf");
    char value[EV_CONFIG_VALUE_MAX + 2];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    assert_invalid("--note: note is longer than 8192 bytes", "--note", value);
}

static void test_secrets_from_files(void **state)
{
    (void)state;
    write_file("secret", "mongodb://user:pass@host/\r\n");
    setenv("ORDERLOG_MONGODB_URI_FILE", "secret", 1);
    assert_load_result(0, load(NULL));
    assert_string_equal(ev_config_string(config, "mongodb-uri"), "mongodb://user:pass@host/");
    setenv("ORDERLOG_MONGODB_URI", "mongodb://other", 1);
    assert_invalid("ORDERLOG_MONGODB_URI and ORDERLOG_MONGODB_URI_FILE are both set", "x");
    unsetenv("ORDERLOG_MONGODB_URI");
    write_file(".env", "ORDERLOG_MONGODB_URI=mongodb://dotenv\n"); /* an earlier source may differ */
    assert_load_result(0, load(NULL));
    assert_string_equal(ev_config_string(config, "mongodb-uri"), "mongodb://user:pass@host/");
    setenv("ORDERLOG_MONGODB_URI_FILE", "absent", 1);
    assert_load_result(EV_ERR_NOT_FOUND, load(NULL));
    assert_contains(error.message, "environment variable ORDERLOG_MONGODB_URI_FILE: absent can't be opened");
}

static const char *kafka_property(const char *name)
{
    const char *found = NULL;
    for (const char *const *at = ev_config_kafka(config); at[0]; at += 2) {
        if (strcmp(at[0], name) != 0)
            continue;
        assert_null(found); /* each name once */
        found = at[1];
    }
    return found;
}

static void test_kafka_properties(void **state)
{
    (void)state;
    write_file("test.conf", "kafka.security.protocol = SSL\nkafka.client.id = file\n");
    setenv("ORDERLOG_KAFKA_OPTS", "client.id=env, debug=broker\\,topic ,ssl.ca=a\\\\b=c,", 1);
    assert_loads("--config=test.conf", "--kafka.linger.ms=0", "--kafka.acks", "all");
    assert_string_equal(kafka_property("security.protocol"), "SSL");
    assert_string_equal(kafka_property("client.id"), "env");
    assert_string_equal(kafka_property("debug"), "broker,topic");
    assert_string_equal(kafka_property("ssl.ca"), "a\\b=c");
    assert_string_equal(kafka_property("linger.ms"), "0");
    assert_string_equal(kafka_property("acks"), "all");
    assert_null(kafka_property("absent"));
    setenv("ORDERLOG_KAFKA_OPTS", "client.id", 1);
    assert_invalid("ORDERLOG_KAFKA_OPTS: \"client.id\" is not NAME=VALUE", "x");
}

static void load_help(void *context)
{
    *(int *)context = load("--threads=wrong", "--help", "--unknown", NULL);
}

static void load_markdown(void *context)
{
    *(int *)context = load("--help=markdown", NULL);
}

static void load_version(void *context)
{
    *(int *)context = load("--version", NULL);
}

static void test_help_comes_from_the_table(void **state)
{
    (void)state;
    int result = 0;
    char *text = capture(STDOUT_FILENO, load_help, &result);
    assert_int_equal(result, 1);
    assert_contains(text, "Usage: testd [options] FILE...\nTests the configuration.\n");
    assert_contains(text, "--threads NUMBER");
    assert_contains(text, "event loops; 1 to 64; default 4 [ORDERLOG_THREADS]");
    assert_contains(text, "--config FILE");
    struct ev_str rest = ev_str_of(text), line;
    while (ev_str_split(&rest, '\n', &line))
        assert_in_range(line.length, 0, 120);
    free(text);
    text = capture(STDOUT_FILENO, load_markdown, &result);
    assert_int_equal(result, 1);
    assert_contains(text, "| `--threads` | `ORDERLOG_THREADS` | NUMBER 1–64 | `4` | event loops |\n");
    assert_contains(text, "| `--mongodb-uri` | `ORDERLOG_MONGODB_URI`, `…_FILE` | SECRET |");
    free(text);
    text = capture(STDOUT_FILENO, load_version, &result);
    assert_int_equal(result, 2);
    assert_true(strncmp(text, "testd ", 6) == 0);
    free(text);
}

static void ask_for_unknown_name(void)
{
    load(NULL);
    ev_config_string(config, "nonsense");
}

static void test_unknown_name_is_fatal(void **state)
{
    (void)state;
    assert_fatal(ask_for_unknown_name, "option nonsense is asked for");
}

#define with_clean_up(test) cmocka_unit_test_teardown(test, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_clean_up(test_defaults),
        with_clean_up(test_flags),
        with_clean_up(test_bad_flags),
        with_clean_up(test_later_sources_win),
        with_clean_up(test_config_file_is_named_by_flag_environment_or_dotenv),
        with_clean_up(test_bad_files_say_where),
        with_clean_up(test_values_in_files),
        with_clean_up(test_files_are_bounded),
        with_clean_up(test_secrets_from_files),
        with_clean_up(test_kafka_properties),
        with_clean_up(test_help_comes_from_the_table),
        with_clean_up(test_unknown_name_is_fatal),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
