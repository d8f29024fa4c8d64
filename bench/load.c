/* The load of the benchmark: a closed loop of connections, each sending its next request when the answer is complete.
 *
 *   load unary  PORT CONNECTIONS REQUEST_FILE WARM_MS MEASURE_MS
 *   load stream PORT CONNECTIONS REQUEST_FILE WARM_MS MEASURE_MS
 *
 * REQUEST_FILE holds one whole HTTP/1.1 request. Connections are opened one after another over the first half of the
 * warm-up, so that paced streams are spread over their period. "begin" and "end" are printed when the measured window
 * begins and ends, so that the caller can read processor time and memory at those moments; then no new request is
 * sent, what is open may end within FINISH_MS, and the last line is a JSON object.
 *
 * unary  measures the time from the request to the last byte of its answer.
 * stream measures the delay of each chunk by the "t=<nanoseconds>" that the vendor wrote into it.
 * Whatever is not a complete 200 answer is an error. A stream is complete with the vendor's own finish reason ("stop")
 * and [DONE]: one that was ended in good form before the vendor had finished is counted as "short".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 1 << 16,
    LINE_BYTES = 2048,
    REQUEST_BYTES_MAX = 1 << 20,
    FINISH_MS = 20000,
    ERRORS_MAX = 2000,
    EVENTS_PER_TURN = 256,
    MANTISSA_BITS = 10,
    BUCKETS = 40 << MANTISSA_BITS,
};

/* ---- a histogram of durations in nanoseconds: exact to 0.1 %, whatever the size ---- */

typedef struct {
    uint32_t count[BUCKETS];
    uint64_t total;
    int64_t max;
    double sum;
} histogram;

static int bucket_of(int64_t ns) {
    if (ns < 1 << (MANTISSA_BITS + 1)) return ns < 0 ? 0 : (int)ns;
    int shift = 63 - __builtin_clzll((unsigned long long)ns) - MANTISSA_BITS;
    int at = (shift << MANTISSA_BITS) + (int)(ns >> shift);
    return at < BUCKETS ? at : BUCKETS - 1;
}

static double bucket_ns(int at) {
    if (at < 1 << (MANTISSA_BITS + 1)) return at;
    int shift = (at >> MANTISSA_BITS) - 1;
    return (double)((int64_t)(at - (shift << MANTISSA_BITS)) << shift);
}

static void record(histogram *h, int64_t ns) {
    h->count[bucket_of(ns)]++;
    h->total++;
    h->sum += (double)ns;
    if (ns > h->max) h->max = ns;
}

static double quantile_us(const histogram *h, double q) {
    uint64_t rank = (uint64_t)(q * (double)h->total), seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += h->count[i];
        if (seen > rank) return bucket_ns(i) / 1000.0;
    }
    return (double)h->max / 1000.0;
}

/* ---- one connection and the answer it is reading ---- */

enum phase { HEAD, COUNTED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

typedef struct {
    int fd; /* -1 before it is opened and after it was given up */
    enum phase phase;
    size_t left;   /* bytes of the body or chunk still to come */
    int64_t sent_ns;
    bool busy, ok, stop_seen, done_seen, close_after;
    int line_len;
    char line[LINE_BYTES]; /* the line being collected: of the head, a chunk size, or the event stream */
} call;

static call *calls;
static int calls_opened, calls_busy, epoll_fd, connections;
static bool streaming, measuring, finishing;
static histogram delays;
static uint64_t answers, answers_measured, errors, short_streams, chunks_measured;
static char request[REQUEST_BYTES_MAX];
static size_t request_len;
static struct sockaddr_in target;
static char first_error[600];

static int64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void begin_call(call *c) {
    c->phase = HEAD;
    c->left = 0;
    c->line_len = 0;
    c->ok = c->stop_seen = c->done_seen = c->close_after = false;
    if (!c->busy) calls_busy++;
    c->busy = true;
    c->sent_ns = clock_ns();
    /* A request is small next to a socket buffer that is empty, so it leaves whole or the connection is dead. */
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) shutdown(c->fd, SHUT_RDWR);
}

static void end_busy(call *c) {
    if (c->busy) calls_busy--;
    c->busy = false;
}

static void open_call(call *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&target, sizeof target)) {
        snprintf(first_error, sizeof first_error, "connect: %s", strerror(errno));
        errors++;
        if (c->fd >= 0) close(c->fd);
        c->fd = -1;
        end_busy(c);
        return;
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    begin_call(c);
}

static void reopen_call(call *c) {
    close(c->fd);
    c->fd = -1;
    if (finishing) end_busy(c);
    else open_call(c);
}

