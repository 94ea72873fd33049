/* The entropy-coded data of a baseline JPEG: words of a code with a magnitude, found by tables, one or several at a time. */
#ifndef IMGPROXY_JPEG_ENTROPY_H
#define IMGPROXY_JPEG_ENTROPY_H

#include "jpeg_scaled.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { PEEK = 12, PEEKED = 1 << PEEK };        /* bits that a table looks at */
enum { WINDOW = 16384, MARGIN = 4096 };        /* bytes; a margin is more than any unit of blocks takes */
enum { BLOCK = 64 };                           /* coefficients in a block */
enum { END_OF_BLOCK = 128, LONGEST_RUN = 15 }; /* an end counts as a run longer than all */

/* A code with the magnitude behind it: the bits of both, the value, and the coefficients of value 0 before it. No bits: there
 * is no such code, or not all of it was seen. In a table, more bits than it looks at: the length of the code in place of the
 * value, of which not all was seen. */
struct word {
    int16_t value;
    uint8_t bits, run;
};

/* Words that follow each other: their bits in 6 bits, which is what a processor looks at when it shifts, and above that by how
 * many coefficients they advance. They take 27 bits at most. */
typedef uint16_t passage;
enum { PASSAGE_BITS = 63, PASSAGE_SHIFT = 6 };

/* Up to two words that follow each other, by how many coefficients each advances to its value, and the bits of all. `notes`
 * tell how large the values are, and whether the block's end follows. Where the first word is not wholly seen it advances
 * beyond all blocks. */
struct pair {
    int16_t values[2];
    uint8_t advances[2], notes, bits;
};
enum { BEYOND = 255, BOUNDED = 6, ENDS = 128 }; /* values of up to 6 bits are not noted */

struct codes {
    struct word words[PEEKED];
    passage passages[PEEKED];
    struct pair pairs[PEEKED];
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
        if (word.bits > PEEK) word.value = (int16_t)length;
        codes->words[at] = word;
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

/* Tell by a bit how many bits more than `BOUNDED` a value's magnitude takes. */
static unsigned size_note(int value) {
    int size = 32 - __builtin_clz((unsigned)(value < 0 ? -value : value) | 1);
    return size > BOUNDED ? 1u << (size - BOUNDED - 1) : 0;
}

static struct pair pair_of(const struct word *words, unsigned peeked) {
    struct pair pair = {{0}, {0}, 0, 0};
    for (int number = 0; !(pair.notes & ENDS); number++) {
        struct word word = words[peeked << pair.bits & (PEEKED - 1)];
        int ends = word.run == END_OF_BLOCK;
        if (!word.bits || pair.bits + word.bits > PEEK || (number == 2 && !ends)) break;
        pair.bits = (uint8_t)(pair.bits + word.bits);
        pair.notes = (uint8_t)(pair.notes | (ends ? ENDS : size_note(word.value)));
        if (ends) break;
        pair.values[number] = word.value;
        pair.advances[number] = (uint8_t)(word.run + 1);
    }
    if (!pair.bits) pair.advances[0] = BEYOND;
    return pair;
}

static int read_dc(struct codes *codes, const struct jpeg_huffman *table) {
    uint8_t lengths[PEEKED];
    return read_codes(codes, lengths, table, 15);
}

/* Read a table of AC codes, of which some blocks are `passed` over, some `added` up. */
static int read_ac(struct codes *codes, const struct jpeg_huffman *table, int passed, int added) {
    uint8_t lengths[PEEKED];
    passage firsts[PEEKED];
    if (read_codes(codes, lengths, table, 255)) return JPEG_UNUSUAL;
    memcpy(firsts, codes->passages, sizeof firsts);
    for (unsigned peeked = 0; passed && peeked < PEEKED; peeked++)
        if (firsts[peeked]) codes->passages[peeked] = joined(firsts, lengths, peeked);
    for (unsigned peeked = 0; added && peeked < PEEKED; peeked++) codes->pairs[peeked] = pair_of(codes->words, peeked);
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

/* Give a word that the bits begin with, of which a table knows so much. */
INLINE struct word completed(struct word word, const struct codes *codes, uint64_t bits) {
    if (!word.bits) return searched(codes, bits);
    if (word.bits > PEEK) word.value = (int16_t)extended(bits << word.value, word.bits - word.value);
    return word;
}

INLINE struct word next_word(struct cursor *at, const struct codes *codes) {
    refill(at);
    struct word word = completed(codes->words[peeked(at)], codes, at->bits);
    skip(at, word.bits);
    return word;
}

/* Tell how many whole bytes beyond the end were read, below 0 if some are left. */
static ptrdiff_t overrun(const struct reader *r) { return r->at.next - (r->at.count >> 3) - r->end; }

#endif
