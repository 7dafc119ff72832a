/* The rules without a server. Prints each check that fails, and how many there were. */
#include "../src/crc32.h"
#include "../src/routes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks, failures;

static void check(int holds, const char *sentence, const char *detail)
{
    checks++;
    if (!holds) {
        failures++;
        printf("FAIL  %s: %s\n", sentence, detail);
    }
}

static void check_crc(const char *text, uint32_t expected)
{
    check(crc32_of((const unsigned char *)text, strlen(text)) == expected, "a known text has its known checksum", text);
}

static struct request request;

static void check_parse(const char *bytes, int expected)
{
    check(http_parse(bytes, strlen(bytes), &request) == expected, "a request is taken or refused", bytes);
}

static void check_target(const char *bytes, const char *path, const char *query, int keep_alive)
{
    check_parse(bytes, 200);
    check(strcmp(request.path, path) == 0 && strcmp(request.query, query) == 0, "path and query are told apart", bytes);
    check(request.keep_alive == keep_alive, "a connection stays open as version and header say", bytes);
}

static void requests(void)
{
    check_target("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "/a", "b=c", 1);
    check_target("GET http://msb.test:8083/a?b HTTP/1.1\r\nhost: x\r\nConnection: x, Close\r\n\r\n", "/a", "b", 0);
    check_target("GET http://msb.test HTTP/1.1\r\nHost: x\r\n\r\n", "/", "", 1);
    check_target("GET /? HTTP/1.0\r\n\r\n", "/", "", 0);
    check_target("GET / HTTP/1.0\r\nConnection:keep-alive \r\n\r\n", "/", "", 1);
    check_target("HEAD /h HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n", "/h", "", 1);
    check(request.head_only && request.body_length == 12, "HEAD and the length of a body are seen", "/h");
    check_parse("GET / HTTP/1.1\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\nHost: x\r\n\r\n", 400);
    check_parse("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    check_parse("GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    check_parse("GET /\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400);
    check_parse("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413);
    check_parse("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501);
    check_parse("POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405);
    check_parse("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505);
}

static void long_requests(void)
{
    static char bytes[HEAD_LIMIT];
    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes, "GET /", 5);
    check(http_parse(bytes, sizeof bytes, &request) == 431, "a head without end is refused", "8 KiB of a");
    const char *end = " HTTP/1.1\r\nHost: x\r\n\r\n";
    memcpy(bytes + sizeof bytes - strlen(end), end, strlen(end));
    check(http_parse(bytes, sizeof bytes, &request) == 200, "a head may be as long as the limit", "8 KiB");
    check(http_parse(bytes, sizeof bytes - 1, &request) == 0, "one byte less is no whole head", "8 KiB - 1");
}

/* Random damage, the same at each run: nothing may be read or written out of bounds. */
static void damaged_requests(void)
{
    const char *good = "GET /crc32?text=a%20b HTTP/1.1\r\nHost: msb.test\r\nConnection: close\r\nContent-Length: 7\r\n\r\n";
    size_t length = strlen(good);
    uint32_t random = 1;
    int statuses = 0;
    for (int round = 0; round < 20000; round++) {
        char *bytes = malloc(length); /* exactly as long, so that a sanitizer sees one byte too far */
        memcpy(bytes, good, length);
        for (int hit = 0; hit < 3; hit++) {
            random = random * 1664525u + 1013904223u;
            bytes[(random >> 8) % length] = "\r\n :%?/\0\xff" "a"[(random >> 4) % 10];
        }
        size_t cut = round % 2 ? length : (random >> 8) % length;
        int status = http_parse(bytes, cut, &request);
        statuses += status == 0 || (status >= 400 && status <= 505) ||
                    (status == 200 && request.head_length <= cut && request.path[0] == '/');
        free(bytes);
    }
    check(statuses == 20000, "damage is refused or harmless", "20000 rounds");
    for (size_t cut = 0; cut < length; cut++)
        check(http_parse(good, cut, &request) == 0, "a request's beginning is no request", good);
}

static void check_route(const char *target, const char *expected)
{
    char bytes[1024], out[RESPONSE_LIMIT];
    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    check_parse(bytes, 200);
    out[route(&request, true, out)] = '\0';
    const char *body = strstr(out, "\r\n\r\n");
    check(body && strcmp(body + 4, expected) == 0, "a route has its answer", out);
}

static void routes(void)
{
    check_route("/healthz", "ok");
    check_route("/version", "{\"component\":\"msb\",\"commit\":\"unknown\",\"release\":\"unknown\"}");
    check_route("/crc32?text=hello", "{\"crc32\":\"3610a686\",\"bytes\":5}");
    check_route("/crc32?a=b&text=a%20+b%C3%BC&text=c", "{\"crc32\":\"7aca9902\",\"bytes\":6}");
    check_route("/crc32?text=", "{\"crc32\":\"00000000\",\"bytes\":0}");
    check_route("/crc32", "{\"error\":\"text must be given, percent-encoded\"}");
    check_route("/crc32?texts=a", "{\"error\":\"text must be given, percent-encoded\"}");
    check_route("/crc32?text=%4", "{\"error\":\"text must be given, percent-encoded\"}");
    check_route("/no\"ne", "{\"error\":\"nothing is at /no\\\"ne\"}");
}

int main(void)
{
    check_crc("", 0);
    check_crc("123456789", 0xCBF43926u);
    check_crc("The quick brown fox jumps over the lazy dog", 0x414FA339u);
    requests();
    long_requests();
    damaged_requests();
    routes();
    printf("msb: %d checks, %d failed\n", checks, failures);
    return failures ? 1 : 0;
}
