/* What is answered where. */
#ifndef ROUTES_H
#define ROUTES_H
#include "http.h"

/* Writes the response into RESPONSE_LIMIT bytes; returns its length. */
size_t route(const struct request *request, bool last, char *out);

/* The response to a request that http_parse refused with `status`. */
size_t refusal(int status, char *out);

/* A variable of the environment; where this runs by hand most are not set. */
const char *variable(const char *name);

#endif
