/* A decoder that makes a picture smaller makes of each block of 8x8 samples a square of fewer: at a quarter 2x2, at an eighth
 * one. Of a component that is sampled half as finely in both directions it makes twice as many in each, and so all have one
 * size.
 *
 * At an eighth most of a file are AC coefficients that do not count. They are passed over several at a time: a table tells of
 * the next bits how many of them the codes that begin there take, magnitudes included, and by how many coefficients they
 * advance. At a quarter each is added at once to the few sums that are wanted.
 */
#include "jpeg_blocks.h"

#include <stdlib.h>

/* Functions that processors with wider vectors have in a version of their own, of which the loader takes one. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define VECTORS
#endif

enum { MOST_SAMPLES = 65536 / 4 }; /* in a line */
enum { MOST_BLOCKS = 10 };         /* in a unit (T.81, B.2.3) */
enum { FIRST_RESTART = 0xD0, END_OF_IMAGE = 0xD9 };

/* What a row of units gives of a component: each block a square of `side` samples, each of which stands for
 * 1 << `across_shift` pixels in a line, and 1 << `down_shift` lines. Or the first `width` of a line, those that are of the
 * picture, are `smoothed` to twice as many. */
struct plane {
    int side, across_shift, down_shift, smoothed, width, dc;
    struct weights weights;
    uint8_t lines[MOST_SIDE][MOST_SAMPLES];
};

struct decoder {
    struct reader reader;
    struct plane planes[JPEG_MOST_COMPONENTS];
    struct codes dc[JPEG_MOST_TABLES], ac[JPEG_MOST_TABLES];
    uint8_t full[JPEG_MOST_COMPONENTS][MOST_SAMPLES];
};

/* ---- blocks ---- */

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

/* Make the sample that a block's DC coefficient alone comes to. */
INLINE uint8_t flat_sample(const struct plane *plane, const struct jpeg_component *part, int *unusual) {
    return sample((plane->dc * part->quantizers[0] + 4) >> 3, unusual);
}

