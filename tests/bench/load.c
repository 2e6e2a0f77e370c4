/* A load generator: plays prepared HTTP/1.1 requests over kept connections, one outstanding request on each.
 *
 *   load PORT CONNECTIONS REQUESTS [rate=N] [expect=202] [timeout=60] [times=FILE]
 *
 * REQUESTS is a file of requests, each behind its length (32 bits, native order). With `rate` the requests are due at
 * even distances, whatever the answers do, and their time counts from when they were due. `times` gets three 64-bit
 * numbers per request: begin and end on the monotonic clock in ns, and the status (0: none). SIGTERM ends it early; what
 * was not begun then does not count. Prints one line of JSON.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16384, EVENTS = 256, STATUSES = 600 };
#define CLOSES_AT_END UINT64_MAX

struct connection {
    int fd;
    int is_busy, wants_write, is_head_read, is_chunked, closes;
    uint64_t request;
    const char *out;
    size_t out_left;
    char in[HEAD];
    size_t in_length;
    uint64_t body_left;
    char tail[5];
    int status;
};

struct request {
    const char *bytes;
    uint32_t length;
};

static struct sockaddr_in address;
static struct connection *connections;
static int connection_count, poller, has_idle;
static struct request *requests;
static uint64_t request_count, next_request, answered, expected_answers, broken;
static uint64_t *times, started_ns, last_end_ns, statuses[STATUSES];
static double rate;
static int expected_status = 202;
static char first_bad[400];
static volatile sig_atomic_t is_stopped;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void stop(int number) {
    (void)number;
    is_stopped = 1;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void watch(struct connection *one, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (one->wants_write ? EPOLLOUT : 0), .data.ptr = one};
    if (epoll_ctl(poller, operation, one->fd, &event) < 0)
        die("epoll_ctl");
}

static void open_connection(struct connection *one) {
    int yes = 1;
    one->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (one->fd < 0)
        die("socket");
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(one->fd, F_SETFL, O_NONBLOCK);
    one->wants_write = 0;
    watch(one, EPOLL_CTL_ADD);
}

static uint64_t due_ns(uint64_t request) {
    return started_ns + (uint64_t)((double)request * 1e9 / rate);
}

static void note_bad(const struct connection *one, const char *why) {
    if (!first_bad[0])
        snprintf(first_bad, sizeof first_bad, "%s: %.*s", why, (int)(one->in_length < 300 ? one->in_length : 300),
                 one->in);
}

static void finish(struct connection *one, int status) {
    one->is_busy = 0;
    last_end_ns = now_ns();
    times[one->request * 3 + 1] = last_end_ns;
    times[one->request * 3 + 2] = (uint64_t)status;
    if (status > 0 && status < STATUSES) {
        answered++;
        statuses[status]++;
    } else
        broken++;
    if (status == expected_status)
        expected_answers++;
}

static void reopen(struct connection *one) {
    close(one->fd);
    if (one->is_busy) {
        note_bad(one, "connection lost");
        finish(one, 0);
    }
    open_connection(one);
    has_idle = 1;
}

static void write_some(struct connection *one) {
    while (one->out_left > 0) {
        ssize_t written = send(one->fd, one->out, one->out_left, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            break;
        if (written < 0) {
            reopen(one);
            return;
        }
        one->out += written;
        one->out_left -= (size_t)written;
    }
    if (one->wants_write != (one->out_left > 0)) {
        one->wants_write = one->out_left > 0;
        watch(one, EPOLL_CTL_MOD);
    }
}

static void begin(struct connection *one) {
    uint64_t now;
    if (one->is_busy || next_request >= request_count)
        return;
    now = now_ns();
    if (rate > 0 && due_ns(next_request) > now)
        return;
    one->request = next_request++;
    times[one->request * 3] = rate > 0 ? due_ns(one->request) : now;
    one->is_busy = 1;
    one->is_head_read = one->is_chunked = one->closes = one->status = 0;
    one->in_length = 0;
    one->body_left = 0;
    memset(one->tail, 0, sizeof one->tail);
    one->out = requests[one->request].bytes;
    one->out_left = requests[one->request].length;
    write_some(one);
}

/* The value of a header of the head in `in`, or NULL. */
static const char *header(const struct connection *one, const char *name) {
    size_t length = strlen(name);
    const char *line = strstr(one->in, "\r\n");
    while (line != NULL && line[2] != '\r' && line[2] != 0) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
        line = strstr(line, "\r\n");
    }
    return NULL;
}

