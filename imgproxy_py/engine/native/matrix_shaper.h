/* From one profile of curves and a matrix to another: pixels of 8 bits, in the arithmetic of Little CMS. */
#ifndef IMGPROXY_MATRIX_SHAPER_H
#define IMGPROXY_MATRIX_SHAPER_H

#include <stddef.h>
#include <stdint.h>

enum { SHAPER_COLORS = 3, SHAPER_LEVELS = 256, SHAPER_ONE = 1 << 14 }; /* light has 14 bits of fraction */

/* The value of a curve at a place of 0 to 1, as `cmsEvalToneCurveFloat` gives it. */
typedef float shaper_curve(const void *curve, float place);

/* What each level of a colour adds to the light of the three colours of the other profile, and one number to fill up. */
typedef int32_t shaper_inputs[SHAPER_LEVELS][SHAPER_COLORS + 1];

/* The level that light comes to, by its amount. */
typedef uint8_t shaper_outputs[SHAPER_ONE + 1];

/* Fill a colour's table: its curve, and its share in each of the other's colours in units of SHAPER_ONE. */
void imgproxy_shaper_inputs(shaper_inputs inputs, shaper_curve *evaluate, const void *curve, const int32_t *shares);

/* Fill a colour's table, of a curve from light to levels. */
void imgproxy_shaper_outputs(shaper_outputs outputs, shaper_curve *evaluate, const void *curve);

/* Convert pixels in place, each of `step` samples, of which the first three are colours. Colours with the same curve had better
 * share its table, which leaves the processor's nearest cache room for more. */
void imgproxy_shape(const shaper_inputs inputs[SHAPER_COLORS], const uint8_t *const outputs[SHAPER_COLORS], uint8_t *pixels,
                    size_t count, int32_t step);

#endif
