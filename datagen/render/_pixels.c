/* The per-pixel loops of the renderer: rasterise a vertex grid, light the fabric on it, blend the layers.
 *
 * numpy needs a pass over memory and a call for every operation; here each pixel is visited once. Pixel centres
 * lie at integer coordinates. pixels.py wraps these functions, owns the arrays and documents them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

/* unlike fminf and fmaxf these need no call: nothing here is not a number */
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }

typedef struct {
    const float *xyz;   /* rows * cols * 3: x, y in pixels, z towards the camera */
    const float *attr;  /* rows * cols * k */
    float *out;         /* h * w * k */
    float *depth;       /* h * w, -inf where nothing is drawn yet */
    int k, h, w;
} Target;

static void draw_triangle(const Target *t, Py_ssize_t ia, Py_ssize_t ib, Py_ssize_t ic)
{
    const float *a = t->xyz + 3 * ia, *b = t->xyz + 3 * ib, *c = t->xyz + 3 * ic;
    const double area = ((double)b[0] - a[0]) * ((double)c[1] - a[1])
                      - ((double)c[0] - a[0]) * ((double)b[1] - a[1]);
    if (!(area > 1e-9)) return; /* turned away, degenerate or not a number */

    const float left = least(a[0], least(b[0], c[0])), right = most(a[0], most(b[0], c[0]));
    const float top = least(a[1], least(b[1], c[1])), bottom = most(a[1], most(b[1], c[1]));
    if (right < 0.0f || bottom < 0.0f || left > (float)(t->w - 1) || top > (float)(t->h - 1)) return;
    const int x0 = left > 0.0f ? (int)ceilf(left) : 0;
    const int y0 = top > 0.0f ? (int)ceilf(top) : 0;
    const int x1 = right < (float)(t->w - 1) ? (int)floorf(right) : t->w - 1;
    const int y1 = bottom < (float)(t->h - 1) ? (int)floorf(bottom) : t->h - 1;

    const double inv = 1.0 / area;
    const float *pa = t->attr + t->k * ia, *pb = t->attr + t->k * ib, *pc = t->attr + t->k * ic;
    /* barycentric weights are affine in x: a start for each row and a step */
    const double step_b = ((double)c[1] - a[1]) * inv, step_c = ((double)a[1] - b[1]) * inv;
    for (int y = y0; y <= y1; ++y) {
        const double row_b = -((double)c[0] - a[0]) * (y - (double)a[1]) * inv - a[0] * step_b;
        const double row_c = ((double)b[0] - a[0]) * (y - (double)a[1]) * inv - a[0] * step_c;
        for (int x = x0; x <= x1; ++x) {
            const double wb = row_b + x * step_b, wc = row_c + x * step_c, wa = 1.0 - wb - wc;
            /* the small negative bound closes the seam between neighbours */
            if (wa < -1e-6 || wb < -1e-6 || wc < -1e-6) continue;
            const float z = (float)(wa * a[2] + wb * b[2] + wc * c[2]);
            const Py_ssize_t p = (Py_ssize_t)y * t->w + x;
            if (z <= t->depth[p]) continue;
            t->depth[p] = z;
            float *o = t->out + p * t->k;
            for (int i = 0; i < t->k; ++i) o[i] = (float)(wa * pa[i] + wb * pb[i] + wc * pc[i]);
        }
    }
}

static PyObject *rasterize_grid(PyObject *self, PyObject *args)
{
    Py_buffer xyz, attr, out, depth;
    int rows, cols, k, h, w;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*w*w*iiiii", &xyz, &attr, &out, &depth, &rows, &cols, &k, &h, &w))
        return NULL;
    const Py_ssize_t vertices = (Py_ssize_t)rows * cols, pixels = (Py_ssize_t)h * w;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float);
    const int fits = rows >= 2 && cols >= 2 && k >= 1 && h >= 1 && w >= 1
                  && xyz.len == vertices * 3 * f && attr.len == vertices * k * f
                  && out.len == pixels * k * f && depth.len == pixels * f;
    if (fits) {
        const Target t = {xyz.buf, attr.buf, out.buf, depth.buf, k, h, w};
        Py_BEGIN_ALLOW_THREADS
        for (int r = 0; r + 1 < rows; ++r) {
            for (int c = 0; c + 1 < cols; ++c) {
                const Py_ssize_t i = (Py_ssize_t)r * cols + c;
                draw_triangle(&t, i, i + 1, i + cols + 1);
                draw_triangle(&t, i, i + cols + 1, i + cols);
            }
        }
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "rasterize_grid: buffer sizes do not match the stated shape");
    }
    PyBuffer_Release(&xyz);
    PyBuffer_Release(&attr);
    PyBuffer_Release(&out);
    PyBuffer_Release(&depth);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

