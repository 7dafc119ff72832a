/* HTTP/1.1 as far as this service needs it: requests in, responses out, no I/O. */
#ifndef HTTP_H
#define HTTP_H
#include <stdbool.h>
#include <stddef.h>

enum { HEAD_LIMIT = 8192, BODY_LIMIT = 65536, RESPONSE_LIMIT = 2048 };

struct request {
    char path[HEAD_LIMIT];
    char query[HEAD_LIMIT];
    bool head_only;
    bool keep_alive;
    size_t head_length; /* bytes up to and with the empty line */
    size_t body_length; /* bytes to skip behind it */
};

/* 200: a request is there; 0: more bytes are needed; else the status that refuses it. */
int http_parse(const char *bytes, size_t length, struct request *request);

/* Writes a whole response into RESPONSE_LIMIT bytes; returns its length. */
size_t http_respond(char *out, int status, const char *type, const char *body, bool head_only, bool last);

/* Decodes %41 and + of a query's value in place; its length, or -1 if it is malformed. */
long http_decode(char *text);

/* Copies the value of `name` out of a query; false if it is not there or does not fit. */
bool http_parameter(const char *query, const char *name, char *out, size_t size);

/* Quotes `text` for JSON; what does not fit is cut off. */
void json_string(const char *text, char *out, size_t size);

#endif
