// SPDX-License-Identifier: Apache-2.0
// Stands for KECS in the tests on a real engine: it answers on 8080 (ECS API) and 8081 (/health), and writes two
// databases below KECS_DATA_DIR as fast as WRITE_EVERY_MS says:
//   kecs.db     SQLite in WAL mode: one row for each tick in `ticks`, and the names of `clusters`
//   vectors.db  opaque, with DuckDB's magic: OPAQUE_MIB blocks; each tick writes its number into every block in their
//               order. A copy of one moment has numbers that never rise from block to block and differ by one at most.
//   vectors.db.wal  the number of the tick under way, written before the blocks
// Told to end, it takes STOP_MS for it.
// Built static by Tests/Fixtures/docker/build-image.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static void end(int signal) { (void)signal; ended = 1; }

static void fail(const char *what) {
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text && *text ? atoi(text) : otherwise;
}

static int listener(int port) {
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 16)) fail("listen");
    return server;
}

static void reply(int client, const char *body) {
    char text[4096];
    int length = snprintf(text, sizeof text,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        strlen(body), body);
    if (write(client, text, length) < 0) return;
}

static sqlite3 *db;

static void run(const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "server: %s: %s\n", sql, message);
        exit(1);
    }
}

static void api(int client, const char *request) {
    char body[2048] = "{\"clusterArns\":[", *at = body + strlen(body);
    if (strstr(request, "ListServices")) strcpy(body, "{\"serviceArns\":["), at = body + strlen(body);
    if (strstr(request, "ListClusters")) {
        sqlite3_stmt *rows;
        sqlite3_prepare_v2(db, "SELECT arn FROM clusters ORDER BY name", -1, &rows, NULL);
        for (int n = 0; sqlite3_step(rows) == SQLITE_ROW; n++)
            at += sprintf(at, "%s\"%.200s\"", n ? "," : "", (const char *)sqlite3_column_text(rows, 0));
        sqlite3_finalize(rows);
    }
    strcpy(at, "]}");
    reply(client, body);
}

static void health(int client) {
    const char *state = getenv("HEALTH") ? getenv("HEALTH") : "healthy";
    const char *status = getenv("HEALTH_STATUS") ? getenv("HEALTH_STATUS") : state;
    char body[512];
    snprintf(body, sizeof body,
        "{\"status\":\"%s\",\"time\":\"2026-01-01T00:00:00Z\",\"persistence\":"
        "{\"status\":\"%s\",\"backend\":\"sqlite\",\"path\":\"/data/kecs.db\"}}", status, state);
    reply(client, body);
}

int main(void) {
    const char *folder = getenv("KECS_DATA_DIR") ? getenv("KECS_DATA_DIR") : "/data";
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    umask(027);
    if (chdir(folder)) fail(folder);
    if (sqlite3_open("kecs.db", &db)) fail("kecs.db");
    sqlite3_busy_timeout(db, 5000);
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA user_version=7;"
        "CREATE TABLE IF NOT EXISTS ticks(number INTEGER PRIMARY KEY, at TEXT);"
        "CREATE TABLE IF NOT EXISTS projects(name TEXT);"
        "CREATE TABLE IF NOT EXISTS clusters(arn TEXT, name TEXT);");

    int every = number("WRITE_EVERY_MS", 0), blocks = number("OPAQUE_MIB", 0);
    int opaque = -1, wal = -1;
    uint64_t tick = 0;
    if (blocks > 0) {
        char *block = calloc(1, 1 << 20);
        opaque = open("vectors.db", O_RDWR | O_CREAT, 0640);
        wal = open("vectors.db.wal", O_RDWR | O_CREAT, 0640);
        if (opaque < 0 || wal < 0) fail("vectors.db");
        memset(block + 64, 'v', (1 << 20) - 64);
        memcpy(block + 8, "DUCK", 4);
        struct stat facts;
        fstat(opaque, &facts);
        for (int n = facts.st_size >> 20; n < blocks; n++)
            if (pwrite(opaque, block, 1 << 20, (off_t)n << 20) != 1 << 20) fail("write");
        if (pread(opaque, &tick, 8, 16) != 8) fail("read");
        free(block);
    }
    struct pollfd doors[2] = {{.fd = listener(8080), .events = POLLIN}, {.fd = listener(8081), .events = POLLIN}};
    printf("serving %s\n", folder);
    fprintf(stderr, "warning: a server of the tests\n");
    while (!ended) {
        int ready = poll(doors, 2, every > 0 ? every : 1000);
        for (int n = 0; ready > 0 && n < 2; n++) {
            if (!(doors[n].revents & POLLIN)) continue;
            int client = accept(doors[n].fd, NULL, NULL);
            char request[4096] = "";
            struct timeval limit = {.tv_sec = 1};
            setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            if (read(client, request, sizeof request - 1) > 0) n == 0 ? api(client, request) : health(client);
            close(client);
        }
        if (every <= 0) continue;
        tick++;
        char sql[128];
        snprintf(sql, sizeof sql, "INSERT INTO ticks(at) VALUES (datetime('now'))");
        run(sql);
        if (blocks > 0) {
            if (pwrite(wal, &tick, 8, 0) != 8) fail("write");
            for (int n = 0; n < blocks; n++)
                if (pwrite(opaque, &tick, 8, ((off_t)n << 20) + 16) != 8) fail("write");
        }
    }
    usleep(number("STOP_MS", 0) * 1000);
    sqlite3_close(db);
    printf("ended\n");
    return 0;
}