/* Where and how much four texels weigh at a place of a fabric, coordinates clamped to it. */
typedef struct {
    Py_ssize_t at[4];
    float weight[4];
} Taps;

static inline Taps find_taps(int h, int w, float u, float v)
{
    const float x = least(most(u, 0.0f), (float)(w - 1)), y = least(most(v, 0.0f), (float)(h - 1));
    const int x0 = (int)x, y0 = (int)y;
    const int x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    const float fx = x - (float)x0, fy = y - (float)y0;
    const Py_ssize_t upper = (Py_ssize_t)y0 * w, lower = (Py_ssize_t)y1 * w;
    const Taps taps = {{4 * (upper + x0), 4 * (upper + x1), 4 * (lower + x0), 4 * (lower + x1)},
                       {(1.0f - fx) * (1.0f - fy), fx * (1.0f - fy), (1.0f - fx) * fy, fx * fy}};
    return taps;
}

/* Four channels at once: the compiler makes one vector of them. */
static inline void gather(const float *image, const Taps *taps, float *out)
{
    const float *a = image + taps->at[0], *b = image + taps->at[1];
    const float *c = image + taps->at[2], *d = image + taps->at[3];
    for (int i = 0; i < 4; ++i)
        out[i] = taps->weight[0] * a[i] + taps->weight[1] * b[i] + taps->weight[2] * c[i] + taps->weight[3] * d[i];
}

typedef struct {
    float ambient, strength, low, high, red, green, blue;
} Light;

/* One fine pixel: values are u, v and the light along normal, u tangent and v tangent. */
static inline void add_lit(const float *values, const float *rgba, const float *relief, int fh, int fw,
                    const Light *light, float *sum)
{
    float colour[4], slope[4];
    const Taps taps = find_taps(fh, fw, values[0], values[1]);
    gather(relief, &taps, slope);
    if (slope[3] <= 0.0f) return;
    gather(rgba, &taps, colour);
    /* First-order light is linear in the normal, so the relief's tilt needs no vectors. */
    const float tilt = sqrtf(1.0f + slope[0] * slope[0] + slope[1] * slope[1]);
    const float lit = (values[2] - slope[0] * values[3] - slope[1] * values[4]) / tilt;
    const float shade = 1.0f + light->strength * (lit + light->ambient - 1.0f);
    const float gain = least(most(shade, light->low), light->high) * (1.0f - slope[2]);
    sum[0] += colour[0] * gain * light->red;
    sum[1] += colour[1] * gain * light->green;
    sum[2] += colour[2] * gain * light->blue;
    sum[3] += colour[3];
    sum[4] += slope[3];
}

static PyObject *shade_fabric(PyObject *self, PyObject *args)
{
    Py_buffer values, depth, rgba, relief, out;
    int h, w, fine, fh, fw;
    Light light;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*iiiiifffffff", &values, &depth, &rgba, &relief, &out, &h, &w, &fine,
                          &fh, &fw, &light.ambient, &light.strength, &light.low, &light.high, &light.red,
                          &light.green, &light.blue))
        return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), pixels = (Py_ssize_t)h * w;
    const Py_ssize_t samples = pixels * fine * fine, texels = (Py_ssize_t)fh * fw;
    const int fits = h >= 1 && w >= 1 && fine >= 1 && fh >= 1 && fw >= 1 && values.len == samples * 5 * f
                  && depth.len == samples * f && rgba.len == texels * 4 * f && relief.len == texels * 4 * f
                  && out.len == pixels * 5 * f;
    if (fits) {
        const float *value = values.buf, *near = depth.buf;
        float *o = out.buf;
        const float share = 1.0f / (float)(fine * fine);
        Py_BEGIN_ALLOW_THREADS
        for (int y = 0; y < h; ++y) {
            for (int x = 0; x < w; ++x, o += 5) {
                float sum[5] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
                for (int dy = 0; dy < fine; ++dy) {
                    Py_ssize_t p = ((Py_ssize_t)y * fine + dy) * w * fine + (Py_ssize_t)x * fine;
                    for (int dx = 0; dx < fine; ++dx, ++p)
                        if (near[p] > -INFINITY)
                            add_lit(value + 5 * p, rgba.buf, relief.buf, fh, fw, &light, sum);
                }
                for (int i = 0; i < 5; ++i) o[i] = sum[i] * share;
            }
        }
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "shade_fabric: buffer sizes do not match the stated shape");
    }
    PyBuffer_Release(&values);
    PyBuffer_Release(&depth);
    PyBuffer_Release(&rgba);
    PyBuffer_Release(&relief);
    PyBuffer_Release(&out);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