INLINE int one_sample(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across, int down) {
    int unusual = 0;
    if (pass_over(&d->reader, &d->ac[part->ac])) return JPEG_UNUSUAL;
    plane->lines[down][across] = flat_sample(plane, part, &unusual);
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

INLINE int flat_samples(const struct jpeg_component *part, struct plane *plane, int across, int down, int side) {
    int unusual = 0, value = flat_sample(plane, part, &unusual);
    for (int n = 0; n < side; n++) memset(&plane->lines[down + n][across], value, (size_t)side);
    return unusual ? JPEG_UNUSUAL : JPEG_DONE;
}

INLINE int four_samples(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across, int down) {
    int32_t sums[TWO_SUMS];
    clear(sums, TWO_SUMS);
    sums[0] = plane->dc * part->quantizers[0] * EVEN_FACTOR;
    enum coded coded = summed(&d->reader, &d->ac[part->ac], &plane->weights, sums, TWO_SUMS);
    if (coded == FLAT) return flat_samples(part, plane, across, down, 2);
    if (coded == DAMAGED) return JPEG_UNUSUAL;
    return two_by_two(sums, &plane->lines[down][across], &plane->lines[down + 1][across]);
}

INLINE int sixteen_samples(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across) {
    int32_t block[BLOCK];
    uint8_t *lines[MOST_SIDE];
    clear(block, BLOCK);
    block[0] = plane->dc * part->quantizers[0];
    enum coded coded = summed(&d->reader, &d->ac[part->ac], &plane->weights, block, BLOCK);
    if (coded == FLAT) return flat_samples(part, plane, across, 0, 4);
    if (coded == DAMAGED) return JPEG_UNUSUAL;
    for (int n = 0; n < MOST_SIDE; n++) lines[n] = &plane->lines[n][across];
    return four_by_four(block, lines);
}

/* Make the samples of the next block, `across` and `down` being the place of the first. */
INLINE int block(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int across, int down) {
    if (next_dc(&d->reader, &d->dc[part->dc], plane)) return JPEG_UNUSUAL;
    if (plane->side == 1) return one_sample(d, part, plane, across, down);
    if (!is_plausible(plane->dc * part->quantizers[0])) return JPEG_UNUSUAL;
    return plane->side == 2 ? four_samples(d, part, plane, across, down) : sixteen_samples(d, part, plane, across);
}

/* ---- the picture ---- */

INLINE int blocks(struct decoder *d, const struct jpeg_component *part, struct plane *plane, int unit) {
    for (int down = 0; down < part->down; down++)
        for (int across = 0; across < part->across; across++)
            if (block(d, part, plane, plane->side * (unit * part->across + across), plane->side * down)) return JPEG_UNUSUAL;
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

/* Make two samples of each, three parts of it and one of the nearer neighbour; halves go down on the left and up on the right. */
static void smooth(const uint8_t *from, int width, uint8_t *to) {
    for (int n = 0; n < width; n++) {
        int left = from[n ? n - 1 : n], right = from[n < width - 1 ? n + 1 : n];
        to[2 * n] = (uint8_t)((3 * from[n] + left + 1) >> 2);
        to[2 * n + 1] = (uint8_t)((3 * from[n] + right + 2) >> 2);
    }
}

/* Make the first `count` samples of a line into 1 << `shift` each. */
static void repeat(const uint8_t *from, int count, int shift, uint8_t *to) {
    for (int n = 0; n < count; n++) to[n] = from[n >> shift];
}

/* Give a line of a component with as many samples as there are pixels. */
static const uint8_t *line_of(struct decoder *d, int component, int line, int columns) {
    const struct plane *plane = &d->planes[component];
    const uint8_t *from = plane->lines[line >> plane->down_shift];
    if (plane->smoothed)
        smooth(from, plane->width, d->full[component]);
    else if (plane->across_shift)
        repeat(from, columns, plane->across_shift, d->full[component]);
    else
        return from;
    return d->full[component];
}

enum { CHUNK = 512 }; /* pixels */

/* Where a pixel's colours are in a word whose first bytes they are. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { RED = 0, GREEN = 8, BLUE = 16 };
#else
enum { RED = 24, GREEN = 16, BLUE = 8 };
#endif

/* Make so many pixels, each a word. The factors are JFIF's, with 16 bits of fraction. */
VECTORS static void convert(const uint8_t *light, const uint8_t *blue, const uint8_t *red, uint32_t *restrict to, int count) {
    for (int n = 0; n < count; n++) {
        int l = light[n], b = blue[n] - 128, r = red[n] - 128;
        uint32_t first = clamped(l + ((91881 * r + (1 << 15)) >> 16));
        uint32_t second = clamped(l + ((-22554 * b - 46802 * r + (1 << 15)) >> 16));
        uint32_t third = clamped(l + ((116130 * b + (1 << 15)) >> 16));
        to[n] = first << RED | second << GREEN | third << BLUE;
    }
}

/* Write the first three bytes of each word, all but the last with a fourth that the next one covers. */
static void write_colors(const uint8_t *light, const uint8_t *blue, const uint8_t *red, uint8_t *to, int count) {
    uint32_t pixels[CHUNK];
    for (int first = 0; first < count; first += CHUNK) {
        int some = count - first < CHUNK ? count - first : CHUNK;
        convert(light + first, blue + first, red + first, pixels, some);
        for (int n = 0; n < some - 1; n++, to += 3) memcpy(to, &pixels[n], 4);
        memcpy(to, &pixels[some - 1], 3);
        to += 3;
    }
}

static void write_line(struct decoder *d, int count, int line, uint8_t *to, int columns) {
    if (count == 1)
        memcpy(to, d->planes[0].lines[line], (size_t)columns);
    else
        write_colors(line_of(d, 0, line, columns), line_of(d, 1, line, columns), line_of(d, 2, line, columns), to, columns);
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
    int across = 8 * most.across, down = 8 * most.down, lines = 8 / to.denominator * most.down;
    int in_row = (jpeg->width + across - 1) / across, count = (jpeg->height + down - 1) / down;
    for (int row = 0; row < count; row++) {
        if (stop && *stop) return JPEG_STOPPED;
        if (units(d, jpeg, row * in_row, (row + 1) * in_row)) return JPEG_UNUSUAL;
        for (int line = 0, at = row * lines; line < lines && at < to.lines; line++, at++)
            write_line(d, jpeg->count, line, to.first + (size_t)at * to.stride, to.columns);
    }
    const struct reader *r = &d->reader;
    return r->at_marker && !overrun(r) && r->source[1] == END_OF_IMAGE ? JPEG_DONE : JPEG_UNUSUAL;
}

/* Lay out a component's samples, `side` of which a block of the finest has. Those that come to be half as many in a line are
 * smoothed, but not of a picture of one sample a block, nor of one that is very narrow. */
static void lay_out_plane(struct plane *plane, const struct jpeg *jpeg, const struct jpeg_component *part,
                          struct sampling most, int side) {
    int coarse = part->across < most.across && part->down < most.down;
    plane->side = coarse ? 2 * side : side;
    plane->across_shift = !coarse && part->across < most.across;
    plane->down_shift = !coarse && part->down < most.down;
    plane->width = (jpeg->width * side + 8 * 2 - 1) / (8 * 2);
    plane->smoothed = plane->across_shift && side > 1 && plane->width > 2;
    if (plane->smoothed) plane->across_shift = 0;
    plane->dc = 0;
    weigh(&plane->weights, plane->side, part->quantizers);
}

static void lay_out(struct decoder *d, const struct jpeg *jpeg, struct sampling most, int side) {
    for (int n = 0; n < jpeg->count; n++) lay_out_plane(&d->planes[n], jpeg, &jpeg->components[n], most, side);
}

static int read_tables(struct decoder *d, const struct jpeg *jpeg) {
    for (int table = 0; table < JPEG_MOST_TABLES; table++) {
        int dc = 0, passed = 0, added = 0;
        for (int n = 0; n < jpeg->count; n++) {
            int ac = jpeg->components[n].ac == table;
            dc |= jpeg->components[n].dc == table;
            passed |= ac && d->planes[n].side == 1;
            added |= ac && d->planes[n].side > 1;
        }
        if (dc && read_dc(&d->dc[table], &jpeg->dc[table])) return JPEG_UNUSUAL;
        if ((passed || added) && read_ac(&d->ac[table], &jpeg->ac[table], passed, added)) return JPEG_UNUSUAL;
    }
    return JPEG_DONE;
}

static int is_in(int value, int least, int most) { return value >= least && value <= most; }

/* Tell whether nothing of a frame leads out of what there is room for. */
static int is_sound(const struct jpeg *jpeg) {
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
           is_in(jpeg->restart_interval, 0, 65535);
}

static int is_within_frame(const struct jpeg *jpeg, struct jpeg_pixels to) {
    int denominator = to.denominator, before = denominator - 1;
    return (denominator == 4 || denominator == 8) && is_in(to.columns, 0, (jpeg->width + before) / denominator) &&
           is_in(to.lines, 0, (jpeg->height + before) / denominator);
}

/* Tell whether samples are to be smoothed from line to line, for which those of the neighbouring rows would be needed. */
static int is_smoothed_down(const struct jpeg *jpeg, struct sampling most, int side) {
    for (int n = 0; n < jpeg->count; n++) {
        const struct jpeg_component *part = &jpeg->components[n];
        if (side > 1 && part->down < most.down && part->across == most.across) return 1;
    }
    return 0;
}

enum jpeg_outcome imgproxy_jpeg_scaled(const struct jpeg *jpeg, const uint8_t *scan, size_t length,
                                       struct jpeg_pixels pixels, const volatile int32_t *stop) {
    if (!is_sound(jpeg) || !is_within_frame(jpeg, pixels)) return JPEG_UNUSUAL;
    struct sampling most = finest(jpeg);
    int side = 8 / pixels.denominator;
    struct decoder *d = is_smoothed_down(jpeg, most, side) ? NULL : malloc(sizeof *d);
    if (!d) return JPEG_UNUSUAL;
    d->reader.source = scan;
    d->reader.source_end = scan + length;
    lay_out(d, jpeg, most, side);
    int outcome = read_tables(d, jpeg) || begin(&d->reader) ? JPEG_UNUSUAL : rows(d, jpeg, most, pixels, stop);
    free(d);
    return (enum jpeg_outcome)outcome;
}
