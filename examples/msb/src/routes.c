#include "routes.h"
#include "crc32.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const JSON = "application/json";
static const char *const TEXT = "text/plain; charset=utf-8";

const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : "unknown";
}

static int version(char *body, size_t size)
{
    char commit[256], release[256];
    json_string(variable("COMMIT"), commit, sizeof commit);
    json_string(variable("RELEASE"), release, sizeof release);
    snprintf(body, size, "{\"component\":\"msb\",\"commit\":%s,\"release\":%s}", commit, release);
    return 200;
}

static int checksum(const char *query, char *body, size_t size)
{
    char text[HEAD_LIMIT];
    long length = http_parameter(query, "text", text, sizeof text) ? http_decode(text) : -1;
    if (length < 0) {
        snprintf(body, size, "{\"error\":\"text must be given, percent-encoded\"}");
        return 400;
    }
    uint32_t crc = crc32_of((const unsigned char *)text, (size_t)length);
    snprintf(body, size, "{\"crc32\":\"%08" PRIx32 "\",\"bytes\":%ld}", crc, length);
    return 200;
}

static int not_found(const char *path, char *body, size_t size)
{
    char said[512], quoted[768];
    snprintf(said, sizeof said, "nothing is at %.200s", path);
    json_string(said, quoted, sizeof quoted);
    snprintf(body, size, "{\"error\":%s}", quoted);
    return 404;
}

size_t route(const struct request *request, bool last, char *out)
{
    char body[1024];
    const char *type = JSON;
    int status = 200;
    if (strcmp(request->path, "/healthz") == 0) {
        type = TEXT;
        snprintf(body, sizeof body, "ok");
    } else if (strcmp(request->path, "/version") == 0) {
        status = version(body, sizeof body);
    } else if (strcmp(request->path, "/crc32") == 0) {
        status = checksum(request->query, body, sizeof body);
    } else if (strcmp(request->path, "/") == 0) {
        snprintf(body, sizeof body, "{\"component\":\"msb\",\"routes\":[\"/healthz\",\"/version\",\"/crc32?text=hello\"]}");
    } else {
        status = not_found(request->path, body, sizeof body);
    }
    return http_respond(out, status, type, body, request->head_only, last);
}

size_t refusal(int status, char *out)
{
    const char *why = status == 405   ? "only GET and HEAD are answered\n"
                      : status == 413 ? "a body may have 64 KiB\n"
                      : status == 431 ? "the request's head is longer than 8 KiB\n"
                      : status == 501 ? "a body needs a Content-Length\n"
                      : status == 505 ? "this server speaks HTTP/1.1\n"
                                      : "the request is malformed\n";
    return http_respond(out, status, TEXT, why, false, true);
}