/* below + alpha * (above - below), kept inside the interval of the two whatever the rounding does */
static inline float mix(float below, float above, float alpha)
{
    const float mixed = below * (1.0f - alpha) + above * alpha; /* monotone in both, rounding included */
    return least(most(mixed, least(below, above)), most(below, above));
}

static PyObject *blend_layers(PyObject *self, PyObject *args)
{
    Py_buffer image, shadow, strap, body, layer, grain, decode, encode;
    float strap_rgb[3], shadow_rgb[3], noise;
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*y*y*y*y*y*y*(fff)(fff)f", &image, &shadow, &strap, &body, &layer, &grain,
                          &decode, &encode, &strap_rgb[0], &strap_rgb[1], &strap_rgb[2], &shadow_rgb[0], &shadow_rgb[1],
                          &shadow_rgb[2], &noise))
        return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), pixels = image.len / 3;
    const int fits = image.len == pixels * 3 && shadow.len == pixels * f && strap.len == pixels * f
                  && body.len == pixels * f && layer.len == pixels * 5 * f && grain.len == pixels * f && decode.len == 256 * f
                  && encode.len == 65536;
    if (fits) {
        unsigned char *at = image.buf;
        const unsigned char *level = encode.buf;
        const float *linear = decode.buf, *colour = layer.buf;
        const float *speck = grain.buf, *shade = shadow.buf, *band = strap.buf, *cover = body.buf;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t p = 0; p < pixels; ++p, at += 3, colour += 5) {
            if (!(shade[p] > 0.0f || band[p] > 0.0f || cover[p] > 0.0f)) continue;
            const float unmultiply = 1.0f / most(colour[3], 1e-4f), opacity = least(colour[3], cover[p]);
            for (int i = 0; i < 3; ++i) {
                float light = linear[at[i]] * (1.0f - shade[p] * shadow_rgb[i]);
                light = mix(light, strap_rgb[i], band[p]);
                light = mix(light, least(most(colour[i] * unmultiply + speck[p] * noise, 0.0f), 1.0f), opacity);
                at[i] = level[(int)(least(most(light, 0.0f), 1.0f) * 65535.0f + 0.5f)];
            }
        }
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "blend_layers: buffer sizes do not match");
    }
    PyBuffer_Release(&image);
    PyBuffer_Release(&shadow);
    PyBuffer_Release(&strap);
    PyBuffer_Release(&body);
    PyBuffer_Release(&layer);
    PyBuffer_Release(&grain);
    PyBuffer_Release(&decode);
    PyBuffer_Release(&encode);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

static PyObject *add_change(PyObject *self, PyObject *args)
{
    Py_buffer layer, before, after, decode;
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*y*y*", &layer, &before, &after, &decode)) return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), pixels = before.len / 3;
    const int fits = before.len == pixels * 3 && after.len == before.len && layer.len == pixels * 5 * f
                  && decode.len == 256 * f;
    if (fits) {
        float *at = layer.buf;
        const unsigned char *was = before.buf, *is = after.buf;
        const float *linear = decode.buf;
        for (Py_ssize_t p = 0; p < pixels; ++p, at += 5, was += 3, is += 3) {
            if (at[3] <= 0.0f) continue;
            for (int i = 0; i < 3; ++i)
                at[i] = most(at[i] + (linear[is[i]] - linear[was[i]]) * at[3], 0.0f);
        }
    } else {
        PyErr_SetString(PyExc_ValueError, "add_change: buffer sizes do not match");
    }
    PyBuffer_Release(&layer);
    PyBuffer_Release(&before);
    PyBuffer_Release(&after);
    PyBuffer_Release(&decode);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"rasterize_grid", rasterize_grid, METH_VARARGS,
     "rasterize_grid(xyz, attr, out, depth, rows, cols, k, h, w): draw a vertex grid into out and depth."},
    {"shade_fabric", shade_fabric, METH_VARARGS,
     "shade_fabric(values, depth, rgba, relief, out, h, w, fine, fabric_h, fabric_w, ambient, strength, low, "
     "high, red, green, blue): light the fabric and average fine samples into out."},
    {"blend_layers", blend_layers, METH_VARARGS,
     "blend_layers(image, shadow, strap, body, layer, grain, decode, encode, strap_rgb, shadow_rgb, noise): "
     "in place."},
    {"add_change", add_change, METH_VARARGS,
     "add_change(layer, before, after, decode): add the change of a picture to a layer's colour, in place."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_pixels", "Per-pixel loops of the mask renderer.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__pixels(void) { return PyModule_Create(&module); }
