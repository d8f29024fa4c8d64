/* The vendor of the benchmark: answers at once, or streams at a fixed pace, and counts what it served.
 *
 * It exists so that the vendor is never what is measured: one thread, one epoll, answers laid out before the first
 * request and only a time stamp patched into each chunk. It speaks just enough HTTP/1.1 for clients that keep their
 * connection open. It is no model of a vendor's behaviour; the demo vendor is.
 *
 *   vendor PORT       0 picks a free port; the first line of output is "port N"
 *
 *   POST, "stream": true in the body   chunks of CHUNK_BYTES, one token of text in each, padded outside of the text
 *                                      with "t=<nanoseconds>" (CLOCK_MONOTONIC) and filler; a finish frame, a
 *                                      usage frame, [DONE]; "pace_ms=20" and "chunks=100" in the body set the pace
 *   POST, anything else                one JSON answer of ANSWER_BYTES with usage
 *   GET                                {"unary": n, "streams": n}: answers completed, for the audit of the books
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_BYTES = 599,
    CHUNK_BYTES = 290,
    STAMP_DIGITS = 19,
    FD_MAX = 65536,
    REQUEST_BYTES_MAX = 1 << 20,
    BACKLOG_BYTES_MAX = 1 << 20,
    EVENTS_PER_TURN = 256,
};

typedef struct peer {
    int fd;
    char *in;
    size_t in_len, in_cap;
    char *out; /* what the socket would not take yet; NULL as long as it takes everything */
    size_t out_len, out_sent, out_cap;
    int chunks_left;
    int64_t pace_ns, due_ns;
    bool queued;
    struct peer *before, *after; /* neighbours in the line of paced streams */
} peer;

static peer *peers[FD_MAX];
static peer *line_head, *line_tail; /* paced streams, the next one due first */
static int epoll_fd;
static uint64_t unary_served, streams_served;

static char answer[2048], chunk[512], ending[2048];
static size_t answer_len, chunk_len, ending_len, stamp_at;

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n";

static int64_t clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- what is answered, laid out once ---- */

static size_t framed(char *to, const char *payload, size_t bytes) {
    int head = sprintf(to, "%zx\r\n", bytes);
    memcpy(to + head, payload, bytes);
    memcpy(to + head + bytes, "\r\n", 2);
    return (size_t)head + bytes + 2;
}

/* Writes before + filler + after so that the whole is `bytes` long. */
static void padded(char *to, size_t bytes, const char *before, const char *after) {
    size_t fixed = strlen(before) + strlen(after);
    if (fixed > bytes) {
        fprintf(stderr, "vendor: a template of %zu bytes does not fit into %zu\n", fixed, bytes);
        exit(2);
    }
    char *at = stpcpy(to, before);
    for (size_t i = 0; i < bytes - fixed; i++) *at++ = (i % 7 == 6) ? ' ' : (char)('a' + i % 26);
    strcpy(at, after);
}

static void lay_out_answer(void) {
    char body[ANSWER_BYTES + 1];
    padded(body, ANSWER_BYTES,
           "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"bench-vendor-1\","
           "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
           "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":250,"
           "\"completion_tokens\":25,\"total_tokens\":275,\"prompt_tokens_details\":{\"cached_tokens\":0,"
           "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}}}");
    answer_len = (size_t)sprintf(answer,
                                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\n"
                                 "Content-Length: %d\r\n\r\n%s",
                                 ANSWER_BYTES, body);
}

#define FRAME_HEAD                                                                                               \
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,"                \
    "\"model\":\"bench-vendor-1\",\"choices\":["

static void lay_out_stream(void) {
    char payload[1024];
    padded(payload, CHUNK_BYTES, FRAME_HEAD "{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}],"
           "\"obfuscation\":\"t=0000000000000000000 ",
           "\"}\n\n");
    chunk_len = framed(chunk, payload, CHUNK_BYTES);
    stamp_at = (size_t)(strstr(chunk, "t=0") - chunk) + 2;

    const char *frames[] = {
        FRAME_HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n",
        FRAME_HEAD "],\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":100,\"total_tokens\":350}}\n\n",
        "data: [DONE]\n\n",
    };
    for (int i = 0; i < 3; i++) ending_len += framed(ending + ending_len, frames[i], strlen(frames[i]));
    memcpy(ending + ending_len, "0\r\n\r\n", 5);
    ending_len += 5;
}

static void stamp_chunk(int64_t now) {
    for (int i = STAMP_DIGITS - 1; i >= 0; i--, now /= 10) chunk[stamp_at + (size_t)i] = (char)('0' + now % 10);
}

/* ---- the line: sorted by due time; at one pace a stream always joins at the end ---- */

static void line_leave(peer *p) {
    if (!p->queued) return;
    if (p->before) p->before->after = p->after; else line_head = p->after;
    if (p->after) p->after->before = p->before; else line_tail = p->before;
    p->queued = false;
}

static void line_join(peer *p) {
    peer *before = line_tail;
    while (before && before->due_ns > p->due_ns) before = before->before;
    p->before = before;
    p->after = before ? before->after : line_head;
    if (p->after) p->after->before = p; else line_tail = p;
    if (before) before->after = p; else line_head = p;
    p->queued = true;
}

/* ---- sockets ---- */

static void hang_up(peer *p) {
    line_leave(p);
    peers[p->fd] = NULL;
    close(p->fd);
    free(p->in);
    free(p->out);
    free(p);
}

static void watch(peer *p, bool writable) {
    struct epoll_event e = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.fd = p->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e);
}