static void fail_call(call *c, const char *why) {
    errors++;
    if (!first_error[0]) snprintf(first_error, sizeof first_error, "%s", why);
    reopen_call(c);
}

static void complete_call(call *c) {
    if (!c->ok || (streaming && !c->done_seen)) {
        fail_call(c, c->ok ? "a stream ended without [DONE]" : "an answer was not 200");
        return;
    }
    answers++;
    if (streaming && !c->stop_seen) short_streams++;
    if (measuring) answers_measured++;
    if (measuring && !streaming) record(&delays, clock_ns() - c->sent_ns);
    if (c->close_after) reopen_call(c);
    else if (finishing) end_busy(c);
    else begin_call(c);
}

/* ---- reading answers, in pieces of any size ---- */

static void read_event_line(call *c, int64_t now) {
    if (c->line_len < 6 || memcmp(c->line, "data: ", 6) != 0) return;
    char *stamp = memmem(c->line, (size_t)c->line_len, "t=0", 3);
    if (stamp) {
        if (!measuring) return;
        chunks_measured++;
        record(&delays, now - strtoll(stamp + 2, NULL, 10));
    } else if (memmem(c->line, (size_t)c->line_len, "[DONE]", 6)) {
        c->done_seen = true;
    } else if (memmem(c->line, (size_t)c->line_len, "\"finish_reason\":\"stop\"", 22)) {
        c->stop_seen = true;
    } else if (memmem(c->line, (size_t)c->line_len, "\"error\"", 7)) {
        c->ok = false;
        if (!first_error[0]) snprintf(first_error, sizeof first_error, "%.*s", c->line_len, c->line);
    }
}

static void read_event_bytes(call *c, const char *bytes, size_t len, int64_t now) {
    while (len) {
        const char *newline = memchr(bytes, '\n', len);
        size_t take = newline ? (size_t)(newline - bytes) : len;
        size_t room = (size_t)(LINE_BYTES - 1 - c->line_len);
        size_t keep = take < room ? take : room;
        memcpy(c->line + c->line_len, bytes, keep);
        c->line_len += (int)keep;
        if (!newline) return;
        c->line[c->line_len] = 0;
        read_event_line(c, now);
        c->line_len = 0;
        bytes += take + 1;
        len -= take + 1;
    }
}

/* One line of the head or of the chunk framing, without its CRLF. Returns false when the answer is complete. */
static bool read_framing_line(call *c) {
    c->line[c->line_len] = 0;
    const char *line = c->line;
    bool empty = c->line_len == 0;
    c->line_len = 0;
    switch (c->phase) {
    case HEAD:
        if (strncmp(line, "HTTP/1.1 ", 9) == 0) {
            c->ok = strncmp(line + 9, "200", 3) == 0;
            c->left = 0;
            if (!c->ok && !first_error[0]) snprintf(first_error, sizeof first_error, "%.80s", line);
        } else if (strncasecmp(line, "content-length:", 15) == 0) {
            c->left = (size_t)strtoul(line + 15, NULL, 10);
        } else if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0) {
            c->left = SIZE_MAX;
        } else if (strncasecmp(line, "connection: close", 17) == 0) {
            c->close_after = true;
        } else if (empty) {
            c->phase = c->left == SIZE_MAX ? CHUNK_SIZE : COUNTED;
            return c->left != 0;
        }
        return true;
    case CHUNK_SIZE:
        c->left = (size_t)strtoul(line, NULL, 16);
        c->phase = c->left ? CHUNK_DATA : TRAILER;
        return true;
    case CHUNK_END:
        c->phase = CHUNK_SIZE;
        return true;
    default: /* TRAILER */
        return !empty;
    }
}

/* A chunk of the transfer may end within a line of the event stream, so the framing gets its own small buffer. */
typedef struct {
    int len;
    char bytes[40];
} stash;

static stash *stashes;

static bool read_framing(call *c, const char **at, const char *end) {
    bool head = c->phase == HEAD;
    stash *s = &stashes[c - calls];
    while (*at < end) {
        char byte = *(*at)++;
        if (byte == '\n') {
            if (head) return read_framing_line(c);
            char kept[LINE_BYTES];
            int kept_len = c->line_len;
            memcpy(kept, c->line, (size_t)kept_len);
            memcpy(c->line, s->bytes, (size_t)s->len);
            c->line_len = s->len;
            s->len = 0;
            bool more = read_framing_line(c);
            memcpy(c->line, kept, (size_t)kept_len);
            c->line_len = kept_len;
            return more;
        }
        if (byte == '\r') continue;
        if (head && c->line_len < LINE_BYTES - 1) c->line[c->line_len++] = byte;
        if (!head && s->len < (int)sizeof s->bytes) s->bytes[s->len++] = byte;
    }
    return true;
}

