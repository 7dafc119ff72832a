/* The example project's microservice b: checksums. One thread, one poll loop. */
#include "routes.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 1000, /* below the usual 1024 files; further ones wait in the kernel's queue */
    IDLE_MS = 65000,    /* longer than the 60 s of the usual load balancer */
    ARRIVAL_MS = 10000, /* from a request's first byte to its last, and to send a response */
    LINGER_MS = 250,    /* of silence after SIGTERM: a request on its way has arrived */
    CLOSING_MS = 1000,  /* closing with unread bytes could take the response with it */
    DRAIN_MS = 5000,    /* for all requests together, after SIGTERM */
};

struct connection {
    int fd;
    bool last;    /* the response being sent is the last one */
    bool closing; /* our side is shut, the rest is read and forgotten */
    int64_t deadline;
    size_t skip; /* bytes of a body still to come */
    size_t received, sent, to_send;
    char in[HEAD_LIMIT];
    char out[RESPONSE_LIMIT];
};

static volatile sig_atomic_t stop_asked;
static bool draining;
static struct connection *connections[CONNECTIONS];
static size_t open_count;

static void on_signal(int signal)
{
    (void)signal;
    stop_asked = 1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int listen_on(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *address;
    if (getaddrinfo(host, port, &hints, &address) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    bool listens = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                   bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 1024) == 0;
    freeaddrinfo(address);
    return listens ? fd : -1;
}

static void drop(size_t slot)
{
    close(connections[slot]->fd);
    free(connections[slot]);
    connections[slot] = connections[--open_count];
}

/* False when the queue is empty, or the process can hold no more connections for now. */
static bool accept_one(int listener)
{
    if (open_count == CONNECTIONS)
        return false;
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    struct connection *connection = malloc(sizeof *connection);
    if (!connection) {
        close(fd);
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    memset(connection, 0, offsetof(struct connection, in));
    connection->fd = fd;
    connection->deadline = now_ms() + IDLE_MS;
    connections[open_count++] = connection;
    return true;
}

/* Removes the first bytes of what was received. */
static void consume(struct connection *c, size_t count)
{
    memmove(c->in, c->in + count, c->received - count);
    c->received -= count;
}

/* Answers the next request if it is there and nothing is being sent. */
static void answer_next(struct connection *c)
{
    static struct request request;
    size_t skipped = c->skip < c->received ? c->skip : c->received;
    consume(c, skipped);
    c->skip -= skipped;
    if (c->to_send || c->closing || c->skip || !c->received)
        return;
    int status = http_parse(c->in, c->received, &request);
    if (status == 0)
        return;
    c->sent = 0;
    if (status == 200) {
        c->last = draining || !request.keep_alive;
        c->to_send = route(&request, c->last, c->out);
        c->skip = request.body_length;
        consume(c, request.head_length);
    } else {
        c->last = true;
        c->to_send = refusal(status, c->out);
        c->received = 0;
    }
    c->deadline = now_ms() + ARRIVAL_MS;
}

/* False when the connection is broken. */
static bool send_some(struct connection *c)
{
    while (c->sent < c->to_send) {
        ssize_t count = send(c->fd, c->out + c->sent, c->to_send - c->sent, MSG_NOSIGNAL);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        c->sent += (size_t)count;
    }
    if (c->to_send) {
        c->to_send = 0;
        c->deadline = now_ms() + (draining ? LINGER_MS : IDLE_MS);
        if (c->last) {
            c->closing = true;
            c->deadline = now_ms() + CLOSING_MS;
            shutdown(c->fd, SHUT_WR);
        }
    }
    return true;
}

/* False when the other side has ended or the connection is broken. */
static bool receive(struct connection *c)
{
    bool was_waiting = !c->received && !c->skip;
    if (c->closing)
        c->received = 0;
    ssize_t count = recv(c->fd, c->in + c->received, sizeof c->in - c->received, 0);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count > 0 && was_waiting && !c->closing)
        c->deadline = now_ms() + ARRIVAL_MS;
    c->received += (size_t)count;
    return count > 0;
}

/* Answers what is there, one after the other; false when the connection has ended. */
static bool serve(struct connection *c, short events)
{
    if ((events & (POLLIN | POLLHUP | POLLERR)) && !receive(c))
        return false;
    for (;;) {
        if (!c->closing)
            answer_next(c);
        if (!c->to_send)
            return true;
        if (!send_some(c))
            return false;
        if (c->to_send)
            return true;
    }
}

static short wanted(const struct connection *c)
{
    return c->to_send ? POLLOUT : POLLIN;
}

static void begin_draining(int listener)
{
    fprintf(stderr, "msb: SIGTERM, finishing %zu connections\n", open_count);
    /* Who connected before the signal is in the queue and still gets an answer. */
    while (accept_one(listener))
        ;
    close(listener);
    draining = true;
    for (size_t slot = 0; slot < open_count; slot++) {
        struct connection *c = connections[slot];
        if (!c->received && !c->skip && !c->to_send && !c->closing)
            c->deadline = now_ms() + LINGER_MS;
    }
}

/* How long poll may wait: until the first deadline. */
static int patience(int64_t end)
{
    int64_t first = end;
    for (size_t slot = 0; slot < open_count; slot++)
        if (connections[slot]->deadline < first)
            first = connections[slot]->deadline;
    int64_t left = first - now_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void turn(int listener, int64_t end, const sigset_t *unblocked)
{
    static struct pollfd polls[CONNECTIONS + 1];
    size_t count = open_count;
    for (size_t slot = 0; slot < count; slot++)
        polls[slot] = (struct pollfd){connections[slot]->fd, wanted(connections[slot]), 0};
    bool accepts = !draining && open_count < CONNECTIONS;
    polls[count] = (struct pollfd){accepts ? listener : -1, POLLIN, 0};
    int wait = patience(end);
    struct timespec timeout = {wait / 1000, wait % 1000 * 1000000L};
    /* The signals are let in only here, so none can slip in between the look and the wait. */
    if (ppoll(polls, count + 1, &timeout, unblocked) < 0)
        return;
    int64_t now = now_ms();
    /* Backwards, because dropping one moves the last into its place. */
    for (size_t slot = count; slot-- > 0;) {
        struct connection *c = connections[slot];
        bool alive = polls[slot].revents ? serve(c, polls[slot].revents) : now < c->deadline;
        if (!alive)
            drop(slot);
    }
    if (polls[count].revents)
        for (int burst = 0; burst < 64 && accept_one(listener); burst++)
            ;
}

int main(void)
{
    const char *host = getenv("HOST"), *port = getenv("PORT");
    host = host && *host ? host : "127.0.0.1";
    port = port && *port ? port : "8083";
    sigset_t stop, unblocked;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, &unblocked);
    sigdelset(&unblocked, SIGTERM);
    sigdelset(&unblocked, SIGINT);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int listener = listen_on(host, port);
    if (listener < 0) {
        fprintf(stderr, "msb: cannot listen on %s:%s: %s\n", host, port, strerror(errno));
        return 1;
    }
    fprintf(stderr, "msb: commit %s listens on %s:%s\n", variable("COMMIT"), host, port);
    int64_t end = INT64_MAX;
    while (!draining || (open_count && now_ms() < end)) {
        if (stop_asked && !draining) {
            begin_draining(listener);
            end = now_ms() + DRAIN_MS;
        }
        turn(listener, end, &unblocked);
    }
    fprintf(stderr, "msb: stopped, %zu connections unfinished\n", open_count);
    return open_count ? 1 : 0;
}
