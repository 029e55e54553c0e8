/* What a few dozen samples of the photograph say: light on the skin, noise, blur at the eyes.
 *
 * light.py and camera.py wrap these functions, own the arrays, and name the methods' sources.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdlib.h>

#include "../common/_views.h"

enum { MOST_SAMPLES = 256, FEWEST = 8 };

static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }

/* The value that would stand at an index if the values were sorted (Hoare's selection); reorders them. */
static double select_value(double *values, int count, int index)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const double pivot = values[(low + high) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) ++i;
            while (values[j] > pivot) --j;
            if (i <= j) {
                const double kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (index <= j) high = j;
        else if (index >= i) low = i;
        else break;
    }
    return values[index];
}

static double median(double *values, int count) { return select_value(values, count, count / 2); }

typedef struct {
    const unsigned char *pixels;
    int h, w;
} Picture;

/* Places where skin is usually bare: which of them face the camera and lie in the picture. */
static int is_seen(const Picture *picture, const double *at, double facing)
{
    return facing > 0.25 && at[0] > 0 && at[0] < picture->w - 1 && at[1] > 0 && at[1] < picture->h - 1;
}

typedef struct {
    double rgb[3], linear[3], normal[3], luminance;
} Sample;

static int clamped(double value, int offset, int count)
{
    const int at = (int)rint(value) + offset;
    return at < 0 ? 0 : at >= count ? count - 1 : at;
}

/* Mean of nine pixels around a place: pores and noise are not light. */
static void read_sample(const Picture *picture, const double *at, int spot, const float *decode, const double *luma,
                        Sample *sample)
{
    double sum[3] = {0.0, 0.0, 0.0};
    for (int dy = -spot; dy <= spot; dy += spot)
        for (int dx = -spot; dx <= spot; dx += spot) {
            const int x = clamped(at[0], dx, picture->w), y = clamped(at[1], dy, picture->h);
            const unsigned char *pixel = picture->pixels + 3 * ((Py_ssize_t)y * picture->w + x);
            for (int i = 0; i < 3; ++i) sum[i] += pixel[i];
        }
    sample->luminance = 0.0;
    for (int i = 0; i < 3; ++i) {
        sample->rgb[i] = sum[i] / 9.0;
        sample->linear[i] = decode[(unsigned char)sample->rgb[i]];
        sample->luminance += sample->linear[i] * luma[i];
    }
}

