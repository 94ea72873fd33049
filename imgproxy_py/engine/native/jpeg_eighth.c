/* At an eighth a block of 8x8 samples becomes one sample, of which only the DC coefficient tells. Of a component that is
 * sampled half as finely in both directions it becomes 2x2, and all coefficients count.
 *
 * Most of such a file are AC coefficients that do not count. They are passed over several at a time: a table tells of the next
 * bits how many of them the codes that begin there take, magnitudes included, and by how many coefficients they advance.
 */
#include "jpeg_eighth.h"

#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { PEEK = 12, PEEKED = 1 << PEEK };        /* bits that a table looks at */
enum { WINDOW = 16384, MARGIN = 4096 };        /* bytes; a margin is more than any unit of blocks takes */
enum { MOST_ACROSS = 65536 / 8 };              /* samples in a line */
enum { MOST_BLOCKS = 10, BLOCK = 64 };         /* blocks in a unit (T.81, B.2.3); coefficients in a block */
enum { MOST_COEFFICIENT = 16384 };             /* twice what the darkest and brightest pictures come to */
enum { END_OF_BLOCK = 128, LONGEST_RUN = 15 }; /* an end counts as a run longer than all */
enum { FIRST_RESTART = 0xD0, END_OF_IMAGE = 0xD9 };

/* A code with the magnitude behind it: the bits of both, the value, and the coefficients of value 0 before it. No bits: there
 * is no such code, or not all of it was seen. */
struct word {
    int16_t value;
    uint8_t bits, run;
};

/* Words that follow each other: their bits in 6 bits, which is what a processor looks at when it shifts, and above that by how
 * many coefficients they advance. They take 27 bits at most. */
typedef uint16_t passage;
enum { PASSAGE_BITS = 63, PASSAGE_SHIFT = 6 };

struct codes {
    struct word words[PEEKED];
    passage passages[PEEKED];
    int32_t beyond[JPEG_LONGEST_CODE];     /* of each length the first code too great for it, as 16 bits */
    int32_t symbols_at[JPEG_LONGEST_CODE]; /* and what to add to a code for its place among the symbols */
    uint8_t symbols[256];
};

/* Where one is: the next bits from the left, `count` of them and more, and where in the window those behind them are. */
struct cursor {
    const uint8_t *next;
    uint64_t bits;
    int count;
};

struct reader {
    struct cursor at;
    const uint8_t *source, *source_end, *end; /* `end` of the window */
    int at_marker;
    uint8_t window[WINDOW + MARGIN];
};

/* What a row of units gives of a component: each block a square of `side` samples, each of which stands for
 * 1 << `across_shift` pixels in a line, and 1 << `down_shift` lines. */
struct plane {
    int side, across_shift, down_shift, dc;
    uint8_t lines[JPEG_MOST_SAMPLING][MOST_ACROSS];
};

struct decoder {
    struct reader reader;
    struct plane planes[JPEG_MOST_COMPONENTS];
    struct codes dc[JPEG_MOST_TABLES], ac[JPEG_MOST_TABLES];
};

