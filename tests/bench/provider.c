/* A fake SMS provider: takes every message, and keeps a log of what it took and when.
 *
 *   provider PORT LOG
 *
 *   /one?to=4866NNNNNNN...   one message (query or form body), answered "OK NNNNNNN"
 *   /messages                a JSON array as BulkSMS takes it, answered item by item
 *   /sink                    takes anything; counted apart
 *   /_set?delay_ms=N         answer messages that late (from the next one on), many at once
 *   /_stats, /_reset         counters as JSON; forget everything
 *
 * LOG gets two 64-bit numbers per message when it is answered: the monotonic clock in ns, and its id. The id is what
 * follows 4866 in the recipient's number. One thread, one outstanding request per connection.
 */

#define _GNU_SOURCE
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, MAX_BATCH = 10000, MAX_REQUEST = 16 << 20, LOG_ROOM = 65536 };

struct buffer {
    char *bytes;
    size_t length, room;
};

struct connection {
    int fd, is_open, is_waiting, closes, wants_write;
    uint64_t due_ns;
    uint64_t *ids;
    size_t id_count, id_room;
    struct buffer in, out;
    size_t out_done;
    struct connection *next;
};

static int poller, listener, log_fd;
static uint64_t delay_ns, accepted, requests, sunk, odd, open_connections, most_connections, in_flight, most_in_flight;
static uint64_t log_entries[LOG_ROOM][2];
static size_t log_length;
static struct connection *first_waiting, *last_waiting, *idle;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "provider: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void flush_log(void) {
    size_t size = log_length * sizeof log_entries[0];
    if (size > 0 && write(log_fd, log_entries, size) != (ssize_t)size)
        die("log");
    log_length = 0;
}

static void need(struct buffer *buffer, size_t more) {
    if (buffer->length + more + 1 > buffer->room) {
        buffer->room = (buffer->length + more + 1) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (buffer->bytes == NULL)
            die("memory");
    }
}

static void put(struct buffer *buffer, const char *text, size_t length) {
    need(buffer, length);
    memcpy(buffer->bytes + buffer->length, text, length);
    buffer->length += length;
}

static void put_answer(struct connection *one, const char *status, const char *type, const char *body, size_t length) {
    char head[200];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status,
                        type, length);
    put(&one->out, head, (size_t)size);
    put(&one->out, body, length);
}

static void add_id(struct connection *one, uint64_t id) {
    if (one->id_count == one->id_room) {
        one->id_room = one->id_room ? one->id_room * 2 : 4;
        one->ids = realloc(one->ids, one->id_room * sizeof *one->ids);
    }
    one->ids[one->id_count++] = id;
}

/* The id behind 4866 at `at`; a plus before it may be there, in whatever coding. */
static int read_id(const char *at, uint64_t *id) {
    if (strncmp(at, "%2B", 3) == 0 || strncmp(at, "%2b", 3) == 0)
        at += 3;
    else if (*at == '+')
        at++;
    if (strncmp(at, "4866", 4) != 0 || at[4] < '0' || at[4] > '9')
        return 0;
    *id = strtoull(at + 4, NULL, 10);
    return 1;
}

static void take_one(struct connection *one, const char *target, const char *body) {
    const char *places[] = {target, body};
    for (int n = 0; n < 2; n++)
        for (const char *at = places[n]; (at = strstr(at, "to=")) != NULL; at += 3) {
            uint64_t id;
            char text[40];
            if (at != places[n] && at[-1] != '?' && at[-1] != '&')
                continue;
            if (!read_id(at + 3, &id))
                continue;
            add_id(one, id);
            put_answer(one, "200 OK", "text/plain", text, (size_t)snprintf(text, sizeof text, "OK %07lu", id));
            return;
        }
    odd++;
    put_answer(one, "400 Bad Request", "text/plain", "no number", 9);
}

/* The string value that follows `name` at or after `at`, up to its closing quote; strings here hold no escapes. */
static const char *value(const char *at, const char *name, size_t *length) {
    at = strstr(at, name);
    if (at == NULL)
        return NULL;
    at += strlen(name);
    at += strspn(at, " :\"");
    *length = strcspn(at, "\"");
    return at;
}

