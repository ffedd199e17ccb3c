/*
 * A board that is a process: the serial line is an open file, stdin takes orders, one a line, each answered by "ok":
 *   inputs BITS           the lines from now on (product.h)
 *   bounce BITS MS        the lines are so for a moment, and then as before
 *   battery MV
 *   acceleration X Y Z    1/2048 g per step; several orders queue up, one for each sample, and the last one stays
 *   idle MS               so much time passes at once, with all that the product does in it
 * Usage: PRODUCT NUMBER FILE [ENTROPY], FILE being the serial line's number. It ends when stdin does.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../device/board.h"
#include "../device/clock.h"
#include "../device/product.h"

#define SAMPLES_MAX 4096u
#define ORDER_MAX 64u

static int16_t samples[SAMPLES_MAX][3] = {{0, 0, 2048}};
static size_t samples_waiting; /* after the one that is current */
static uint16_t battery_mv = 3000;
static uint8_t inputs;
static uint32_t skipped_ms;
static int serial_file;

static uint32_t now_ms(void)
{
    static struct timespec start;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (start.tv_sec == 0) {
        start = now;
    }
    const int64_t ms = (int64_t)(now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    return (uint32_t)ms + skipped_ms;
}

void board_send(const uint8_t *bytes, size_t length)
{
    while (length > 0u) {
        const ssize_t written = write(serial_file, bytes, length);
        if (written < 0 && errno != EINTR) {
            return; /* nobody at the other end: a wire does not mind either */
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
}

uint16_t board_battery_mv(void)
{
    return battery_mv;
}

void board_acceleration(int16_t sample[3])
{
    if (samples_waiting > 0u) {
        memmove(samples[0], samples[1], sizeof samples[0] * samples_waiting);
        samples_waiting--;
    }
    memcpy(sample, samples[0], sizeof samples[0]);
}

/* Time flies: every moment at which the product wants to wake is one at which it wakes. */
static void idle(uint32_t ms)
{
    uint32_t left = ms;
    while (left > 0u) {
        const uint32_t step = sooner(product_sleep(now_ms()).for_ms, left);
        skipped_ms += step;
        left -= step;
        product_step(now_ms(), inputs);
    }
}

static void bounce(uint8_t lines, uint32_t ms)
{
    const uint8_t before = inputs;
    inputs = lines;
    product_step(now_ms(), inputs);
    idle(ms);
    inputs = before;
}

static void obey(const char *order)
{
    unsigned long value;
    unsigned long ms;
    int x;
    int y;
    int z;
    product_step(now_ms(), inputs); /* what the lines were until now counts, however late the order is */
    if (sscanf(order, "inputs %lu", &value) == 1) {
        inputs = (uint8_t)value;
    } else if (sscanf(order, "bounce %lu %lu", &value, &ms) == 2) {
        bounce((uint8_t)value, (uint32_t)ms);
    } else if (sscanf(order, "battery %lu", &value) == 1) {
        battery_mv = (uint16_t)value;
    } else if (sscanf(order, "idle %lu", &value) == 1) {
        idle((uint32_t)value);
    } else if (sscanf(order, "acceleration %d %d %d", &x, &y, &z) == 3) {
        if (samples_waiting + 1u < SAMPLES_MAX) {
            int16_t *sample = samples[++samples_waiting];
            sample[0] = (int16_t)x;
            sample[1] = (int16_t)y;
            sample[2] = (int16_t)z;
        }
    } else {
        (void)puts("what?");
        return;
    }
    product_step(now_ms(), inputs);
    (void)puts("ok");
}

/* Takes what orders came; false at their end. */
static int take_orders(void)
{
    static char order[ORDER_MAX];
    static size_t length;
    char bytes[ORDER_MAX];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t at = 0; at < count; at++) {
        if (bytes[at] != '\n' && length + 1u < sizeof order) {
            order[length++] = bytes[at];
            continue;
        }
        order[length] = '\0';
        length = 0;
        obey(order);
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

static void take_serial(struct pollfd *serial)
{
    uint8_t bytes[64];
    const ssize_t count = read(serial_file, bytes, sizeof bytes);
    for (ssize_t at = 0; at < count; at++) {
        product_receive(bytes[at], now_ms());
    }
    if (count <= 0) {
        serial->fd = -1;
    }
}

int main(int argc, char **argv)
{
    uint16_t entropy = 0;
    if (argc < 3) {
        (void)fputs("usage: PRODUCT NUMBER FILE [ENTROPY]\n", stderr);
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)getrandom(&entropy, sizeof entropy, 0);
    if (argc > 3) {
        entropy = (uint16_t)strtoul(argv[3], NULL, 0);
    }
    serial_file = (int)strtol(argv[2], NULL, 0);
    product_start((uint32_t)strtoul(argv[1], NULL, 0), entropy, now_ms());
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = serial_file, .events = POLLIN}};
    for (;;) {
        product_step(now_ms(), inputs);
        const uint32_t for_ms = product_sleep(now_ms()).for_ms;
        (void)poll(watched, 2, (int)sooner(for_ms, 60000u));
        if ((watched[0].revents & (POLLIN | POLLHUP)) != 0 && !take_orders()) {
            return 0;
        }
        if ((watched[1].revents & (POLLIN | POLLHUP)) != 0) {
            take_serial(&watched[1]);
        }
    }
}