static void keep_tail(struct connection *one, const char *bytes, size_t length) {
    for (size_t n = length > 5 ? length - 5 : 0; n < length; n++) {
        memmove(one->tail, one->tail + 1, 4);
        one->tail[4] = bytes[n];
    }
}

/* Bytes of the body: whether the answer is whole. */
static int body(struct connection *one, const char *bytes, size_t length) {
    if (one->is_chunked) {
        keep_tail(one, bytes, length);
        return memcmp(one->tail, "0\r\n\r\n", 5) == 0;
    }
    if (one->body_left == CLOSES_AT_END)
        return 0;
    one->body_left -= length < one->body_left ? length : one->body_left;
    return one->body_left == 0;
}

/* The head, once it is there: whether the answer is whole already. */
static int head(struct connection *one) {
    const char *value, *end;
    one->in[one->in_length] = 0;
    end = strstr(one->in, "\r\n\r\n");
    if (end == NULL)
        return 0;
    one->is_head_read = 1;
    one->status = atoi(one->in + 9);
    one->body_left = CLOSES_AT_END;
    if ((value = header(one, "content-length")) != NULL)
        one->body_left = strtoull(value, NULL, 10);
    else if ((value = header(one, "transfer-encoding")) != NULL && strncasecmp(value, "chunked", 7) == 0)
        one->is_chunked = 1;
    else if (one->status == 204 || one->status == 304)
        one->body_left = 0;
    if ((value = header(one, "connection")) != NULL && strncasecmp(value, "close", 5) == 0)
        one->closes = 1;
    return body(one, end + 4, one->in_length - (size_t)(end + 4 - one->in));
}

static void answer_is_whole(struct connection *one) {
    if (one->status != expected_status)
        note_bad(one, "unexpected answer");
    finish(one, one->status);
    if (one->closes)
        reopen(one);
    else
        begin(one);
}

static void read_some(struct connection *one) {
    static char rest[1 << 16];
    for (;;) {
        char *to = one->is_head_read ? rest : one->in + one->in_length;
        size_t room = one->is_head_read ? sizeof rest : HEAD - 1 - one->in_length;
        ssize_t got = room > 0 ? recv(one->fd, to, room, 0) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            if (one->is_busy && one->is_head_read && one->body_left == CLOSES_AT_END)
                finish(one, one->status);
            reopen(one);
            return;
        }
        if (!one->is_busy)
            continue;
        if (one->is_head_read ? body(one, to, (size_t)got) : (one->in_length += (size_t)got, head(one))) {
            answer_is_whole(one);
            return;
        }
    }
}

static void load_requests(const char *path) {
    struct stat about;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &about) < 0)
        die(path);
    const char *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        die("mmap");
    size_t room = 1024;
    requests = malloc(room * sizeof *requests);
    for (off_t at = 0; at + 4 <= about.st_size; request_count++) {
        if (request_count == room)
            requests = realloc(requests, (room *= 2) * sizeof *requests);
        memcpy(&requests[request_count].length, bytes + at, 4);
        requests[request_count].bytes = bytes + at + 4;
        at += 4 + requests[request_count].length;
    }
    times = calloc(request_count * 3 + 1, sizeof *times);
}