/* Solve a symmetric positive definite 4 x 4 system in place (Cholesky). */
static void solve4(double a[4][4], double *b)
{
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = a[i][j];
            for (int k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
            a[i][j] = i == j ? sqrt(most(sum, 1e-12)) : sum / a[j][j];
        }
    }
    for (int i = 0; i < 4; ++i) {
        for (int k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = 3; i >= 0; --i) {
        for (int k = i + 1; k < 4; ++k) b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

static double predicted(const Sample *sample, const double *fit)
{
    return fit[0] + fit[1] * sample->normal[0] + fit[2] * sample->normal[1] + fit[3] * sample->normal[2];
}

/* Luminance as first-order function of the normal over the trusted samples, pulled towards the usual light. */
static void fit_samples(const Sample *samples, int count, const char *trusted, const double *usual, double ridge,
                        double *fit)
{
    double scratch[MOST_SAMPLES], normal[4][4] = {{0.0}}, right[4] = {0.0};
    int used = 0;
    for (int i = 0; i < count; ++i) used += trusted[i];
    const int all = used < FEWEST;
    used = 0;
    for (int i = 0; i < count; ++i) {
        if (!all && !trusted[i]) continue;
        const double row[4] = {1.0, samples[i].normal[0], samples[i].normal[1], samples[i].normal[2]};
        for (int r = 0; r < 4; ++r) {
            for (int c = 0; c < 4; ++c) normal[r][c] += row[r] * row[c];
            right[r] += row[r] * samples[i].luminance;
        }
        scratch[used++] = samples[i].luminance;
    }
    const double pull = ridge * used, middle = median(scratch, used);
    normal[0][0] += 1e-9;
    for (int k = 1; k < 4; ++k) {
        normal[k][k] += pull;
        right[k] += pull * middle * usual[k - 1];
    }
    solve4(normal, right);
    for (int k = 0; k < 4; ++k) fit[k] = right[k];
}

/* Medians over the trusted samples: linear colour, sRGB colour, distance to it. */
static void describe_skin(const Sample *samples, int count, const char *trusted, double *out)
{
    double scratch[MOST_SAMPLES];
    for (int channel = 0; channel < 6; ++channel) {
        int used = 0;
        for (int i = 0; i < count; ++i)
            if (trusted[i]) scratch[used++] = channel < 3 ? samples[i].linear[channel] : samples[i].rgb[channel - 3];
        out[channel] = median(scratch, used);
    }
    int used = 0;
    for (int i = 0; i < count; ++i) {
        if (!trusted[i]) continue;
        double squared = 0.0;
        for (int k = 0; k < 3; ++k) squared += (samples[i].rgb[k] - out[3 + k]) * (samples[i].rgb[k] - out[3 + k]);
        scratch[used++] = sqrt(squared);
    }
    out[6] = median(scratch, used);
}

static int read_samples(const Picture *picture, const double *at, const double *normals, int count, const double *turn,
                        int spot, const float *decode, const double *luma, Sample *samples)
{
    int seen = 0;
    for (int i = 0; i < count; ++i) {
        double *normal = samples[seen].normal;
        for (int k = 0; k < 3; ++k)
            normal[k] = normals[3 * i] * turn[3 * k] + normals[3 * i + 1] * turn[3 * k + 1] + normals[3 * i + 2] * turn[3 * k + 2];
        if (is_seen(picture, at + 2 * i, normal[2])) read_sample(picture, at + 2 * i, spot, decode, luma, samples + seen++);
    }
    return seen;
}

/* out: middle luminance, four coefficients, linear skin, sRGB skin, spread. Returns how many samples are seen. */
static PyObject *fit_light(PyObject *self, PyObject *args)
{
    Views v = {.count = 6};
    Py_buffer *image = &v.view[0], *at = &v.view[1], *normals = &v.view[2], *camera = &v.view[3], *decode = &v.view[4], *out = &v.view[5];
    Picture picture;
    int spot, seen = 0;
    double luma[3], usual[3], ridge;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*iii(ddd)(ddd)d", image, at, normals, camera, decode, out, &picture.h,
                          &picture.w, &spot, &luma[0], &luma[1], &luma[2], &usual[0], &usual[1], &usual[2], &ridge))
        return NULL;
    const Py_ssize_t d = (Py_ssize_t)sizeof(double), count = at->len / (2 * d);
    const int fits = image->len == 3 * (Py_ssize_t)picture.h * picture.w && count <= MOST_SAMPLES && spot >= 1
                  && at->len == 2 * count * d && normals->len == 3 * count * d && camera->len == 12 * d
                  && decode->len == 256 * (Py_ssize_t)sizeof(float) && out->len == 12 * d;
    if (fits) {
        Sample samples[MOST_SAMPLES];
        double errors[MOST_SAMPLES], *told = out->buf;
        char trusted[MOST_SAMPLES];
        picture.pixels = image->buf;
        seen = read_samples(&picture, at->buf, normals->buf, (int)count, camera->buf, spot, decode->buf, luma, samples);
        if (seen >= FEWEST) {
            for (int i = 0; i < seen; ++i) errors[i] = samples[i].luminance;
            told[0] = median(errors, seen);
            for (int i = 0; i < seen; ++i)
                trusted[i] = fabs(samples[i].luminance - told[0]) < 0.55 * told[0] + 0.01;
            fit_samples(samples, seen, trusted, usual, ridge, told + 1);
            /* a second time without what the first fit does not explain: hair, glasses, cast shadows */
            for (int i = 0; i < seen; ++i) errors[i] = fabs(predicted(samples + i, told + 1) - samples[i].luminance);
            const double limit = 2.0 * most(median(errors, seen), 0.01);
            for (int i = 0; i < seen; ++i)
                trusted[i] = fabs(predicted(samples + i, told + 1) - samples[i].luminance) < limit;
            fit_samples(samples, seen, trusted, usual, ridge, told + 1);
            describe_skin(samples, seen, trusted, told + 5);
        }
    }
    return finish(&v, fits, PyLong_FromLong(seen));
}