static void read_answer(call *c, const char *at, const char *end, int64_t now) {
    while (at < end) {
        if (c->phase != COUNTED && c->phase != CHUNK_DATA) {
            if (!read_framing(c, &at, end)) return complete_call(c);
            continue;
        }
        size_t take = (size_t)(end - at) < c->left ? (size_t)(end - at) : c->left;
        if (!c->ok && strlen(first_error) < 80)
            snprintf(first_error + strlen(first_error), sizeof first_error - strlen(first_error), " %.*s",
                     take < 400 ? (int)take : 400, at);
        else if (streaming) read_event_bytes(c, at, take, now);
        at += take;
        c->left -= take;
        if (c->left == 0 && c->phase == COUNTED) return complete_call(c);
        if (c->left == 0) c->phase = CHUNK_END;
    }
}

static void read_call(call *c) {
    static char bytes[READ_BYTES];
    ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
    if (got > 0) return read_answer(c, bytes, bytes + got, clock_ns());
    if (got < 0 && errno == EAGAIN) return;
    if (c->busy) return fail_call(c, "the connection broke in the middle of an answer");
    close(c->fd);
    c->fd = -1;
}

/* ---- the course of a run ---- */

static void turn(int wait_ms) {
    struct epoll_event ready[EVENTS_PER_TURN];
    int n = epoll_wait(epoll_fd, ready, EVENTS_PER_TURN, wait_ms);
    for (int i = 0; i < n; i++) {
        call *c = ready[i].data.ptr;
        if (c->fd >= 0) read_call(c);
    }
    if (errors > ERRORS_MAX) {
        fprintf(stderr, "load: %llu errors, the first: %s\n", (unsigned long long)errors, first_error);
        exit(1);
    }
}

static void warm_up(int64_t start, int64_t warm_ns) {
    for (int64_t now; (now = clock_ns()) < start + warm_ns;) {
        double part = (double)(now - start) / ((double)warm_ns / 2);
        int wanted = part >= 1 ? connections : (int)(part * connections) + 1;
        while (calls_opened < wanted && calls_opened < connections) open_call(&calls[calls_opened++]);
        turn(1);
    }
}

static void announce(const char *word) {
    puts(word);
    fflush(stdout);
}

static void read_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    request_len = fread(request, 1, sizeof request, file);
    fclose(file);
}

static void report(double seconds, int open) {
    printf("{\"connections\": %d, \"seconds\": %.4f, \"answers\": %llu, \"answers_total\": %llu, \"errors\": %llu, "
           "\"short\": %llu, \"chunks\": %llu, \"open\": %d, \"unfinished\": %d, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p90_us\": %.2f, "
           "\"p99_us\": %.2f, \"max_us\": %.2f}\n",
           connections, seconds, (unsigned long long)answers_measured, (unsigned long long)answers,
           (unsigned long long)errors, (unsigned long long)short_streams, (unsigned long long)chunks_measured, open, calls_busy,
           delays.total ? delays.sum / (double)delays.total / 1000 : 0, quantile_us(&delays, 0.5),
           quantile_us(&delays, 0.9), quantile_us(&delays, 0.99), (double)delays.max / 1000);
    if (errors) fprintf(stderr, "load: %llu errors, the first: %s\n", (unsigned long long)errors, first_error);
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: load unary|stream PORT CONNECTIONS REQUEST_FILE WARM_MS MEASURE_MS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    streaming = strcmp(argv[1], "stream") == 0;
    connections = atoi(argv[3]);
    read_request(argv[4]);
    calls = calloc((size_t)connections, sizeof *calls);
    stashes = calloc((size_t)connections, sizeof *stashes);
    for (int i = 0; i < connections; i++) calls[i].fd = -1;
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll_fd = epoll_create1(0);

    warm_up(clock_ns(), atoll(argv[5]) * 1000000);
    announce("begin");
    measuring = true;
    int64_t begin = clock_ns(), limit = begin + atoll(argv[6]) * 1000000;
    while (clock_ns() < limit) turn(20);
    measuring = false;
    double seconds = (double)(clock_ns() - begin) / 1e9;
    int open = calls_busy;
    announce("end");
    finishing = true;
    for (int64_t last = clock_ns() + (int64_t)FINISH_MS * 1000000; calls_busy && clock_ns() < last;) turn(20);
    report(seconds, open);
    return 0;
}
