/* Runs cases from standard input through the compiled part, built with sanitizers: each is a frame, how many columns and lines are
 * wanted, how many times smaller, how long the scan is, and the scan. Prints an outcome a line, and a sum of the pixels.
 *
 * Scans and pixels are in memory of their exact size, so that a byte beyond either is found. */
#include "../../imgproxy_py/engine/native/jpeg_scaled.h"

#include <stdio.h>
#include <stdlib.h>

struct asked {
    struct jpeg frame;
    int32_t columns, lines, denominator;
    uint32_t length;
};

int main(void) {
    struct asked asked;
    while (fread(&asked, sizeof asked, 1, stdin) == 1) {
        uint8_t *scan = malloc(asked.length ? asked.length : 1);
        if (!scan || fread(scan, 1, asked.length, stdin) != asked.length) return 2;
        size_t stride = (size_t)(asked.columns > 0 ? asked.columns : 0) * (asked.frame.count == 3 ? 3 : 1);
        size_t size = stride * (size_t)(asked.lines > 0 ? asked.lines : 0);
        uint8_t *pixels = calloc(size ? size : 1, 1);
        struct jpeg_pixels to = {pixels, stride, asked.columns, asked.lines, asked.denominator};
        int outcome = imgproxy_jpeg_scaled(&asked.frame, scan, asked.length, to, NULL);
        unsigned long sum = 0;
        for (size_t at = 0; at < size; at++) sum += pixels[at];
        printf("%d %lu\n", outcome, sum);
        free(pixels);
        free(scan);
    }
    return 0;
}