static void take_batch(struct connection *one, const char *body) {
    static struct buffer items;
    const char *at = body, *next;
    size_t count = 0;
    items.length = 0;
    put(&items, "[", 1);
    while (count < MAX_BATCH && (at = strstr(at, "\"to\"")) != NULL) {
        size_t number_length, ref_length;
        uint64_t id;
        const char *number = value(at, "\"address\"", &number_length);
        const char *ref = value(at, "\"userSuppliedId\"", &ref_length);
        if (number == NULL || ref == NULL || !read_id(number, &id))
            break;
        char item[400];
        int size = snprintf(item, sizeof item,
                            "%s{\"id\":\"b%07lu\",\"type\":\"SENT\",\"to\":\"%.*s\",\"userSuppliedId\":\"%.*s\","
                            "\"numberOfParts\":1,\"creditCost\":1.0,\"encoding\":\"TEXT\",\"status\":{\"id\":"
                            "\"ACCEPTED.null\",\"type\":\"ACCEPTED\",\"subtype\":null}}",
                            count ? "," : "", id, (int)number_length, number, (int)ref_length, ref);
        put(&items, item, (size_t)size);
        add_id(one, id);
        count++;
        next = number > ref ? number : ref;
        at = next;
    }
    put(&items, "]", 1);
    if (count == 0) {
        odd++;
        put_answer(one, "400 Bad Request", "application/json", "{}", 2);
        return;
    }
    put_answer(one, "201 Created", "application/json", items.bytes, items.length);
}

static void tell_stats(struct connection *one) {
    struct rusage used;
    char text[400];
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
                   + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    int size = snprintf(text, sizeof text,
                        "{\"accepted\": %lu, \"requests\": %lu, \"sunk\": %lu, \"odd\": %lu, \"cpu_s\": %.3f, "
                        "\"connections\": %lu, \"in_flight\": %lu}",
                        accepted, requests, sunk, odd, cpu_s, most_connections, most_in_flight);
    put_answer(one, "200 OK", "application/json", text, (size_t)size);
}

static void reset(void) {
    flush_log();
    if (ftruncate(log_fd, 0) < 0)
        die("log");
    accepted = requests = sunk = odd = most_in_flight = 0;
    most_connections = open_connections;
}

static void write_some(struct connection *one);

static void send_answer(struct connection *one) {
    uint64_t now = now_ns();
    for (size_t n = 0; n < one->id_count; n++) {
        if (log_length == LOG_ROOM)
            flush_log();
        log_entries[log_length][0] = now;
        log_entries[log_length++][1] = one->ids[n];
    }
    accepted += one->id_count;
    one->id_count = 0;
    write_some(one);
}

static void dispatch(struct connection *one, const char *target, const char *body) {
    int is_message = 0;
    if (strncmp(target, "/one", 4) == 0) {
        is_message = 1;
        take_one(one, target, body);
    } else if (strncmp(target, "/messages", 9) == 0) {
        is_message = 1;
        take_batch(one, body);
    } else if (strncmp(target, "/sink", 5) == 0) {
        sunk++;
        put_answer(one, "200 OK", "text/plain", "", 0);
    } else if (strncmp(target, "/_stats", 7) == 0)
        tell_stats(one);
    else if (strncmp(target, "/_reset", 7) == 0) {
        reset();
        put_answer(one, "200 OK", "text/plain", "", 0);
    } else if (strncmp(target, "/_set?delay_ms=", 15) == 0) {
        delay_ns = strtoull(target + 15, NULL, 10) * 1000000;
        put_answer(one, "200 OK", "text/plain", "", 0);
    } else {
        odd++;
        put_answer(one, "404 Not Found", "text/plain", "", 0);
    }
    if (!is_message || delay_ns == 0) {
        requests += (uint64_t)is_message;
        send_answer(one);
        return;
    }
    requests++;
    one->is_waiting = 1;
    one->due_ns = now_ns() + delay_ns;
    one->next = NULL;
    if (last_waiting != NULL)
        last_waiting->next = one;
    else
        first_waiting = one;
    last_waiting = one;
    if (++in_flight > most_in_flight)
        most_in_flight = in_flight;
}

static void watch(struct connection *one, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (one->wants_write ? EPOLLOUT : 0), .data.ptr = one};
    if (epoll_ctl(poller, operation, one->fd, &event) < 0)
        die("epoll_ctl");
}

/* A connection whose answer is still due stays allocated until then. */
static void hang_up(struct connection *one) {
    if (one->is_open) {
        close(one->fd);
        one->is_open = 0;
        open_connections--;
    }
    if (one->is_waiting)
        return;
    one->next = idle;
    idle = one;
}

