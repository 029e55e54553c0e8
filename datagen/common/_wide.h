/* WIDE before a function: it is compiled twice where the linker can choose at load time, for any processor and for one
 * with AVX2. Both give the same bits, since no module is allowed to fuse a multiplication with an addition.
 */
#ifndef UNMASK_WIDE_H
#define UNMASK_WIDE_H

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
