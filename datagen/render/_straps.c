/* The way of straps over the cheek: from the mask's corners to where they leave sight or the skin ends.
 *
 * straps.py wraps this, owns the arrays and documents them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include "_skin.h"
#include "../common/_views.h"

enum { SAMPLES = 20 };

typedef struct {
    const unsigned char *pixels;
    int h, w;
    double skin[3], spread;
} Cheek;

static const unsigned char *pixel_at(const Cheek *cheek, const double *at)
{
    const int x = (int)least(most(rint(at[0]), 0.0), cheek->w - 1), y = (int)least(most(rint(at[1]), 0.0), cheek->h - 1);
    return cheek->pixels + 3 * ((Py_ssize_t)y * cheek->w + x);
}

/* Brightness may change over the cheek more than chroma does. */
static int is_off_skin(const Cheek *cheek, const unsigned char *pixel)
{
    double gap[3], bright = 0.0, chroma = 0.0;
    for (int i = 0; i < 3; ++i) {
        gap[i] = pixel[i] - cheek->skin[i];
        bright += gap[i];
    }
    bright /= 3.0;
    for (int i = 0; i < 3; ++i) chroma += (gap[i] - bright) * (gap[i] - bright);
    const double far = fabs(bright) * 0.6, tinted = sqrt(chroma) * 1.6;
    return sqrt(far * far + tinted * tinted) > 20.0 + 2.0 * cheek->spread;
}

/* How many points from the start lie on skin, allowing single outliers, and the mean level of the picture under them. */
static int skin_until(const Cheek *cheek, const double *points, int last, double *level)
{
    int off[SAMPLES], count = SAMPLES;
    for (int i = 0; i < SAMPLES; ++i) off[i] = is_off_skin(cheek, pixel_at(cheek, points + 2 * i));
    for (int i = SAMPLES - 1; i >= 0; --i)
        if (off[i] && (i == SAMPLES - 1 || off[i + 1])) count = i;
    if (count > last) count = last;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
        const unsigned char *pixel = pixel_at(cheek, points + 2 * i);
        sum += pixel[0] + pixel[1] + pixel[2];
    }
    *level = count > 0 ? sum / (3.0 * count) : 0.0;
    return count;
}

/* The outward normal's share towards the camera, at the nearest direction of the skin's grid. */
static double facing(const Skin *skin, const double *normals, const double *camera, double azimuth, double elevation)
{
    const int column = (int)rint(least(most((azimuth - skin->first_azimuth) / skin->step, 0.0), skin->cols - 1));
    const int row = (int)rint(least(most((elevation - skin->first_elevation) / skin->step, 0.0), skin->rows - 1));
    const double *n = normals + 3 * ((Py_ssize_t)row * skin->cols + column);
    return n[0] * camera[6] + n[1] * camera[7] + n[2] * camera[8];
}

/* ends: azimuth and elevation of each strap's start, then of its end. told: points in sight on skin, and their level. */
static PyObject *trace_straps(PyObject *self, PyObject *args)
{
    Views v = {.count = 9};
    Cheek cheek;
    Skin skin;
    double reach, sag, lift, hidden;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*w*w*iiiiddd(ddd)(dddd)(ddd)d", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4], &v.view[5],
                          &v.view[6], &v.view[7], &v.view[8], &cheek.h, &cheek.w, &skin.rows, &skin.cols, &skin.first_azimuth,
                          &skin.first_elevation, &skin.step, &skin.centre[0], &skin.centre[1], &skin.centre[2], &reach,
                          &sag, &lift, &hidden, &cheek.skin[0], &cheek.skin[1], &cheek.skin[2], &cheek.spread))
        return NULL;
    const Py_ssize_t d = (Py_ssize_t)sizeof(double), straps = v.view[1].len / (4 * d), grid = (Py_ssize_t)skin.rows * skin.cols;
    const int knots = (int)(v.view[5].len / (2 * d));
    const int fits = v.view[0].len == 3 * (Py_ssize_t)cheek.h * cheek.w && v.view[1].len == straps * 4 * d && v.view[2].len == grid * d
                  && v.view[3].len == 3 * grid * d && v.view[4].len == 12 * d && knots <= MOST_KNOTS && v.view[5].len == 2 * knots * d
                  && v.view[6].len == v.view[5].len && v.view[7].len == straps * SAMPLES * 2 * d && v.view[8].len == straps * 2 * d
                  && cheek.h >= 1 && cheek.w >= 1 && skin.rows >= 2 && skin.cols >= 2;
    if (fits) {
        cheek.pixels = v.view[0].buf;
        skin.radius = v.view[2].buf;
        for (Py_ssize_t strap = 0; strap < straps; ++strap) {
            const double *ends = (const double *)v.view[1].buf + 4 * strap;
            double *points = (double *)v.view[7].buf + 2 * SAMPLES * strap, *told = (double *)v.view[8].buf + 2 * strap;
            double solid[3 * SAMPLES];
            int last = SAMPLES;
            for (int i = 0; i < SAMPLES; ++i) {
                const double share = (double)i / (SAMPLES - 1);
                const double azimuth = ends[0] + (ends[2] - ends[0]) * share;
                const double elevation = ends[1] + (ends[3] - ends[1]) * share - sag * sin(3.14159265358979323846 * share);
                skin_at(&skin, azimuth, elevation, lift, solid + 3 * i);
                if (last == SAMPLES && facing(&skin, v.view[3].buf, v.view[4].buf, azimuth, elevation) < hidden) last = i;
            }
            project_all(solid, SAMPLES, v.view[4].buf, v.view[5].buf, v.view[6].buf, knots, reach, points);
            told[0] = skin_until(&cheek, points, last, told + 1);
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"trace_straps", trace_straps, METH_VARARGS,
     "trace_straps(image, ends, radius, normals, camera, knots, pull, points, told, h, w, rows, cols, first_azimuth, "
     "first_elevation, step, centre, (reach, sag, lift, hidden), skin_rgb, spread)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_straps", "The way of straps over the cheek.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__straps(void) { return PyModule_Create(&module); }
