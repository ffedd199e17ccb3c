/*
 * micro:bit (nRF51822, Cortex-M0): TIMER0 as the clock, UART0 to the hub, buttons A and B as the two lines.
 *
 * There are no interrupt handlers. PRIMASK stays set; a pending interrupt still ends WFI, the main loop then looks
 * at everything and sleeps again. So nothing is ever changed behind anybody's back, and the stack has one user.
 *
 * The timer counts 16,000,000 / 512 = 31,250 a second. The emulator models neither the low-power clock (RTC), nor the
 * ADC, nor wake-up by pin: battery and acceleration are variables that a debugger sets, and lines are looked at every
 * LOOK_MS. A product with a battery wants all three done in hardware: see the README.
 */
#include <stdbool.h>

#include "../device/board.h"
#include "../device/clock.h"
#include "../device/product.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define GPIO_IN REGISTER(0x50000510u)
#define GPIO_PIN_CNF(pin) REGISTER(0x50000700u + 4u * (pin))
#define CONTACT_PIN 17u /* button A, active low */
#define FALL_PIN 26u    /* button B, active low */

#define UART_STARTRX REGISTER(0x40002000u)
#define UART_STOPRX REGISTER(0x40002004u)
#define UART_STARTTX REGISTER(0x40002008u)
#define UART_RXDRDY REGISTER(0x40002108u)
#define UART_TXDRDY REGISTER(0x4000211Cu)
#define UART_INTENSET REGISTER(0x40002304u)
#define UART_ENABLE REGISTER(0x40002500u)
#define UART_PSELTXD REGISTER(0x4000250Cu)
#define UART_PSELRXD REGISTER(0x40002514u)
#define UART_RXD REGISTER(0x40002518u)
#define UART_TXD REGISTER(0x4000251Cu)
#define UART_BAUDRATE REGISTER(0x40002524u)
#define UART_RXDRDY_BIT (1u << 2)
#define UART_IRQ (1u << 2)
#define BAUD_115200 0x01D7E000u

#define TIMER_START REGISTER(0x40008000u)
#define TIMER_CAPTURE1 REGISTER(0x40008044u)
#define TIMER_COMPARE0 REGISTER(0x40008140u)
#define TIMER_INTENSET REGISTER(0x40008304u)
#define TIMER_BITMODE REGISTER(0x40008508u)
#define TIMER_PRESCALER REGISTER(0x40008510u)
#define TIMER_CC0 REGISTER(0x40008540u)
#define TIMER_CC1 REGISTER(0x40008544u)
#define TIMER_COMPARE0_BIT (1u << 16)
#define TIMER_IRQ (1u << 8)
#define TICKS_PER_4_MS 125u

#define RNG_START REGISTER(0x4000D000u)
#define RNG_STOP REGISTER(0x4000D004u)
#define RNG_VALRDY REGISTER(0x4000D100u)
#define RNG_VALUE REGISTER(0x4000D508u)

#define NVIC_ISER REGISTER(0xE000E100u)
#define NVIC_ICPR REGISTER(0xE000E280u)

#define UICR_DEVICE_NUMBER REGISTER(0x10001080u) /* the customer's first word, written in the factory */

#define LOOK_MS 5u
#define ASLEEP_MAX_MS 60000u
#define RECEIVED_MAX 32u

volatile uint16_t emulated_battery_mv = 3000;
volatile int16_t emulated_acceleration[3] = {0, 0, 2048};
volatile uint32_t emulated_idle_ms; /* added to the clock: so much time has passed unnoticed */
volatile uint32_t looked_at_ms;     /* when the lines were looked at last, for whoever holds one */

static uint8_t received[RECEIVED_MAX];
static uint8_t received_length;

static uint32_t now_ms(void)
{
    static uint32_t ticks_seen;
    static uint32_t left_over; /* ticks that made no whole 4 ms yet, times 4 */
    static uint32_t ms;
    TIMER_CAPTURE1 = 1;
    const uint32_t ticks = TIMER_CC1;
    left_over += (ticks - ticks_seen) * 4u;
    ticks_seen = ticks;
    ms += left_over / TICKS_PER_4_MS;
    left_over %= TICKS_PER_4_MS;
    return ms + emulated_idle_ms;
}

/* Sleeps until the timer is there or something came in. */
static void sleep(uint32_t for_ms)
{
    TIMER_COMPARE0 = 0;
    TIMER_CAPTURE1 = 1;
    const uint32_t start = TIMER_CC1;
    const uint32_t ticks = for_ms * TICKS_PER_4_MS / 4u;
    TIMER_CC0 = start + ticks;
    TIMER_CAPTURE1 = 1;
    if (TIMER_CC1 - start < ticks && UART_RXDRDY == 0u) {
        __asm volatile("dsb\n\twfi" ::: "memory");
    }
    TIMER_COMPARE0 = 0;
    NVIC_ICPR = TIMER_IRQ | UART_IRQ;
}