/* Median response of the Laplacian difference mask on the green channel at seen places; -1 where there are too few. */
static PyObject *noise_response(PyObject *self, PyObject *args)
{
    Views v = {.count = 3};
    Py_buffer *image = &v.view[0], *at = &v.view[1], *facing = &v.view[2];
    Picture picture;
    double response = -1.0;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*ii", image, at, facing, &picture.h, &picture.w)) return NULL;
    const Py_ssize_t d = (Py_ssize_t)sizeof(double), count = facing->len / d;
    const int fits = image->len == 3 * (Py_ssize_t)picture.h * picture.w && count <= MOST_SAMPLES && at->len == 2 * count * d;
    if (fits) {
        static const int mask[3][3] = {{1, -2, 1}, {-2, 4, -2}, {1, -2, 1}};
        double responses[MOST_SAMPLES];
        int used = 0;
        picture.pixels = image->buf;
        for (int i = 0; i < (int)count; ++i) {
            const double *place = (const double *)at->buf + 2 * i;
            if (!is_seen(&picture, place, ((const double *)facing->buf)[i])) continue;
            const int x = (int)rint(place[0]), y = (int)rint(place[1]);
            if (x < 1 || x >= picture.w - 1 || y < 1 || y >= picture.h - 1) continue;
            int sum = 0;
            for (int dy = 0; dy < 3; ++dy)
                for (int dx = 0; dx < 3; ++dx)
                    sum += mask[dy][dx] * picture.pixels[3 * ((Py_ssize_t)(y + dy - 1) * picture.w + x + dx - 1) + 1];
            responses[used++] = abs(sum);
        }
        if (used >= FEWEST) response = median(responses, used);
    }
    return finish(&v, fits, PyFloat_FromDouble(response));
}

static double gradient(const float *row, int w)
{
    const float dx = row[1] - row[-1], dy = row[w] - row[-w];
    return sqrtf(dx * dx + dy * dy);
}

/* Median ratio of the gradients of a picture and of the same picture blurred, at its strongest edges. */
static PyObject *edge_ratio(PyObject *self, PyObject *args)
{
    Views v = {.count = 2};
    Py_buffer *sharp = &v.view[0], *soft = &v.view[1];
    int h, w;
    double ratio = 0.0;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*ii", sharp, soft, &h, &w)) return NULL;
    const Py_ssize_t size = (Py_ssize_t)h * w * (Py_ssize_t)sizeof(float);
    const int fits = h >= 3 && w >= 3 && sharp->len == size && soft->len == size;
    const int count = fits ? (h - 2) * (w - 2) : 0;
    double *edges = fits ? malloc(2 * (size_t)count * sizeof(double)) : NULL;
    if (edges != NULL) {
        double *ratios = edges + count;
        int used = 0, at = 0;
        for (int y = 1; y < h - 1; ++y)
            for (int x = 1; x < w - 1; ++x) edges[at++] = gradient((const float *)sharp->buf + (Py_ssize_t)y * w + x, w);
        const int strongest = count / 25 > 8 ? count / 25 : 8;
        const double limit = select_value(edges, count, count > strongest ? count - strongest : 0);
        for (int y = 1; y < h - 1; ++y)
            for (int x = 1; x < w - 1; ++x) {
                const double before = gradient((const float *)sharp->buf + (Py_ssize_t)y * w + x, w);
                if (before < limit) continue;
                ratios[used++] = before / most(gradient((const float *)soft->buf + (Py_ssize_t)y * w + x, w), 1e-3);
            }
        ratio = least(median(ratios, used), 1e9);
        free(edges);
    } else if (fits) {
        PyErr_NoMemory();
    }
    return finish(&v, fits, PyFloat_FromDouble(ratio));
}

static PyMethodDef methods[] = {
    {"fit_light", fit_light, METH_VARARGS,
     "fit_light(image, at, normals, camera, decode, out, h, w, spot, luma, usual, ridge) -> samples seen"},
    {"noise_response", noise_response, METH_VARARGS, "noise_response(image, at, facing, h, w) -> median response or -1"},
    {"edge_ratio", edge_ratio, METH_VARARGS, "edge_ratio(sharp, soft, h, w) -> median ratio"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_samples", "What a few samples of the photograph say.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__samples(void) { return PyModule_Create(&module); }
