#include "core/uuid.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "core/fatal.h"

#define SHA1_LENGTH 20

const struct ev_uuid ev_uuid_namespace_orderlog = {
    {0x09, 0xa3, 0xc8, 0xa3, 0xd9, 0x1b, 0x56, 0xdd, 0x8c, 0x78, 0x98, 0x4b, 0x39, 0x8d, 0xfe, 0xfa}};

static void uuid_set_version(struct ev_uuid *uuid, unsigned version)
{
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | version << 4);
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
}

struct ev_uuid ev_uuid_v7(const struct ev_clock *clock, const struct ev_random *random)
{
    struct ev_uuid uuid;
    uint64_t ms = (uint64_t)ev_clock_wall_ms(clock);
    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    random->fill(random->context, uuid.bytes + 6, sizeof(uuid.bytes) - 6);
    uuid_set_version(&uuid, 7);
    return uuid;
}

static EVP_MD *uuid_sha1;

static void uuid_fetch_sha1(void)
{
    uuid_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
}

/* Asked for once: OpenSSL looks through its providers every time. */
static const EVP_MD *uuid_digest(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, uuid_fetch_sha1);
    return uuid_sha1;
}

struct ev_uuid ev_uuid_v5(const struct ev_uuid *namespace_id, struct ev_str name)
{
    uint8_t digest[SHA1_LENGTH];
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && uuid_digest() && EVP_DigestInit_ex(context, uuid_digest(), NULL) &&
                EVP_DigestUpdate(context, namespace_id->bytes, sizeof(namespace_id->bytes)) &&
                EVP_DigestUpdate(context, name.length ? name.data : "", name.length) &&
                EVP_DigestFinal_ex(context, digest, &length) && length == sizeof(digest);
    EVP_MD_CTX_free(context);
    if (!done)
        ev_fatal("OpenSSL gives no SHA-1, which derived ids need (RFC 9562); look at its providers (openssl list "
                 "-providers)");
    struct ev_uuid uuid;
    memcpy(uuid.bytes, digest, sizeof(uuid.bytes));
    uuid_set_version(&uuid, 5);
    return uuid;
}

static bool uuid_hyphen_at(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void ev_uuid_format(const struct ev_uuid *uuid, char ret_text[EV_UUID_TEXT_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (uuid_hyphen_at(at))
            ret_text[at++] = '-';
        ret_text[at++] = digits[uuid->bytes[i] >> 4];
        ret_text[at++] = digits[uuid->bytes[i] & 0x0f];
    }
    ret_text[at] = '\0';
}

static int uuid_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ev_uuid_parse(struct ev_str text, struct ev_uuid *ret)
{
    if (text.length != EV_UUID_TEXT_LENGTH)
        return false;
    struct ev_uuid uuid;
    size_t at = 0;
    for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
        if (uuid_hyphen_at(at) && text.data[at++] != '-')
            return false;
        int high = uuid_digit(text.data[at++]), low = uuid_digit(text.data[at++]);
        if (high < 0 || low < 0)
            return false;
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = uuid;
    return true;
}

bool ev_uuid_equal(const struct ev_uuid *a, const struct ev_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