static void take_received(void)
{
    while (UART_RXDRDY != 0u) {
        UART_RXDRDY = 0;
        const uint8_t byte = (uint8_t)UART_RXD;
        if (received_length < RECEIVED_MAX) {
            received[received_length++] = byte;
        }
    }
}

void board_send(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        UART_TXDRDY = 0;
        UART_TXD = bytes[at];
        while (UART_TXDRDY == 0u) {
            take_received(); /* its FIFO holds six bytes only */
        }
    }
}

uint16_t board_battery_mv(void)
{
    return emulated_battery_mv;
}

void board_acceleration(int16_t sample[3])
{
    for (uint8_t axis = 0; axis < 3u; axis++) {
        sample[axis] = emulated_acceleration[axis];
    }
}

static uint8_t random_byte(void)
{
    RNG_VALRDY = 0;
    while (RNG_VALRDY == 0u) {
    }
    return (uint8_t)RNG_VALUE;
}

static uint16_t entropy(void)
{
    RNG_START = 1;
    const uint8_t low = random_byte();
    const uint16_t both = (uint16_t)(low | (unsigned)random_byte() << 8);
    RNG_STOP = 1;
    return both;
}

static uint8_t lines(void)
{
    const uint32_t in = ~GPIO_IN;
    const unsigned contact = (in >> CONTACT_PIN & 1u) != 0u ? INPUT_CONTACT : 0u;
    const unsigned fall = (in >> FALL_PIN & 1u) != 0u ? INPUT_FALL : 0u;
    return (uint8_t)(contact | fall);
}

static void switch_on(void)
{
    GPIO_PIN_CNF(CONTACT_PIN) = 0; /* input, connected */
    GPIO_PIN_CNF(FALL_PIN) = 0;
    UART_PSELTXD = 24;
    UART_PSELRXD = 25;
    UART_BAUDRATE = BAUD_115200;
    UART_ENABLE = 4;
    UART_STARTTX = 1;
    UART_INTENSET = UART_RXDRDY_BIT;
    TIMER_BITMODE = 3;   /* 32 bits */
    TIMER_PRESCALER = 9; /* 16 MHz / 512 */
    TIMER_INTENSET = TIMER_COMPARE0_BIT;
    TIMER_START = 1;
    NVIC_ISER = TIMER_IRQ | UART_IRQ;
}

static void listen(bool wanted)
{
    static bool listening;
    if (wanted && !listening) {
        UART_STARTRX = 1;
    } else if (!wanted && listening) {
        UART_STOPRX = 1;
    }
    listening = wanted;
}

static void run(void)
{
    __asm volatile("cpsid i");
    switch_on();
    product_start(UICR_DEVICE_NUMBER, entropy(), now_ms());
    for (;;) {
        take_received();
        for (uint8_t at = 0; at < received_length; at++) {
            product_receive(received[at], now_ms());
        }
        received_length = 0;
        const uint32_t now = now_ms();
        product_step(now, lines());
        looked_at_ms = now;
        const struct sleep wanted = product_sleep(now_ms());
        listen((wanted.wake_by & WAKE_SERIAL) != 0u);
        const uint32_t longest_ms = (wanted.wake_by & WAKE_INPUT) != 0u ? LOOK_MS : ASLEEP_MAX_MS;
        if (wanted.for_ms > 0u && received_length == 0u) { /* something may have come in while it sent */
            sleep(sooner(wanted.for_ms, longest_ms));
        }
    }
}

/* The two functions that a compiler may call by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int value, size_t length);

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        ((uint8_t *)to)[at] = ((const uint8_t *)from)[at];
    }
    return to;
}

void *memset(void *to, int value, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        ((uint8_t *)to)[at] = (uint8_t)value;
    }
    return to;
}

/* From the linker script. */
extern uint32_t data_load[];
extern uint32_t data_start[];
extern uint32_t data_end[];
extern uint32_t bss_start[];
extern uint32_t bss_end[];
extern uint32_t stack_top[];

void reset(void);
void fault(void);

void reset(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    run();
}

/* A fault starts the device again: better a boot message than a mute pendant. */
void fault(void)
{
    REGISTER(0xE000ED0Cu) = 0x05FA0004u; /* AIRCR: SYSRESETREQ */
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)reset, (const void *)fault, (const void *)fault,
};