static bool keep_for_later(peer *p, const char *bytes, size_t len) {
    if (p->out_len - p->out_sent + len > BACKLOG_BYTES_MAX) return false;
    if (p->out_sent) {
        memmove(p->out, p->out + p->out_sent, p->out_len - p->out_sent);
        p->out_len -= p->out_sent;
        p->out_sent = 0;
    }
    if (p->out_len + len > p->out_cap) {
        p->out_cap = (p->out_len + len) * 2;
        p->out = realloc(p->out, p->out_cap);
    }
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += len;
    watch(p, true);
    return true;
}

static bool say(peer *p, const char *bytes, size_t len) {
    if (p->out_len > p->out_sent) return keep_for_later(p, bytes, len);
    ssize_t sent = send(p->fd, bytes, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) sent = 0;
    return (size_t)sent == len || keep_for_later(p, bytes + sent, len - (size_t)sent);
}

static bool say_rest(peer *p) {
    ssize_t sent = send(p->fd, p->out + p->out_sent, p->out_len - p->out_sent, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    p->out_sent += (size_t)sent;
    if (p->out_sent == p->out_len) {
        p->out_len = p->out_sent = 0;
        watch(p, false);
    }
    return true;
}

/* ---- requests ---- */

static long number_after(const char *text, size_t len, const char *word, long otherwise) {
    const char *at = memmem(text, len, word, strlen(word));
    return at ? strtol(at + strlen(word), NULL, 10) : otherwise;
}

/* Length of the whole request at the start of the buffer, 0 while incomplete; *body is set when complete. */
static size_t request_length(peer *p, char **body) {
    char *gap = memmem(p->in, p->in_len, "\r\n\r\n", 4);
    if (!gap) return 0;
    *body = gap + 4;
    size_t head = (size_t)(*body - p->in);
    *gap = 0; /* the header lines end here for the two searches */
    char *length = strcasestr(p->in, "\ncontent-length:");
    bool chunked = strcasestr(p->in, "\ntransfer-encoding: chunked") != NULL;
    size_t bytes = length ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    *gap = '\r';
    if (chunked) {
        char *last = memmem(gap + 2, p->in_len - head + 2, "\r\n0\r\n\r\n", 7);
        return last ? (size_t)(last + 7 - p->in) : 0;
    }
    return p->in_len >= head + bytes ? head + bytes : 0;
}

static bool answer_count(peer *p) {
    char body[96], text[256];
    int bytes = sprintf(body, "{\"unary\": %llu, \"streams\": %llu}", (unsigned long long)unary_served,
                        (unsigned long long)streams_served);
    int len = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", bytes, body);
    return say(p, text, (size_t)len);
}

static bool answer_request(peer *p, const char *body, size_t bytes) {
    if (p->in[0] == 'G') return answer_count(p);
    bool stream = memmem(body, bytes, "\"stream\":true", 13) || memmem(body, bytes, "\"stream\": true", 14);
    if (!stream) {
        unary_served++;
        return say(p, answer, answer_len);
    }
    p->pace_ns = number_after(body, bytes, "pace_ms=", 20) * 1000000;
    p->chunks_left = (int)number_after(body, bytes, "chunks=", 100);
    p->due_ns = clock_ns() + p->pace_ns;
    line_join(p);
    return say(p, STREAM_HEAD, sizeof STREAM_HEAD - 1);
}

static bool listen_to(peer *p) {
    if (p->in_cap - p->in_len < 4096) {
        if (p->in_cap >= REQUEST_BYTES_MAX) return false;
        p->in_cap = p->in_cap ? p->in_cap * 2 : 8192;
        p->in = realloc(p->in, p->in_cap + 1);
    }
    ssize_t got = recv(p->fd, p->in + p->in_len, p->in_cap - p->in_len, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    p->in_len += (size_t)got;
    p->in[p->in_len] = 0;
    char *body;
    size_t len;
    while (!p->queued && p->in_len && (len = request_length(p, &body))) {
        if (!answer_request(p, body, len - (size_t)(body - p->in))) return false;
        memmove(p->in, p->in + len, p->in_len - len + 1);
        p->in_len -= len;
    }
    return true;
}

static void send_due_chunks(void) {
    for (int64_t now = clock_ns(); line_head && line_head->due_ns <= now; now = clock_ns()) {
        peer *p = line_head;
        line_leave(p);
        bool ok;
        if (p->chunks_left > 0) {
            stamp_chunk(now);
            ok = say(p, chunk, chunk_len);
            p->chunks_left--;
            p->due_ns += p->pace_ns;
            if (ok) line_join(p);
        } else {
            ok = say(p, ending, ending_len);
            streams_served++;
        }
        if (!ok) hang_up(p);
    }
}

static void welcome(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= FD_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        peers[fd] = calloc(1, sizeof(peer));
        peers[fd]->fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static int open_port(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&at, &size)) {
        perror("vendor");
        exit(2);
    }
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    lay_out_answer();
    lay_out_stream();
    int listener = open_port(argc > 1 ? atoi(argv[1]) : 0);
    epoll_fd = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS_PER_TURN];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int wait_ms = -1;
        if (line_head) {
            int64_t ns = line_head->due_ns - clock_ns();
            wait_ms = ns > 0 ? (int)(ns / 1000000 + 1) : 0;
        }
        int n = epoll_wait(epoll_fd, ready, EVENTS_PER_TURN, wait_ms);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == listener) {
                welcome(listener);
                continue;
            }
            peer *p = peers[ready[i].data.fd];
            if (!p) continue;
            bool ok = !(ready[i].events & EPOLLOUT) || say_rest(p);
            if (ok && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) ok = listen_to(p);
            if (!ok) hang_up(p);
        }
        send_due_chunks();
    }
}
