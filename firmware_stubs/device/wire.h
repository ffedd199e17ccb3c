/* Bytes on the serial line: docs/wire/serial.md. */
#ifndef LLAR_WIRE_H
#define LLAR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_type {
    MESSAGE_BOOT = 1,
    MESSAGE_HEARTBEAT = 2,
    MESSAGE_BUTTON = 3,
    MESSAGE_STATE = 4,
    MESSAGE_FALL = 5,
    MESSAGE_WINDOW = 6
};

/* Bits of a heartbeat's argument. */
enum heartbeat { HEARTBEAT_BATTERY_LOW = 1, HEARTBEAT_DROPPED = 2, HEARTBEAT_STUCK = 4 };

struct message {
    uint32_t uptime_ms;
    uint16_t sequence;
    uint16_t battery_mv;
    uint8_t type;
    uint8_t argument;
};

/* A frame while it is written: COBS and CRC on the way, into the caller's buffer. */
struct framer {
    uint8_t *out;
    uint8_t length;
    uint8_t code_at;
    uint16_t crc;
};

#define HEAD_BYTES 15u
#define BODY_BYTES_MAX 251u /* with the CRC one block of COBS */
#define FRAME_BYTES(body) ((body) + 2u + 1u + 1u)
#define ACKNOWLEDGEMENT_BYTES 5u

void frame_begin(struct framer *framer, uint8_t *out, uint32_t number, const struct message *message);
void frame_put(struct framer *framer, uint8_t byte);
void frame_put16(struct framer *framer, uint16_t value);
void frame_put32(struct framer *framer, uint32_t value);

/* Closes the frame, zero byte included; returns its length. */
size_t frame_end(struct framer *framer);

/* What comes from the hub, byte by byte. What is too long is noise, and is skipped up to the next zero byte. */
struct receiver {
    uint8_t held[ACKNOWLEDGEMENT_BYTES + 1u];
    uint8_t length;
    bool skipping;
};

/* Takes a byte; true when it completes an acknowledgement, whose number is then in `sequence`. */
bool receiver_take(struct receiver *receiver, uint8_t byte, uint16_t *sequence);

#endif
