#include "matrix_shaper.h"

#include <string.h>

/* The three colours of a pixel at once, which compilers turn into the processor's vectors. */
typedef int32_t light __attribute__((vector_size(16)));

/* What is no number is 0. */
static double within(double value) { return value > 0 ? value < 1 ? value : 1 : 0; }

void imgproxy_shaper_inputs(shaper_inputs inputs, shaper_curve *evaluate, const void *curve, const int32_t *shares) {
    for (int level = 0; level < SHAPER_LEVELS; level++) {
        int32_t amount = (int32_t)(within(evaluate(curve, (float)(level / 255.0))) * SHAPER_ONE + 0.5);
        for (int color = 0; color < SHAPER_COLORS; color++) inputs[level][color] = amount * shares[color];
        inputs[level][SHAPER_COLORS] = 0;
    }
}

void imgproxy_shaper_outputs(shaper_outputs outputs, shaper_curve *evaluate, const void *curve) {
    for (int amount = 0; amount <= SHAPER_ONE; amount++) {
        double value = within(evaluate(curve, (float)(amount / (double)SHAPER_ONE)));
        uint32_t word = (uint32_t)(value * 65535.0 + 0.5);
        outputs[amount] = (uint8_t)((word * 65281u + 8388608u) >> 24); /* word / 257, rounded */
    }
}

static inline light loaded(const int32_t *at) {
    light loaded;
    memcpy(&loaded, at, sizeof loaded);
    return loaded;
}

void imgproxy_shape(const shaper_inputs inputs[SHAPER_COLORS], const uint8_t *const outputs[SHAPER_COLORS], uint8_t *pixels,
                    size_t count, int32_t step) {
    const light half = {SHAPER_ONE / 2, SHAPER_ONE / 2, SHAPER_ONE / 2, 0}, one = {SHAPER_ONE, SHAPER_ONE, SHAPER_ONE, 0};
    const uint8_t *red = outputs[0], *green = outputs[1], *blue = outputs[2];
    for (; count; count--, pixels += step) {
        light sum = loaded(inputs[0][pixels[0]]) + loaded(inputs[1][pixels[1]]) + loaded(inputs[2][pixels[2]]);
        light amount = (sum + half) >> 14;
        amount &= amount > 0;
        light above = amount > one;
        amount = (amount & ~above) | (one & above);
        pixels[0] = red[amount[0]];
        pixels[1] = green[amount[1]];
        pixels[2] = blue[amount[2]];
    }
}
