/* From the coefficients of a block to few samples: the inverse DCTs of libjpeg-turbo that are reduced to 2x2 and 4x4, which
 * look at the lower frequencies and at some of the higher. */
#ifndef IMGPROXY_JPEG_BLOCKS_H
#define IMGPROXY_JPEG_BLOCKS_H

#include "jpeg_entropy.h"

enum { MOST_COEFFICIENT = 16384 }; /* twice what the darkest and brightest pictures come to */
enum { MOST_SIDE = 4 };            /* samples */

/* The places of coefficients, row by row, in the order in which they are coded (T.81, figure A.6). */
static const uint8_t zigzag[BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* What becomes of the coefficients of a component, in the order of coding: each as it is coded is multiplied by a factor and
 * added to a sum. `large` are those notes of pairs which a coefficient may have that no picture has. */
struct weights {
    struct {
        int32_t factor, sum;
    } of[BLOCK];
    uint8_t quantizers[BLOCK];
    unsigned large;
};

/* Tell whether a value may be of a picture, and leaves 32 bits room for sums of eight with factors below. */
INLINE int is_plausible(int value) { return value > -MOST_COEFFICIENT && value < MOST_COEFFICIENT; }

/* Give a sample from its difference to the middle, and note one that no picture has. */
INLINE uint8_t sample(int difference, int *unusual) {
    int value = difference + 128;
    *unusual |= (difference + 512) & ~1023;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Give something else than 0 for a value that is not plausible, which is quicker to gather. */
INLINE int implausible(int value) { return (value + MOST_COEFFICIENT) & ~(2 * MOST_COEFFICIENT - 1); }

/* ---- sums ---- */

/* Two samples need two sums of a column's coefficients: of the even ones the first alone, with 15 bits of fraction, and of the
 * odd ones all, with 13. Columns that do not count share a sum that nobody reads. */
enum { EVEN = 0, ODD = 8, NOWHERE = 16, TWO_SUMS = 24 };
enum { EVEN_FACTOR = 1 << 15, FIRST_ODD = 29692, THIRD_ODD = -10426, FIFTH_ODD = 6967, SEVENTH_ODD = -5906 };

static void weigh_for_two(struct weights *weights, int n) {
    static const int32_t factors[8] = {EVEN_FACTOR, FIRST_ODD, 0, THIRD_ODD, 0, FIFTH_ODD, 0, SEVENTH_ODD};
    int row = zigzag[n] / 8, column = zigzag[n] % 8, counts = factors[row] && (column % 2 || !column);
    weights->of[n].factor = factors[row] * weights->quantizers[n];
    weights->of[n].sum = !counts ? NOWHERE : row ? ODD + column : EVEN + column;
}

/* Four samples take the coefficients themselves. */
static void weigh_for_four(struct weights *weights, int n) {
    weights->of[n].factor = weights->quantizers[n];
    weights->of[n].sum = zigzag[n];
}

static void weigh(struct weights *weights, int side, const uint8_t *quantizers) {
    int most = 1, size = BOUNDED;
    for (int n = 0; n < BLOCK; n++) {
        weights->quantizers[n] = quantizers[n];
        (side == 2 ? weigh_for_two : weigh_for_four)(weights, n);
        if (n && quantizers[n] > most) most = quantizers[n];
    }
    while (most << size < MOST_COEFFICIENT) size++; /* 1 << size is the first magnitude of more bits */
    weights->large = (ENDS - 1u) << (size - BOUNDED) & (ENDS - 1u);
}

/* Set so many sums, a multiple of eight, to 0: all at once a compiler has them set by an instruction that is slow to start. */
INLINE void clear(int32_t *values, int count) {
    for (int n = 0; n < count; n += 8) memset(values + n, 0, 8 * sizeof *values);
}

/* The sums of a block, on their way: the place of the last coefficient, and what pairs of words noted. */
struct sums {
    int32_t *values;
    const struct weights *weights;
    unsigned place, notes;
};

INLINE void add(struct sums *sums, unsigned place, int value) {
    int32_t *sum = &sums->values[sums->weights->of[place].sum];
    *sum = (int32_t)((uint32_t)*sum + (uint32_t)value * (uint32_t)sums->weights->of[place].factor);
}

enum { PAIRS = 4 }; /* for which the bits suffice */

/* What a block's AC coefficients are: none but 0, others, or unreadable. */
enum coded { FLAT, VARIED, DAMAGED };

/* Add pairs of words; tell whether the next is none. */
INLINE int add_pairs(struct cursor *at, const struct codes *codes, struct sums *sums) {
    refill(at);
    for (int n = 0; n < PAIRS; n++) {
        const struct pair *pair = &codes->pairs[peeked(at)];
        unsigned first = sums->place + pair->advances[0], second = first + pair->advances[1];
        if (second >= BLOCK - 1) return 1;
        skip(at, pair->bits);
        add(sums, first, pair->values[0]);
        add(sums, second, pair->values[1]);
        sums->place = second;
        sums->notes |= pair->notes;
        if (pair->notes & ENDS) return 0;
    }
    return 0;
}

/* Add one word, whatever it is. */
INLINE int add_word(struct cursor *at, const struct codes *codes, struct sums *sums) {
    struct word word = next_word(at, codes);
    if (word.run == END_OF_BLOCK) {
        sums->notes |= ENDS;
        return JPEG_DONE;
    }
    sums->place += word.run + 1u;
    if (!word.bits || sums->place >= BLOCK || !is_plausible(word.value * sums->weights->quantizers[sums->place]))
        return JPEG_UNUSUAL;
    add(sums, sums->place, word.value);
    sums->notes |= sums->place == BLOCK - 1 ? ENDS : 0;
    return JPEG_DONE;
}

/* Decode a block's AC coefficients into `count` sums, word by word and from the beginning. */
static enum coded summed_with_care(struct reader *r, const struct codes *codes, const struct weights *weights, int32_t *values,
                                   size_t count) {
    struct sums sums = {.values = values, .weights = weights};
    memset(values + 1, 0, (count - 1) * sizeof *values);
    while (!(sums.notes & ENDS))
        if (add_word(&r->at, codes, &sums)) return DAMAGED;
    return VARIED;
}

/* Decode a block's AC coefficients into `count` sums, of which the first is not touched. */
INLINE enum coded summed(struct reader *r, const struct codes *codes, const struct weights *weights, int32_t *values,
                         size_t count) {
    struct cursor at = r->at;
    struct sums sums = {.values = values, .weights = weights};
    do {
        if (add_pairs(&at, codes, &sums) && add_word(&at, codes, &sums)) return DAMAGED;
    } while (!(sums.notes & ENDS));
    if (sums.notes & weights->large) return summed_with_care(r, codes, weights, values, count);
    r->at = at;
    return sums.place ? VARIED : FLAT;
}

/* ---- samples ---- */

/* Make two samples by two from a block's sums. Between columns and rows 2 bits of fraction are kept. */
INLINE int two_by_two(const int32_t *sums, uint8_t *upper, uint8_t *lower) {
    int32_t rows[2][8];
    int unusual = 0;
    for (int n = 0; n < 8; n++) {
        int32_t even = sums[EVEN + n] + (1 << 12), odd = sums[ODD + n];
        rows[0][n] = (even + odd) >> 13;
        rows[1][n] = (even - odd) >> 13;
        unusual |= implausible(rows[0][n]) | implausible(rows[1][n]);
    }
    if (unusual) return JPEG_UNUSUAL;
    for (int n = 0; n < 2; n++) {
        const int32_t *row = rows[n];
        int32_t even = row[0] * EVEN_FACTOR + (1 << 19);
        int32_t odd = row[1] * FIRST_ODD + row[3] * THIRD_ODD + row[5] * FIFTH_ODD + row[7] * SEVENTH_ODD;
        uint8_t *to = n ? lower : upper;
        to[0] = sample((even + odd) >> 20, &unusual);
        to[1] = sample((even - odd) >> 20, &unusual);
    }
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

/* The inverse DCT of eight reduced to four: without the fifth coefficient. The results have 14 bits of fraction more. */
struct four {
    int32_t outer[2], inner[2]; /* the first and the last, the second and the third */
};

INLINE struct four four_of(const int32_t *first, int step) {
    int32_t c1 = first[step], c2 = first[2 * step], c3 = first[3 * step];
    int32_t c5 = first[5 * step], c6 = first[6 * step], c7 = first[7 * step];
    int32_t middle = first[0] * (1 << 14), tilt = c2 * 15137 - c6 * 6270;
    int32_t outer = c1 * 20995 + c3 * 7373 - c5 * 4926 - c7 * 4176;
    int32_t inner = c1 * 8697 - c3 * 17799 + c5 * 11893 - c7 * 1730;
    return (struct four){{middle + tilt + outer, middle + tilt - outer}, {middle - tilt + inner, middle - tilt - inner}};
}

/* Make four samples by four from a block's coefficients, which are changed. Between columns and rows 2 bits of fraction are
 * kept. */
INLINE int four_by_four(int32_t *block, uint8_t *lines[MOST_SIDE]) {
    int unusual = 0;
    for (int n = 0; n < 8; n++) {
        int32_t *top = block + n;
        if (n == 4) continue;
        if (!(top[8] | top[16] | top[24] | top[40] | top[48] | top[56])) {
            top[0] = top[8] = top[16] = top[24] = top[0] * 4;
        } else {
            struct four four = four_of(top, 8);
            top[0] = (four.outer[0] + (1 << 11)) >> 12;
            top[8] = (four.inner[0] + (1 << 11)) >> 12;
            top[16] = (four.inner[1] + (1 << 11)) >> 12;
            top[24] = (four.outer[1] + (1 << 11)) >> 12;
        }
        unusual |= implausible(top[0]) | implausible(top[8]) | implausible(top[16]) | implausible(top[24]);
    }
    if (unusual) return JPEG_UNUSUAL;
    for (int n = 0; n < MOST_SIDE; n++) {
        struct four four = four_of(block + 8 * n, 1);
        lines[n][0] = sample((four.outer[0] + (1 << 18)) >> 19, &unusual);
        lines[n][1] = sample((four.inner[0] + (1 << 18)) >> 19, &unusual);
        lines[n][2] = sample((four.inner[1] + (1 << 18)) >> 19, &unusual);
        lines[n][3] = sample((four.outer[1] + (1 << 18)) >> 19, &unusual);
    }
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

#endif
