#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t length;
};

static bool is_word(struct span span, const char *word)
{
    return span.length == strlen(word) && strncasecmp(span.at, word, span.length) == 0;
}

static struct span trimmed(struct span span)
{
    while (span.length && (*span.at == ' ' || *span.at == '\t'))
        span.at++, span.length--;
    while (span.length && (span.at[span.length - 1] == ' ' || span.at[span.length - 1] == '\t'))
        span.length--;
    return span;
}

/* Takes what stands before `end` off the front of `rest`. */
static bool take(struct span *rest, char end, struct span *taken)
{
    const char *found = memchr(rest->at, end, rest->length);
    if (!found)
        return false;
    *taken = (struct span){rest->at, (size_t)(found - rest->at)};
    rest->length -= taken->length + 1;
    rest->at = found + 1;
    return true;
}

/* Path and query; a proxy may pass on the whole URL, which a server must accept. */
static bool parse_target(struct span target, struct request *request)
{
    for (size_t i = 0; i < target.length; i++)
        if (target.at[i] <= ' ' || target.at[i] > '~')
            return false; /* also beyond ASCII, where char may be negative or not */
    if (target.length >= 7 && strncmp(target.at, "http://", 7) == 0) {
        size_t start = 7;
        while (start < target.length && target.at[start] != '/' && target.at[start] != '?')
            start++;
        target.at += start;
        target.length -= start;
    } else if (!target.length || *target.at != '/') {
        return false;
    }
    struct span path;
    request->query[0] = '\0';
    if (take(&target, '?', &path)) {
        memcpy(request->query, target.at, target.length);
        request->query[target.length] = '\0';
    } else {
        path = target;
    }
    if (!path.length)
        path = (struct span){"/", 1};
    memcpy(request->path, path.at, path.length);
    request->path[path.length] = '\0';
    return true;
}

struct headers {
    int hosts;
    bool close, keep_alive, has_length;
    size_t body;
};

static int parse_length(struct span value, struct headers *headers)
{
    size_t number = 0;
    if (!value.length)
        return 400;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.at[i]))
            return 400;
        if (number <= BODY_LIMIT)
            number = number * 10 + (size_t)(value.at[i] - '0');
    }
    if (headers->has_length && headers->body != number)
        return 400;
    headers->has_length = true;
    headers->body = number;
    return number > BODY_LIMIT ? 413 : 200;
}

static void parse_connection(struct span value, struct headers *headers)
{
    struct span option;
    while (value.length) {
        if (!take(&value, ',', &option)) {
            option = value;
            value.length = 0;
        }
        headers->close |= is_word(trimmed(option), "close");
        headers->keep_alive |= is_word(trimmed(option), "keep-alive");
    }
}

static int parse_header(struct span line, struct headers *headers)
{
    struct span name;
    if (!take(&line, ':', &name) || !name.length)
        return 400;
    for (size_t i = 0; i < name.length; i++)
        if (!isalnum((unsigned char)name.at[i]) && !strchr("!#$%&'*+-.^_`|~", name.at[i]))
            return 400;
    struct span value = trimmed(line);
    if (is_word(name, "host"))
        return ++headers->hosts > 1 ? 400 : 200;
    if (is_word(name, "transfer-encoding"))
        return 501;
    if (is_word(name, "content-length"))
        return parse_length(value, headers);
    if (is_word(name, "connection"))
        parse_connection(value, headers);
    return 200;
}

/* The end of the head within its limit, or NULL. */
static const char *head_end(const char *bytes, size_t length)
{
    for (size_t i = 0; i + 4 <= length && i + 4 <= HEAD_LIMIT; i++)
        if (memcmp(bytes + i, "\r\n\r\n", 4) == 0)
            return bytes + i;
    return NULL;
}

/* The line up to CR LF; a CR or NUL within it is none. */
static bool take_line(struct span *rest, struct span *line)
{
    if (!take(rest, '\n', line) || !line->length || line->at[line->length - 1] != '\r')
        return false;
    line->length--;
    return !memchr(line->at, '\r', line->length) && !memchr(line->at, '\0', line->length);
}

int http_parse(const char *bytes, size_t length, struct request *request)
{
    const char *end = head_end(bytes, length);
    if (!end)
        return length >= HEAD_LIMIT ? 431 : 0;
    request->head_length = (size_t)(end - bytes) + 4;
    struct span rest = {bytes, request->head_length - 2}, line, method, target;
    if (!take_line(&rest, &line) || !take(&line, ' ', &method) || !take(&line, ' ', &target))
        return 400;
    bool is_11 = is_word(line, "HTTP/1.1");
    if (!is_11 && !is_word(line, "HTTP/1.0"))
        return memchr(line.at, ' ', line.length) ? 400 : 505;
    struct headers headers = {0};
    while (rest.length) {
        struct span header;
        int status = take_line(&rest, &header) ? parse_header(header, &headers) : 400;
        if (status != 200)
            return status;
    }
    if (is_11 && headers.hosts != 1)
        return 400;
    request->head_only = method.length == 4 && memcmp(method.at, "HEAD", 4) == 0;
    if (!request->head_only && !(method.length == 3 && memcmp(method.at, "GET", 3) == 0))
        return 405;
    if (!parse_target(target, request))
        return 400;
    request->body_length = headers.body;
    request->keep_alive = !headers.close && (is_11 || headers.keep_alive);
    return 200;
}

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

size_t http_respond(char *out, int status, const char *type, const char *body, bool head_only, bool last)
{
    int length = snprintf(out, RESPONSE_LIMIT,
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n%s\r\n%s",
                          status, reason(status), type, strlen(body), last ? "close" : "keep-alive",
                          status == 405 ? "Allow: GET, HEAD\r\n" : "", head_only ? "" : body);
    if (length < 0 || length >= RESPONSE_LIMIT)
        abort(); /* bodies are bounded by their callers */
    return (size_t)length;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long http_decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in == '%') {
            int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0)
                return -1;
            *out++ = (char)(high * 16 + low);
            in += 2;
        } else {
            *out++ = *in == '+' ? ' ' : *in;
        }
    }
    *out = '\0';
    return (long)(out - text);
}

bool http_parameter(const char *query, const char *name, char *out, size_t size)
{
    size_t name_length = strlen(name);
    for (const char *pair = query; pair; pair = strchr(pair, '&') ? strchr(pair, '&') + 1 : NULL) {
        if (strncmp(pair, name, name_length) != 0 || pair[name_length] != '=')
            continue;
        const char *value = pair + name_length + 1;
        size_t length = strcspn(value, "&");
        if (length >= size)
            return false;
        memcpy(out, value, length);
        out[length] = '\0';
        return true;
    }
    return false;
}

void json_string(const char *text, char *out, size_t size)
{
    size_t used = 0;
    out[used++] = '"';
    for (; *text && used + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            out[used++] = '\\', out[used++] = *text;
        else if (c < ' ')
            used += (size_t)snprintf(out + used, size - used, "\\u%04x", c);
        else
            out[used++] = *text;
    }
    out[used++] = '"';
    out[used] = '\0';
}
