/* What the compiled modules of geometry share: the taut skin around the head, and the camera with its residual. */
#ifndef UNMASK_SKIN_H
#define UNMASK_SKIN_H

#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../common/_wide.h"

static inline double least(double a, double b) { return a < b ? a : b; }
static inline double most(double a, double b) { return a > b ? a : b; }

enum { MOST_KNOTS = 64 };

/* exp of what is at most 0, without a call, so that loops over it become vectors: 2^k times a Taylor polynomial of
 * the rest, |r| <= ln 2 / 2; relative error below 1e-14. */
static inline double exp_below(double x)
{
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer, kept in the low bits */
    x = most(x, -700.0);
    const double turned = x * 1.4426950408889634 + shift;
    const double k = turned - shift;
    const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    uint64_t bits;
    memcpy(&bits, &turned, sizeof bits);
    bits = (bits + 1023u) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* Distance from the head's centre to the skin, on a grid of directions. */
typedef struct {
    const double *radius;
    int rows, cols;
    double first_azimuth, first_elevation, step;
    double centre[3];
} Skin;

static inline void skin_at(const Skin *skin, double azimuth, double elevation, double lift, double *point)
{
    const double column = least(most((azimuth - skin->first_azimuth) / skin->step, 0.0), skin->cols - 1.001);
    const double row = least(most((elevation - skin->first_elevation) / skin->step, 0.0), skin->rows - 1.001);
    const int c = (int)column, r = (int)row;
    const double fc = column - c, fr = row - r;
    const double *upper = skin->radius + (Py_ssize_t)r * skin->cols + c, *lower = upper + skin->cols;
    const double radius = (upper[0] * (1 - fc) + upper[1] * fc) * (1 - fr) + (lower[0] * (1 - fc) + lower[1] * fc) * fr;
    const double degree = 3.14159265358979323846 / 180.0, out = radius + lift;
    const double flat = cos(elevation * degree);
    point[0] = skin->centre[0] + sin(azimuth * degree) * flat * out;
    point[1] = skin->centre[1] + sin(elevation * degree) * out;
    point[2] = skin->centre[2] + cos(azimuth * degree) * flat * out;
}

/* camera: rotation (3 x 3), scale, translation (2); knots and pull: the residual, Gaussians around the knots. */
WIDE static void project_all(const double *points, Py_ssize_t count, const double *camera, const double *knots,
                             const double *pull, int knot_count, double reach, double *out)
{
    double x[MOST_KNOTS], y[MOST_KNOTS], pull_x[MOST_KNOTS], pull_y[MOST_KNOTS], weight[MOST_KNOTS];
    for (int k = 0; k < knot_count; ++k) {
        x[k] = knots[2 * k];
        y[k] = knots[2 * k + 1];
        pull_x[k] = pull[2 * k];
        pull_y[k] = pull[2 * k + 1];
    }
    const double scale = camera[9];
    for (Py_ssize_t i = 0; i < count; ++i) {
        const double *p = points + 3 * i;
        const double across = (p[0] * camera[0] + p[1] * camera[1] + p[2] * camera[2]) * scale + camera[10];
        const double down = camera[11] - (p[0] * camera[3] + p[1] * camera[4] + p[2] * camera[5]) * scale;
        for (int k = 0; k < knot_count; ++k) {
            const double dx = (across - x[k]) * reach, dy = (down - y[k]) * reach;
            weight[k] = exp_below(-0.5 * (dx * dx + dy * dy));
        }
        double bent_x = across, bent_y = down;
        for (int k = 0; k < knot_count; ++k) {
            bent_x += weight[k] * pull_x[k];
            bent_y += weight[k] * pull_y[k];
        }
        out[2 * i] = bent_x;
        out[2 * i + 1] = bent_y;
    }
}

#endif
