/* What lies in front of a mask, pixel by pixel: colours and places that speak for hair or glasses, and what they join to.
 *
 * front.py wraps these functions, owns the arrays, and says what the limits mean.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

#include "../common/_views.h"
#include "../common/_wide.h"

static inline float most(float a, float b) { return a > b ? a : b; }

/* The head's own axes on the picture: a pixel's height above the root of the nose and distance right of it, IOD. */
typedef struct {
    float x, y;           /* of the window's first pixel, from the root of the nose */
    float up_x, up_y;     /* unit vector up the head */
    float iod_per_px;
} Axes;

static inline float height_of(const Axes *axes, int x, int y)
{
    return ((axes->x + (float)x) * axes->up_x + (axes->y + (float)y) * axes->up_y) * axes->iod_per_px;
}

static inline float aside_of(const Axes *axes, int x, int y)
{
    return fabsf(((axes->y + (float)y) * axes->up_x - (axes->x + (float)x) * axes->up_y) * axes->iod_per_px);
}

/* Heights and half widths, IOD, as front.py names them. */
typedef struct {
    float lowest, bearded, highest, glasses, eyes, nose_half;
    float lips_low, lips_high, lips_half, chin_low, chin_high, chin_half;
} Limits;

enum { LIMITS = sizeof(Limits) / sizeof(float) };

/* Distance of colours in sRGB levels in which chroma weighs more than brightness. */
static inline float distance(const float *pixel, float level, const float *colour, float colour_level)
{
    const float red = pixel[0] - colour[0], green = pixel[1] - colour[1], blue = pixel[2] - colour[2];
    const float bright = level - colour_level;
    return sqrtf(most((red * red + green * green + blue * blue) * 2.2f - 5.7f * bright * bright, 0.0f));
}

enum { HAIR = 1, EYEWEAR = 2 };

typedef struct {
    const unsigned char *image;
    const float *level, *dark; /* mean of the channels, and how much darker than around a thin structure */
    const float *skin, *hair;  /* hair: NULL where it has no one colour */
    int h, w;
} Window;

/* Shaded skin keeps its chroma: what is merely dark is neither hair nor glasses. */
WIDE static void flag_row(const Window *win, const Axes *axes, const Limits *lim, int y, unsigned char *flags)
{
    const float skin_level = (win->skin[0] + win->skin[1] + win->skin[2]) / 3.0f;
    const float skin_chroma = (win->skin[0] - win->skin[2]) / (skin_level + 12.0f);
    const float *hair = win->hair != NULL ? win->hair : win->skin;
    const float hair_level = (hair[0] + hair[1] + hair[2]) / 3.0f;
    const unsigned char may_be_hair = win->hair != NULL ? HAIR : 0;
    const Py_ssize_t first = (Py_ssize_t)y * win->w;
    for (int x = 0; x < win->w; ++x) {
        const unsigned char *at = win->image + 3 * (first + x);
        const float pixel[3] = {at[0], at[1], at[2]}, level = win->level[first + x];
        const float up = height_of(axes, x, y), aside = aside_of(axes, x, y);
        const int other = fabsf((pixel[0] - pixel[2]) / (level + 12.0f) - skin_chroma) > 0.28f;
        const int thin = (level < 0.5f * skin_level) & (win->dark[first + x] > 0.22f * skin_level);
        const int lens = (level < 0.35f * skin_level) & other;
        const int on_glasses = (up > lim->glasses) & ((up > lim->eyes) | (aside > lim->nose_half));
        const float to_hair = distance(pixel, level, hair, hair_level), to_skin = distance(pixel, level, win->skin, skin_level);
        const int hairy = (to_hair < 24.0f) & (to_skin > 42.0f) & (to_hair < 0.45f * to_skin)
                        & (other | (level < 0.28f * skin_level));
        flags[first + x] = (unsigned char)((hairy ? may_be_hair : 0) | ((thin | lens) & on_glasses ? EYEWEAR : 0));
    }
}

/* Whether so much of the chin is hairy that what is below the nose is a beard. */
static int is_bearded(const Window *win, const Axes *axes, const Limits *lim, const unsigned char *flags)
{
    int chin = 0, hairy = 0;
    for (int y = 0; y < win->h; ++y) {
        for (int x = 0; x < win->w; ++x) {
            const float up = height_of(axes, x, y);
            if (!(up > lim->chin_low && up < lim->chin_high && aside_of(axes, x, y) < lim->chin_half)) continue;
            ++chin;
            hairy += flags[(Py_ssize_t)y * win->w + x] & HAIR;
        }
    }
    return hairy > 0.2 * chin + 1;
}