static int timeout_ms(uint64_t deadline) {
    uint64_t now = now_ns(), until = deadline;
    if (rate > 0 && next_request < request_count && due_ns(next_request) < until)
        until = due_ns(next_request);
    if (until <= now)
        return 0;
    uint64_t ms = (until - now) / 1000000;
    return ms > 1000 ? 1000 : (int)ms;
}

static void run(uint64_t deadline) {
    struct epoll_event events[EVENTS];
    while (answered + broken < request_count && now_ns() < deadline) {
        if (is_stopped)
            request_count = next_request;
        int count = epoll_wait(poller, events, EVENTS, timeout_ms(deadline));
        for (int n = 0; n < count; n++) {
            struct connection *one = events[n].data.ptr;
            if (events[n].events & EPOLLOUT)
                write_some(one);
            if (events[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_some(one);
        }
        int is_looking = rate > 0 || has_idle;
        has_idle = 0;
        for (int n = 0; is_looking && n < connection_count; n++)
            begin(&connections[n]);
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void report(void) {
    struct rusage used;
    uint64_t *took = malloc((request_count + 1) * sizeof *took), count = 0;
    getrusage(RUSAGE_SELF, &used);
    for (uint64_t n = 0; n < request_count; n++)
        if (times[n * 3 + 2])
            took[count++] = times[n * 3 + 1] - times[n * 3];
    qsort(took, count, sizeof *took, by_value);
    printf("{\"requests\": %lu, \"answered\": %lu, \"expected\": %lu, \"broken\": %lu, \"begin_ns\": %lu, \"end_ns\": %lu,",
           request_count, answered, expected_answers, broken, started_ns, last_end_ns);
    printf(" \"cpu_s\": %.3f, \"statuses\": {",
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
               + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    const char *comma = "";
    for (int n = 0; n < STATUSES; n++)
        if (statuses[n]) {
            printf("%s\"%d\": %lu", comma, n, statuses[n]);
            comma = ", ";
        }
    printf("}");
    const int shares[] = {50, 95, 99};
    for (int n = 0; count > 0 && n < 3; n++)
        printf(", \"p%d_ms\": %.3f", shares[n], (double)took[(count - 1) * (uint64_t)shares[n] / 100] / 1e6);
    printf(", \"first_bad\": \"");
    for (const char *c = first_bad; *c; c++) {
        if (*c == '"' || *c == '\\')
            putchar('\\');
        putchar(*c < 32 || *c > 126 ? ' ' : *c);
    }
    printf("\"}\n");
}

int main(int count, char **words) {
    const char *times_path = NULL;
    double timeout_s = 60;
    if (count < 4) {
        fprintf(stderr, "load PORT CONNECTIONS REQUESTS [rate=N] [expect=N] [timeout=S] [times=FILE]\n");
        return 2;
    }
    for (int n = 4; n < count; n++) {
        if (strncmp(words[n], "rate=", 5) == 0)
            rate = atof(words[n] + 5);
        else if (strncmp(words[n], "expect=", 7) == 0)
            expected_status = atoi(words[n] + 7);
        else if (strncmp(words[n], "timeout=", 8) == 0)
            timeout_s = atof(words[n] + 8);
        else if (strncmp(words[n], "times=", 6) == 0)
            times_path = words[n] + 6;
    }
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(words[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection_count = atoi(words[2]);
    load_requests(words[3]);
    signal(SIGTERM, stop);
    poller = epoll_create1(0);
    connections = calloc((size_t)connection_count, sizeof *connections);
    for (int n = 0; n < connection_count; n++)
        open_connection(&connections[n]);
    started_ns = last_end_ns = now_ns();
    for (int n = 0; n < connection_count; n++)
        begin(&connections[n]);
    run(started_ns + (uint64_t)(timeout_s * 1e9));
    report();
    if (times_path != NULL) {
        FILE *file = fopen(times_path, "wb");
        if (file == NULL || fwrite(times, 24, request_count, file) != request_count || fclose(file) != 0)
            die(times_path);
    }
    return expected_answers == request_count ? 0 : 1;
}