/* The places of coefficients, row by row, in the order in which they are coded (T.81, figure A.6). */
static const uint8_t zigzag[BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* ---- codes ---- */

/* Give the value of a magnitude in the first `size` of the bits (T.81, F.12). */
INLINE int extended(uint64_t bits, int size) {
    if (!size) return 0;
    int value = (int)(bits >> (64 - size));
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/* Give what a code of some length means whose magnitude is in the first of the bits behind it. */
static struct word word_of(int length, int symbol, uint64_t behind) {
    int size = symbol & 15, run = symbol >> 4;
    if (!size && run != LONGEST_RUN) run = END_OF_BLOCK;
    return (struct word){(int16_t)extended(behind, size), (uint8_t)(length + size), (uint8_t)run};
}

/* Find the word with which the bits begin, one code length after the other. */
static struct word searched(const struct codes *codes, uint64_t bits) {
    int code = (int)(bits >> 48);
    for (int length = 1; length <= JPEG_LONGEST_CODE; length++)
        if (code < codes->beyond[length - 1]) {
            int place = codes->symbols_at[length - 1] + (code >> (JPEG_LONGEST_CODE - length));
            return word_of(length, codes->symbols[place & 255], bits << length);
        }
    return (struct word){0};
}

/* Note what begins with a code, whatever is seen behind it. */
static void note(struct codes *codes, uint8_t *lengths, int code, int length, int symbol) {
    for (int at = code << (PEEK - length); at < (code + 1) << (PEEK - length); at++) {
        struct word word = word_of(length, symbol, (uint64_t)at << (64 - PEEK) << length);
        int advance = word.run == END_OF_BLOCK ? END_OF_BLOCK : word.run + 1;
        if (word.bits <= PEEK) codes->words[at] = word;
        codes->passages[at] = (passage)(word.bits | advance << PASSAGE_SHIFT);
        lengths[at] = (uint8_t)length;
    }
}

static int read_codes(struct codes *codes, uint8_t *lengths, const struct jpeg_huffman *table, int most) {
    int code = 0, place = 0;
    memset(codes->words, 0, sizeof codes->words);
    memset(codes->passages, 0, sizeof codes->passages);
    memcpy(codes->symbols, table->symbols, sizeof codes->symbols);
    for (int length = 1; length <= JPEG_LONGEST_CODE; length++, code <<= 1) {
        codes->symbols_at[length - 1] = place - code;
        for (int left = table->counts[length - 1]; left; left--, code++, place++) {
            if (place > 255 || code >= 1 << length || table->symbols[place] > most) return JPEG_UNUSUAL;
            if (length <= PEEK) note(codes, lengths, code, length, table->symbols[place]);
        }
        codes->beyond[length - 1] = code << (JPEG_LONGEST_CODE - length);
    }
    return JPEG_DONE;
}

/* Give the first word of some bits and those that are seen to follow it. Only the magnitude of the last may be unseen. */
static passage joined(const passage *firsts, const uint8_t *lengths, unsigned peeked) {
    unsigned bits = firsts[peeked] & PASSAGE_BITS, advance = firsts[peeked] >> PASSAGE_SHIFT;
    while (bits < PEEK && advance < BLOCK) {
        unsigned rest = peeked << bits & (PEEKED - 1), more = firsts[rest] >> PASSAGE_SHIFT;
        if (!firsts[rest] || bits + lengths[rest] > PEEK || advance + (more & (END_OF_BLOCK - 1)) >= BLOCK) break;
        bits += firsts[rest] & PASSAGE_BITS;
        advance += more;
    }
    return (passage)(bits | advance << PASSAGE_SHIFT);
}

static int read_dc(struct codes *codes, const struct jpeg_huffman *table) {
    uint8_t lengths[PEEKED];
    return read_codes(codes, lengths, table, 15);
}

static int read_ac(struct codes *codes, const struct jpeg_huffman *table) {
    uint8_t lengths[PEEKED];
    passage firsts[PEEKED];
    if (read_codes(codes, lengths, table, 255)) return JPEG_UNUSUAL;
    memcpy(firsts, codes->passages, sizeof firsts);
    for (unsigned peeked = 0; peeked < PEEKED; peeked++)
        if (firsts[peeked]) codes->passages[peeked] = joined(firsts, lengths, peeked);
    return JPEG_DONE;
}

/* ---- bits ---- */

/* Move what is left of the window to its front, and fill it up to the next marker without the zeros that are stuffed in. */
static int slide(struct reader *r) {
    size_t kept = (size_t)(r->end - r->at.next);
    uint8_t *to = r->window + kept, *limit = r->window + WINDOW;
    memmove(r->window, r->at.next, kept);
    while (to < limit) {
        size_t room = (size_t)(limit - to), left = (size_t)(r->source_end - r->source), most = room < left ? room : left;
        const uint8_t *mark = memchr(r->source, 0xFF, most);
        size_t plain = mark ? (size_t)(mark - r->source) : most;
        memcpy(to, r->source, plain);
        to += plain;
        r->source += plain;
        if (r->source_end - r->source < 2) return JPEG_UNUSUAL; /* an image ends with a marker */
        r->at_marker = mark && r->source[1];
        if (!mark || r->at_marker) break;
        *to++ = 0xFF;
        r->source += 2;
    }
    memset(to, 0, MARGIN);
    r->at.next = r->window;
    r->end = to;
    return JPEG_DONE;
}

static int begin(struct reader *r) {
    r->at = (struct cursor){.next = r->window};
    r->end = r->window;
    return slide(r);
}

/* Have 56 bits and more. */
INLINE void refill(struct cursor *at) {
    uint64_t more;
    memcpy(&more, at->next, sizeof more);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    more = __builtin_bswap64(more);
#endif
    at->bits |= more >> at->count;
    at->next += (63 - at->count) >> 3;
    at->count |= 56;
}

INLINE void skip(struct cursor *at, unsigned bits) {
    at->bits <<= bits;
    at->count -= (int)bits;
}

INLINE unsigned peeked(const struct cursor *at) { return (unsigned)(at->bits >> (64 - PEEK)); }

INLINE struct word next_word(struct cursor *at, const struct codes *codes) {
    refill(at);
    struct word word = codes->words[peeked(at)];
    if (!word.bits) word = searched(codes, at->bits);
    skip(at, word.bits);
    return word;
}

/* Tell how many whole bytes beyond the end were read, below 0 if some are left. */
static ptrdiff_t overrun(const struct reader *r) { return r->at.next - (r->at.count >> 3) - r->end; }

/* ---- blocks ---- */

/* Tell whether a value may be of a picture, and leaves 32 bits room for sums of eight with factors below. */
INLINE int is_plausible(int value) { return value > -MOST_COEFFICIENT && value < MOST_COEFFICIENT; }

INLINE int next_dc(struct reader *r, const struct codes *codes, struct plane *plane) {
    struct cursor at = r->at;
    struct word word = next_word(&at, codes);
    r->at = at;
    plane->dc += word.value;
    return word.bits && is_plausible(plane->dc) ? JPEG_DONE : JPEG_UNUSUAL;
}

INLINE passage single(struct word word) {
    return (passage)(word.bits | (word.run == END_OF_BLOCK ? END_OF_BLOCK : word.run + 1) << PASSAGE_SHIFT);
}

/* Tell whether all words of a passage belong to a block of which so many coefficients are behind. */
INLINE int is_within(unsigned way, unsigned coefficient) {
    return way && coefficient + (way >> PASSAGE_SHIFT & (END_OF_BLOCK - 1)) < BLOCK;
}

INLINE passage next_single(struct cursor *at, const struct codes *codes) {
    refill(at);
    struct word word = codes->words[peeked(at)];
    if (!word.bits) word = searched(codes, at->bits);
    return word.bits ? single(word) : 0;
}

/* Leave a block's AC coefficients behind. The bits suffice for two passages. */
INLINE int pass_over(struct reader *r, const struct codes *codes) {
    struct cursor at = r->at;
    unsigned coefficient = 1;
    do {
        refill(&at);
        unsigned way = codes->passages[peeked(&at)];
        if (is_within(way, coefficient)) {
            skip(&at, way & PASSAGE_BITS);
            coefficient += way >> PASSAGE_SHIFT;
            if (coefficient >= BLOCK) break;
            way = codes->passages[peeked(&at)];
        }
        if (!is_within(way, coefficient)) way = next_single(&at, codes);
        if (!way) return JPEG_UNUSUAL;
        skip(&at, way & PASSAGE_BITS);
        coefficient += way >> PASSAGE_SHIFT;
    } while (coefficient < BLOCK);
    r->at = at;
    return coefficient == BLOCK || coefficient > END_OF_BLOCK ? JPEG_DONE : JPEG_UNUSUAL;
}

/* Tell whether a block has no AC coefficients, which is left behind then. */
INLINE int is_even(struct reader *r, const struct codes *codes) {
    struct cursor at = r->at;
    struct word word = next_word(&at, codes);
    if (!word.bits || word.run != END_OF_BLOCK) return 0;
    r->at = at;
    return 1;
}

/* Decode a block's AC coefficients into rows that are 0. */
INLINE int coefficients(struct reader *r, const struct codes *codes, const uint8_t *quantizers, int32_t *block) {
    struct cursor at = r->at;
    for (int place = 1; place < BLOCK; place++) {
        struct word word = next_word(&at, codes);
        if (!word.bits) return JPEG_UNUSUAL;
        if (word.run == END_OF_BLOCK) break;
        place += word.run;
        if (place >= BLOCK || !is_plausible(word.value * quantizers[place])) return JPEG_UNUSUAL;
        block[zigzag[place]] = word.value * quantizers[place];
    }
    r->at = at;
    return JPEG_DONE;
}

/* Give a sample from its difference to the middle, and note one that no picture has. */
INLINE uint8_t sample(int difference, int *unusual) {
    int value = difference + 128;
    *unusual |= difference < -512 || difference > 511;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The inverse DCT of eight reduced to two samples: of the even coefficients the first alone counts, and of the odd ones this
 * sum is added to it for one sample and taken from it for the other. The factors have 13 bits of fraction. */
INLINE int32_t odd_part(int32_t first, int32_t third, int32_t fifth, int32_t seventh) {
    return first * 29692 - third * 10426 + fifth * 6967 - seventh * 5906;
}

/* Make two samples by two of a block. Between columns and rows 2 bits of fraction are kept. */
INLINE int reduced(const int32_t *block, uint8_t *upper, uint8_t *lower) {
    static const uint8_t counting[] = {0, 1, 3, 5, 7};
    int32_t rows[2][8];
    int unusual = 0;
    for (int n = 0; n < 5; n++) {
        const int32_t *top = block + counting[n];
        int32_t even = top[0] * (1 << 15), odd = odd_part(top[8], top[24], top[40], top[56]);
        int32_t above = (even + odd + (1 << 12)) >> 13, below = (even - odd + (1 << 12)) >> 13;
        unusual |= !is_plausible(above) | !is_plausible(below);
        rows[0][counting[n]] = above;
        rows[1][counting[n]] = below;
    }
    if (unusual) return JPEG_UNUSUAL;
    for (int n = 0; n < 2; n++) {
        const int32_t *row = rows[n];
        int32_t even = row[0] * (1 << 15), odd = odd_part(row[1], row[3], row[5], row[7]);
        uint8_t *to = n ? lower : upper;
        to[0] = sample((even + odd + (1 << 19)) >> 20, &unusual);
        to[1] = sample((even - odd + (1 << 19)) >> 20, &unusual);
    }
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

/* Make the sample that a block's DC coefficient alone comes to. */
INLINE uint8_t even_sample(const struct plane *plane, const struct jpeg_component *part, int *unusual) {
    return sample((plane->dc * part->quantizers[0] + 4) >> 3, unusual);
}

INLINE int one_sample(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across, int down) {
    int unusual = 0;
    if (next_dc(&d->reader, &d->dc[part->dc], plane) || pass_over(&d->reader, &d->ac[part->ac])) return JPEG_UNUSUAL;
    plane->lines[down][across] = even_sample(plane, part, &unusual);
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

INLINE int uneven_samples(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across) {
    int32_t block[BLOCK] = {plane->dc * part->quantizers[0]};
    if (!is_plausible(block[0]) || coefficients(&d->reader, &d->ac[part->ac], part->quantizers, block)) return JPEG_UNUSUAL;
    return reduced(block, &plane->lines[0][2 * across], &plane->lines[1][2 * across]);
}

INLINE int four_samples(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across) {
    int unusual = 0;
    if (next_dc(&d->reader, &d->dc[part->dc], plane)) return JPEG_UNUSUAL;
    if (!is_even(&d->reader, &d->ac[part->ac])) return uneven_samples(d, part, plane, across);
    memset(&plane->lines[0][2 * across], even_sample(plane, part, &unusual), 2);
    memcpy(&plane->lines[1][2 * across], &plane->lines[0][2 * across], 2);
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

/* ---- the picture ---- */

INLINE int blocks(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int unit) {
    if (plane->side == 2) return four_samples(d, part, plane, unit);
    for (int down = 0; down < part->down; down++)
        for (int across = 0; across < part->across; across++)
            if (one_sample(d, part, plane, unit * part->across + across, down)) return JPEG_UNUSUAL;
    return JPEG_DONE;
}

static int restarted(struct decoder *d, int number) {
    struct reader *r = &d->reader;
    if (!r->at_marker || overrun(r) || r->source[1] != FIRST_RESTART + number % 8) return JPEG_UNUSUAL;
    r->source += 2;
    for (int n = 0; n < JPEG_MOST_COMPONENTS; n++) d->planes[n].dc = 0;
    return begin(r);
}

/* Decode units from one number on up to another; restarts stand between units. */
static int units(struct decoder *d, const struct jpeg *jpeg, int first, int last) {
    struct reader *r = &d->reader;
    for (int number = first; number < last; number++) {
        int interval = jpeg->restart_interval;
        if (interval && number && number % interval == 0 && restarted(d, number / interval - 1)) return JPEG_UNUSUAL;
        if (!r->at_marker && r->end - r->at.next < MARGIN && slide(r)) return JPEG_UNUSUAL;
        for (int n = 0; n < jpeg->count; n++)
            if (blocks(d, &jpeg->components[n], &d->planes[n], number - first)) return JPEG_UNUSUAL;
        if (overrun(r) > 0) return JPEG_UNUSUAL;
    }
    return JPEG_DONE;
}

INLINE uint8_t clamped(int value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

/* Write a line in RGB. The factors are JFIF's, with 16 bits of fraction. */
static void write_colors(const struct plane *planes, int line, uint8_t *to, int columns) {
    const uint8_t *lines[JPEG_MOST_COMPONENTS];
    for (int n = 0; n < JPEG_MOST_COMPONENTS; n++) lines[n] = planes[n].lines[line >> planes[n].down_shift];
    int light_shift = planes[0].across_shift, blue_shift = planes[1].across_shift, red_shift = planes[2].across_shift;
    for (int x = 0; x < columns; x++, to += 3) {
        int light = lines[0][x >> light_shift], blue = lines[1][x >> blue_shift] - 128, red = lines[2][x >> red_shift] - 128;
        to[0] = clamped(light + ((91881 * red + (1 << 15)) >> 16));
        to[1] = clamped(light + ((-22554 * blue - 46802 * red + (1 << 15)) >> 16));
        to[2] = clamped(light + ((116130 * blue + (1 << 15)) >> 16));
    }
}

static void write_line(const struct decoder *d, int count, int line, uint8_t *to, int columns) {
    if (count == 1)
        memcpy(to, d->planes[0].lines[line], (size_t)columns);
    else
        write_colors(d->planes, line, to, columns);
}

struct sampling {
    int across, down;
};

static struct sampling finest(const struct jpeg *jpeg) {
    struct sampling most = {1, 1};
    for (int n = 0; n < jpeg->count; n++) {
        if (jpeg->components[n].across > most.across) most.across = jpeg->components[n].across;
        if (jpeg->components[n].down > most.down) most.down = jpeg->components[n].down;
    }
    return most;
}

static int rows(struct decoder *d, const struct jpeg *jpeg, struct sampling most, struct jpeg_pixels to,
                const volatile int32_t *stop) {
    int across = 8 * most.across, down = 8 * most.down;
    int in_row = (jpeg->width + across - 1) / across, count = (jpeg->height + down - 1) / down;
    for (int row = 0; row < count; row++) {
        if (stop && *stop) return JPEG_STOPPED;
        if (units(d, jpeg, row * in_row, (row + 1) * in_row)) return JPEG_UNUSUAL;
        for (int line = 0, at = row * most.down; line < most.down && at < to.lines; line++, at++)
            write_line(d, jpeg->count, line, to.first + (size_t)at * to.stride, to.columns);
    }
    const struct reader *r = &d->reader;
    return r->at_marker && !overrun(r) && r->source[1] == END_OF_IMAGE ? JPEG_DONE : JPEG_UNUSUAL;
}

static void lay_out(struct decoder *d, const struct jpeg *jpeg, struct sampling most) {
    for (int n = 0; n < jpeg->count; n++) {
        const struct jpeg_component *part = &jpeg->components[n];
        int coarse = part->across < most.across && part->down < most.down;
        d->planes[n].side = coarse ? 2 : 1;
        d->planes[n].across_shift = !coarse && part->across < most.across;
        d->planes[n].down_shift = !coarse && part->down < most.down;
        d->planes[n].dc = 0;
    }
}

static int read_tables(struct decoder *d, const struct jpeg *jpeg) {
    for (int table = 0; table < JPEG_MOST_TABLES; table++) {
        int dc = 0, ac = 0;
        for (int n = 0; n < jpeg->count; n++) {
            dc |= jpeg->components[n].dc == table;
            ac |= jpeg->components[n].ac == table;
        }
        if (dc && read_dc(&d->dc[table], &jpeg->dc[table])) return JPEG_UNUSUAL;
        if (ac && read_ac(&d->ac[table], &jpeg->ac[table])) return JPEG_UNUSUAL;
    }
    return JPEG_DONE;
}

static int is_in(int value, int least, int most) { return value >= least && value <= most; }

/* Tell whether nothing of a frame leads out of what there is room for. */
static int is_sound(const struct jpeg *jpeg, struct jpeg_pixels to) {
    int blocks = 0;
    if (jpeg->count != 1 && jpeg->count != JPEG_MOST_COMPONENTS) return 0;
    for (int n = 0; n < jpeg->count; n++) {
        const struct jpeg_component *part = &jpeg->components[n];
        int most = jpeg->count == 1 ? 1 : JPEG_MOST_SAMPLING;
        if (!is_in(part->across, 1, most) || !is_in(part->down, 1, most)) return 0;
        if (!is_in(part->dc, 0, JPEG_MOST_TABLES - 1) || !is_in(part->ac, 0, JPEG_MOST_TABLES - 1)) return 0;
        blocks += part->across * part->down;
    }
    return blocks <= MOST_BLOCKS && is_in(jpeg->width, 1, 65535) && is_in(jpeg->height, 1, 65535) &&
           is_in(jpeg->restart_interval, 0, 65535) && is_in(to.columns, 0, (jpeg->width + 7) / 8) &&
           is_in(to.lines, 0, (jpeg->height + 7) / 8);
}

enum jpeg_outcome imgproxy_jpeg_eighth(const struct jpeg *jpeg, const uint8_t *scan, size_t length,
                                       struct jpeg_pixels pixels, const volatile int32_t *stop) {
    struct decoder *d = is_sound(jpeg, pixels) ? malloc(sizeof *d) : NULL;
    if (!d) return JPEG_UNUSUAL;
    struct sampling most = finest(jpeg);
    d->reader.source = scan;
    d->reader.source_end = scan + length;
    lay_out(d, jpeg, most);
    int outcome = read_tables(d, jpeg) || begin(&d->reader) ? JPEG_UNUSUAL : rows(d, jpeg, most, pixels, stop);
    free(d);
    return (enum jpeg_outcome)outcome;
}