static char *find_header(char *head, const char *name) {
    size_t length = strlen(name);
    for (char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* Take the request in `in`, if it is whole and nothing else is being answered. */
static void take_request(struct connection *one) {
    while (one->is_open && !one->is_waiting && one->out.length == 0 && one->in.length > 0) {
        one->in.bytes[one->in.length] = 0;
        char *end = strstr(one->in.bytes, "\r\n\r\n"), *found;
        if (end == NULL)
            return;
        end[2] = 0;
        size_t head_length = (size_t)(end + 4 - one->in.bytes), body_length = 0;
        if ((found = find_header(one->in.bytes, "content-length")) != NULL)
            body_length = strtoull(found, NULL, 10);
        one->closes = (found = find_header(one->in.bytes, "connection")) != NULL && strncasecmp(found, "close", 5) == 0;
        if (one->in.length < head_length + body_length) {
            end[2] = '\r';
            return;
        }
        char *target = strchr(one->in.bytes, ' '), *stop = target ? strchr(target + 1, ' ') : NULL;
        if (stop == NULL) {
            odd++;
            hang_up(one);
            return;
        }
        *stop = 0;
        char *body = end + 4, kept = body[body_length];
        body[body_length] = 0;
        dispatch(one, target + 1, body);
        if (!one->is_open)
            return;
        body[body_length] = kept;
        one->in.length -= head_length + body_length;
        memmove(one->in.bytes, body + body_length, one->in.length);
    }
}

static void write_some(struct connection *one) {
    while (one->out_done < one->out.length) {
        ssize_t written = send(one->fd, one->out.bytes + one->out_done, one->out.length - one->out_done, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            break;
        if (written < 0) {
            hang_up(one);
            return;
        }
        one->out_done += (size_t)written;
    }
    int is_done = one->out_done == one->out.length;
    if (is_done) {
        one->out.length = one->out_done = 0;
        if (one->closes) {
            hang_up(one);
            return;
        }
    }
    if (one->wants_write == is_done) {
        one->wants_write = !is_done;
        watch(one, EPOLL_CTL_MOD);
    }
}

static void read_some(struct connection *one) {
    while (one->is_open) {
        need(&one->in, 16384);
        ssize_t got = recv(one->fd, one->in.bytes + one->in.length, one->in.room - one->in.length - 1, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0 || one->in.length > MAX_REQUEST) {
            hang_up(one);
            return;
        }
        one->in.length += (size_t)got;
        if ((size_t)got < 16384)
            break;
    }
    take_request(one);
}

static void accept_all(void) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *one = idle;
        if (one != NULL)
            idle = one->next;
        else if ((one = calloc(1, sizeof *one)) == NULL)
            die("memory");
        one->fd = fd;
        one->is_open = 1;
        one->is_waiting = one->closes = one->wants_write = 0;
        one->in.length = one->out.length = one->out_done = one->id_count = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(one, EPOLL_CTL_ADD);
        if (++open_connections > most_connections)
            most_connections = open_connections;
    }
}

static void answer_what_is_due(void) {
    while (first_waiting != NULL && first_waiting->due_ns <= now_ns()) {
        struct connection *one = first_waiting;
        first_waiting = one->next;
        if (first_waiting == NULL)
            last_waiting = NULL;
        in_flight--;
        one->is_waiting = 0;
        if (!one->is_open) {
            hang_up(one);
            continue;
        }
        send_answer(one);
        take_request(one);
    }
}

static int timeout_ms(void) {
    if (first_waiting == NULL)
        return -1;
    uint64_t now = now_ns();
    return first_waiting->due_ns <= now ? 0 : (int)((first_waiting->due_ns - now + 999999) / 1000000);
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};
    int yes = 1;
    if (count != 3) {
        fprintf(stderr, "provider PORT LOG\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    address.sin_port = htons((uint16_t)atoi(words[1]));
    if ((log_fd = open(words[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600)) < 0)
        die(words[2]);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        die("listen");
    poller = epoll_create1(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, timeout_ms());
        for (int n = 0; n < ready; n++) {
            struct connection *one = events[n].data.ptr;
            if (one == NULL) {
                accept_all();
                continue;
            }
            if (one->is_open && (events[n].events & EPOLLOUT)) {
                write_some(one);
                take_request(one);
            }
            if (one->is_open && (events[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                read_some(one);
        }
        answer_what_is_due();
        flush_log();
    }
}
