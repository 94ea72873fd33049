/* A baseline JPEG at a quarter or an eighth of its size, without decoding what does not show there. */
#ifndef IMGPROXY_JPEG_SCALED_H
#define IMGPROXY_JPEG_SCALED_H

#include <stddef.h>
#include <stdint.h>

enum { JPEG_LONGEST_CODE = 16, JPEG_MOST_COMPONENTS = 3, JPEG_MOST_TABLES = 4, JPEG_MOST_SAMPLING = 2 };
enum jpeg_outcome { JPEG_DONE, JPEG_STOPPED, JPEG_UNUSUAL };

/* How many codes have each length from 1 on, and the symbols in the order of their codes (ITU T.81, C.2). */
struct jpeg_huffman {
    uint8_t counts[JPEG_LONGEST_CODE];
    uint8_t symbols[256];
};

/* How often a component is sampled in each direction (1 or 2), the numbers of its tables, its quantizers as they are coded. */
struct jpeg_component {
    int32_t across, down, dc, ac;
    uint8_t quantizers[64];
};

/* A frame in one scan: grey (sampled 1x1), or light and two differences of colour. */
struct jpeg {
    int32_t width, height, count, restart_interval;
    struct jpeg_component components[JPEG_MOST_COMPONENTS];
    struct jpeg_huffman dc[JPEG_MOST_TABLES], ac[JPEG_MOST_TABLES];
};

/* Where pixels go: `columns` and `lines` of them, not more than the frame's divided by `denominator` (4 or 8), rounded up. */
struct jpeg_pixels {
    uint8_t *first;
    size_t stride;
    int32_t columns, lines, denominator;
};

/* Decode the entropy-coded data of a scan, up to the end of the image, into grey or RGB.
 *
 * The pixels are those of libjpeg-turbo with the accurate integer DCT and smooth colours. JPEG_UNUSUAL says that another
 * decoder has to judge: the data are damaged, their values are such as no encoder makes of a picture, or at a quarter colours
 * are sampled as finely across as light is, but not down. `stop` may be null; once it points to something else than 0, the
 * work ends before the next row of blocks.
 */
enum jpeg_outcome imgproxy_jpeg_scaled(const struct jpeg *jpeg, const uint8_t *scan, size_t length,
                                       struct jpeg_pixels pixels, const volatile int32_t *stop);

#endif
