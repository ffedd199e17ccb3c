#include "wire.h"

#define VERSION 1u

/* CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected. */
static uint16_t crc16(uint16_t crc, uint8_t byte)
{
    crc = (uint16_t)(crc ^ ((unsigned)byte << 8));
    for (uint8_t bit = 0; bit < 8u; bit++) {
        crc = (uint16_t)((crc & 0x8000u) != 0u ? ((unsigned)crc << 1) ^ 0x1021u : (unsigned)crc << 1);
    }
    return crc;
}

static void stuff(struct framer *framer, uint8_t byte)
{
    if (byte != 0u) {
        framer->out[framer->length++] = byte;
        return;
    }
    framer->out[framer->code_at] = (uint8_t)(framer->length - framer->code_at);
    framer->code_at = framer->length++;
}

void frame_begin(struct framer *framer, uint8_t *out, uint32_t number, const struct message *message)
{
    framer->out = out;
    framer->code_at = 0;
    framer->length = 1;
    framer->crc = 0xFFFFu;
    frame_put(framer, VERSION);
    frame_put(framer, message->type);
    frame_put32(framer, number);
    frame_put16(framer, message->sequence);
    frame_put32(framer, message->uptime_ms);
    frame_put16(framer, message->battery_mv);
    frame_put(framer, message->argument);
}

void frame_put(struct framer *framer, uint8_t byte)
{
    framer->crc = crc16(framer->crc, byte);
    stuff(framer, byte);
}

void frame_put16(struct framer *framer, uint16_t value)
{
    frame_put(framer, (uint8_t)value);
    frame_put(framer, (uint8_t)(value >> 8));
}

void frame_put32(struct framer *framer, uint32_t value)
{
    frame_put16(framer, (uint16_t)value);
    frame_put16(framer, (uint16_t)(value >> 16));
}

size_t frame_end(struct framer *framer)
{
    const uint16_t crc = framer->crc;
    stuff(framer, (uint8_t)crc);
    stuff(framer, (uint8_t)(crc >> 8));
    framer->out[framer->code_at] = (uint8_t)(framer->length - framer->code_at);
    framer->out[framer->length++] = 0;
    return framer->length;
}

/* Undoes COBS in place; the number of bytes, or 0 for what is no such encoding. */
static uint8_t unstuff(uint8_t *bytes, uint8_t length)
{
    uint8_t next_code = bytes[0];
    for (uint8_t at = 1; at < length; at++) {
        if (at == next_code) {
            next_code = (uint8_t)(at + bytes[at]);
            bytes[at - 1u] = 0;
        } else {
            bytes[at - 1u] = bytes[at];
        }
    }
    return next_code == length ? (uint8_t)(length - 1u) : 0u;
}

static bool read_acknowledgement(uint8_t *bytes, uint8_t length, uint16_t *sequence)
{
    if (length != ACKNOWLEDGEMENT_BYTES + 1u || unstuff(bytes, length) != ACKNOWLEDGEMENT_BYTES || bytes[0] != 'A') {
        return false;
    }
    const uint16_t crc = crc16(crc16(crc16(0xFFFFu, bytes[0]), bytes[1]), bytes[2]);
    *sequence = (uint16_t)(bytes[1] | (unsigned)bytes[2] << 8);
    return crc == (uint16_t)(bytes[3] | (unsigned)bytes[4] << 8);
}

bool receiver_take(struct receiver *receiver, uint8_t byte, uint16_t *sequence)
{
    if (byte != 0u) {
        if (receiver->length == sizeof receiver->held) {
            receiver->skipping = true;
        } else {
            receiver->held[receiver->length++] = byte;
        }
        return false;
    }
    const bool is_whole = !receiver->skipping;
    const uint8_t length = receiver->length;
    receiver->skipping = false;
    receiver->length = 0;
    return is_whole && read_acknowledgement(receiver->held, length, sequence);
}