/* Take away what lies where nothing is kept in front: on the lips, in a beard, above the brows. */
WIDE static void keep_allowed(const Window *win, const Axes *axes, const Limits *lim, float hair_from, unsigned char *flags)
{
    for (int y = 0; y < win->h; ++y) {
        for (int x = 0; x < win->w; ++x) {
            const float up = height_of(axes, x, y);
            const int lips = (up > lim->lips_low) & (up < lim->lips_high) & (aside_of(axes, x, y) < lim->lips_half);
            const int allowed = (up < lim->highest) & !lips;
            const unsigned char kinds = (unsigned char)(EYEWEAR | (up > hair_from ? HAIR : 0));
            flags[(Py_ssize_t)y * win->w + x] &= (unsigned char)(allowed ? kinds : 0);
        }
    }
}

static PyObject *front_flags(PyObject *self, PyObject *args)
{
    Views v = {.count = 7};
    Py_buffer *image = &v.view[0], *level = &v.view[1], *dark = &v.view[2], *skin = &v.view[3], *hair = &v.view[4], *limits = &v.view[5], *out = &v.view[6];
    Window win;
    Axes axes;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*ii(fffff)", image, level, dark, skin, hair, limits, out, &win.h,
                          &win.w, &axes.x, &axes.y, &axes.up_x, &axes.up_y, &axes.iod_per_px))
        return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), count = (Py_ssize_t)win.h * win.w;
    const int fits = image->len == 3 * count && level->len == count * f && dark->len == count * f && skin->len == 3 * f
                  && (hair->len == 3 * f || hair->len == 0) && limits->len == LIMITS * f && out->len == count;
    if (fits) {
        const Limits *lim = limits->buf;
        win.image = image->buf;
        win.level = level->buf;
        win.dark = dark->buf;
        win.skin = skin->buf;
        win.hair = hair->len ? hair->buf : NULL;
        Py_BEGIN_ALLOW_THREADS
        for (int y = 0; y < win.h; ++y) flag_row(&win, &axes, lim, y, out->buf);
        const int bearded = win.hair != NULL && is_bearded(&win, &axes, lim, out->buf);
        keep_allowed(&win, &axes, lim, bearded ? lim->bearded : lim->lowest, out->buf);
        Py_END_ALLOW_THREADS
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* For every connected part: pixels outside the face or at the eyes, pixels on the face below them, pixels of hair. */
static PyObject *count_parts(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    Py_buffer *labels = &v.view[0], *flags = &v.view[1], *inside = &v.view[2], *out = &v.view[3];
    int h, w, parts;
    float eye_line;
    Axes axes;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*iii(fffff)f", labels, flags, inside, out, &h, &w, &parts, &axes.x, &axes.y,
                          &axes.up_x, &axes.up_y, &axes.iod_per_px, &eye_line))
        return NULL;
    const Py_ssize_t count = (Py_ssize_t)h * w, word = (Py_ssize_t)sizeof(int);
    int fits = labels->len == count * word && flags->len == count && inside->len == count && out->len == 3 * parts * word;
    if (fits) {
        const int *label = labels->buf;
        const unsigned char *flag = flags->buf, *face = inside->buf;
        int *rooted = out->buf, *within = rooted + parts, *hairy = within + parts;
        for (int i = 0; i < 3 * parts; ++i) rooted[i] = 0;
        for (int y = 0; y < h; ++y) {
            for (int x = 0; x < w; ++x, ++label, ++flag, ++face) {
                if (*label <= 0 || *label >= parts) continue; /* 0: the background */
                const int below = *face && height_of(&axes, x, y) <= eye_line;
                ++*((below ? within : rooted) + *label);
                hairy[*label] += *flag & HAIR;
            }
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"front_flags", front_flags, METH_VARARGS,
     "front_flags(image, level, dark, skin, hair, limits, out, h, w, axes): 1 hair, 2 eyewear"},
    {"count_parts", count_parts, METH_VARARGS,
     "count_parts(labels, flags, inside, out, h, w, parts, axes, eye_line): rooted, within, hairy of each part"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_front", "What lies in front of a mask, pixel by pixel.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__front(void) { return PyModule_Create(&module); }
