/* The kernels of small_product.h, written once; the includer says for which build and element type by
 *   REAL, NAME(x)                 the element type, and x with its suffix
 *   LANES                         elements of a vector
 *   NAME(vec), NAME(mask)         a vector; what tells the lanes of a part of one
 *   NAME(load), NAME(store), NAME(spread)  of whole vectors, anywhere in an array; of one number
 *   NAME(mask_first)(n)           lanes 0 .. n-1
 *   NAME(load_first)(p, mask), NAME(store_first)(p, v, n)  of these alone, zeros elsewhere; nothing else is touched
 *   NAME(add)(a, b), NAME(multiply_add)(a, b, c)  a + b, a b + c
 *   NAME(sum)(v), NAME(store_sums)(p, v)  the sum of the lanes in pairs; those of v[0] .. v[3]
 *   NAME(transpose)(a, lda, to, ldt)  to = a', LANES x LANES
 *   SMALL_MATRICES_ONLY           leaves out products with vectors, and needs no sums
 * A row of up to four vectors is told by their number, which is a constant after inlining; the last one is read through the mask. */

#ifndef SMALL_INLINE
#define SMALL_INLINE static inline __attribute__((always_inline))
/* The statement with V, the number of vectors, as a constant. */
#define SMALL_VECTORS(vectors, statement)                                                                    \
  switch (vectors) {                                                                                         \
  case 1: {                                                                                                  \
    enum { V = 1 };                                                                                          \
    statement;                                                                                               \
    break;                                                                                                   \
  }                                                                                                          \
  case 2: {                                                                                                  \
    enum { V = 2 };                                                                                          \
    statement;                                                                                               \
    break;                                                                                                   \
  }                                                                                                          \
  case 3: {                                                                                                  \
    enum { V = 3 };                                                                                          \
    statement;                                                                                               \
    break;                                                                                                   \
  }                                                                                                          \
  default: {                                                                                                 \
    enum { V = 4 };                                                                                          \
    statement;                                                                                               \
    break;                                                                                                   \
  }                                                                                                          \
  }
#endif

SMALL_INLINE NAME(vec) NAME(part)(int v, int vectors, const REAL *p, NAME(mask) last) {
  return v + 1 < vectors ? NAME(load)(p + v * LANES) : NAME(load_first)(p + v * LANES, last);
}

#ifndef SMALL_MATRICES_ONLY
/* ------------------------------------------------------------------ y = A x */

/* s[r] = the products of row r and x, lane by lane, for `count` rows of at most four vectors. */
SMALL_INLINE void NAME(dot_short)(int vectors, int count, NAME(mask) last, const REAL *a, int64_t lda,
                                  const REAL *x, NAME(vec) * s) {
  for (int r = 0; r < count; r++) s[r] = NAME(spread)(0);
  for (int v = 0; v < vectors; v++) {
    const NAME(vec) t = NAME(part)(v, vectors, x, last);
    for (int r = 0; r < count; r++)
      s[r] = NAME(multiply_add)(NAME(part)(v, vectors, a + r * lda, last), t, s[r]);
  }
}

/* The same for long rows, vectors of even and odd number summed apart. */
SMALL_INLINE void NAME(dot_long)(int count, int64_t cols, const REAL *a, int64_t lda, const REAL *x,
                                 NAME(vec) * s) {
  NAME(vec) even[4], odd[4];
  for (int r = 0; r < count; r++) even[r] = odd[r] = NAME(spread)(0);
  int64_t j = 0;
  for (; j + 2 * LANES <= cols; j += 2 * LANES) {
    const NAME(vec) t = NAME(load)(x + j), u = NAME(load)(x + j + LANES);
    for (int r = 0; r < count; r++) {
      even[r] = NAME(multiply_add)(NAME(load)(a + r * lda + j), t, even[r]);
      odd[r] = NAME(multiply_add)(NAME(load)(a + r * lda + j + LANES), u, odd[r]);
    }
  }
  for (; j < cols; j += LANES) {
    const NAME(mask) some = NAME(mask_first)(cols - j < LANES ? cols - j : LANES);
    const NAME(vec) t = NAME(load_first)(x + j, some);
    for (int r = 0; r < count; r++)
      even[r] = NAME(multiply_add)(NAME(load_first)(a + r * lda + j, some), t, even[r]);
  }
  for (int r = 0; r < count; r++) s[r] = NAME(add)(even[r], odd[r]);
}

SMALL_INLINE void NAME(rows_of)(int vectors, int64_t rows, int64_t cols, const REAL *a, int64_t lda,
                                const REAL *x, REAL *y) {
  const NAME(mask) last = NAME(mask_first)(vectors ? cols - (vectors - 1) * LANES : 0);
  NAME(vec) s[4];
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    if (vectors)
      NAME(dot_short)(vectors, 4, last, a + i * lda, lda, x, s);
    else
      NAME(dot_long)(4, cols, a + i * lda, lda, x, s);
    NAME(store_sums)(y + i, s);
  }
  for (; i < rows; i++) {
    if (vectors)
      NAME(dot_short)(vectors, 1, last, a + i * lda, lda, x, s);
    else
      NAME(dot_long)(1, cols, a + i * lda, lda, x, s);
    y[i] = NAME(sum)(s[0]);
  }
}

static void NAME(rows)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *y) {
  const int64_t vectors = (cols + LANES - 1) / LANES;
  if (vectors > 4)
    NAME(rows_of)(0, rows, cols, a, lda, x, y);
  else
    SMALL_VECTORS(vectors, NAME(rows_of)(V, rows, cols, a, lda, x, y))
}

/* ------------------------------------------------------------------ y = A'x */

/* Row i is added up in stream i mod `streams`, the streams in pairs, and at the end the rows that are left.
 */
SMALL_INLINE void NAME(columns_of)(int vectors, int64_t rows, int64_t cols, const REAL *a, int64_t lda,
                                   const REAL *x, REAL *y) {
  enum { MOST = 8 };
  const int streams = vectors == 1 ? 8 : vectors == 2 ? 4 : 2;
  const int64_t left = cols - (vectors - 1) * LANES;
  const NAME(mask) last = NAME(mask_first)(left);
  NAME(vec) s[MOST][4];
  int64_t i = 0;
  for (int q = 0; q < streams; q++)
    for (int v = 0; v < vectors; v++) s[q][v] = NAME(spread)(0);
  for (; i + streams <= rows; i += streams)
    for (int q = 0; q < streams; q++) {
      const NAME(vec) t = NAME(spread)(x[i + q]);
      for (int v = 0; v < vectors; v++)
        s[q][v] = NAME(multiply_add)(NAME(part)(v, vectors, a + (i + q) * lda, last), t, s[q][v]);
    }
  for (int width = streams / 2; width > 0; width /= 2)
    for (int q = 0; q < width; q++)
      for (int v = 0; v < vectors; v++) s[q][v] = NAME(add)(s[q][v], s[q + width][v]);
  for (; i < rows; i++) {
    const NAME(vec) t = NAME(spread)(x[i]);
    for (int v = 0; v < vectors; v++)
      s[0][v] = NAME(multiply_add)(NAME(part)(v, vectors, a + i * lda, last), t, s[0][v]);
  }
  for (int v = 0; v + 1 < vectors; v++) NAME(store)(y + v * LANES, s[0][v]);
  NAME(store_first)(y + (vectors - 1) * LANES, s[0][vectors - 1], left);
}

static void NAME(columns)(int64_t rows, int64_t cols, const void *a_, int64_t lda, const void *x, void *y_) {
  const REAL *a = a_;
  REAL *y = y_;
  for (int64_t j = 0; j < cols; j += 4 * LANES) {
    const int64_t some = cols - j < 4 * LANES ? cols - j : 4 * LANES;
    SMALL_VECTORS((some + LANES - 1) / LANES, NAME(columns_of)(V, rows, some, a + j, lda, x, y + j))
  }
}

#endif

/* ------------------------------------------------------------------ C = op(A) op(B) */

/* `rows` rows and `cols` columns of C; op(A)[i, l] = a[i ai + l al]. Each element is one sum in order of l. What of A comes next is
 * fetched ahead: the next rows where op(A) lies by rows, else the lines that follow those at hand. */
SMALL_INLINE void NAME(tile)(int vectors, int rows, bool add, int64_t cols, int64_t k, const REAL *a,
                             int64_t ai, int64_t al, const REAL *b, int64_t ldb, REAL *c, int64_t ldc) {
  const int64_t left = cols - (vectors - 1) * LANES;
  const NAME(mask) last = NAME(mask_first)(left);
  NAME(vec) s[6][4], t[4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      s[r][v] = add ? NAME(part)(v, vectors, c + r * ldc, last) : NAME(spread)(0);
  enum { LINE = 64 / sizeof(REAL) };
  for (int64_t l = 0; l < k; l++) {
    for (int v = 0; v < vectors; v++) t[v] = NAME(part)(v, vectors, b + l * ldb, last);
    if (al != 1) __builtin_prefetch(a + l * al + 3 * LINE, 0, 2);
    for (int r = 0; al == 1 && l % LINE == 0 && r < rows; r++) __builtin_prefetch(a + (rows + r) * ai + l, 0, 2);
    for (int r = 0; r < rows; r++) {
      const NAME(vec) f = NAME(spread)(a[r * ai + l * al]);
      for (int v = 0; v < vectors; v++) s[r][v] = NAME(multiply_add)(f, t[v], s[r][v]);
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v + 1 < vectors; v++) NAME(store)(c + r * ldc + v * LANES, s[r][v]);
    NAME(store_first)(c + r * ldc + (vectors - 1) * LANES, s[r][vectors - 1], left);
  }
}

/* `cols` columns of C, at most four vectors: as many rows at a time as the registers hold. */
SMALL_INLINE void NAME(panel)(int vectors, bool add, int64_t m, int64_t cols, int64_t k, const REAL *a,
                              int64_t ai, int64_t al, const REAL *b, int64_t ldb, REAL *c, int64_t ldc) {
  const int most = vectors == 4 ? 2 : vectors == 3 ? 4 : 6;
  int64_t i = 0;
  for (; i + most <= m; i += most)
    NAME(tile)(vectors, most, add, cols, k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc);
  if (most > 4 && i + 4 <= m) {
    NAME(tile)(vectors, 4, add, cols, k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc);
    i += 4;
  }
  if (i + 2 <= m) {
    NAME(tile)(vectors, 2, add, cols, k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc);
    i += 2;
  }
  if (i < m) NAME(tile)(vectors, 1, add, cols, k, a + i * ai, ai, al, b, ldb, c + i * ldc, ldc);
}

/* packed = B', B stored cols x depth: whole squares of LANES by a transposition in registers. */
static void NAME(pack_transposed)(const REAL *b, int64_t ldb, int64_t cols, int64_t depth, REAL *packed) {
  const int64_t some = cols - cols % LANES, deep = depth - depth % LANES;
  for (int64_t q = 0; q < some; q += LANES)
    for (int64_t l = 0; l < deep; l += LANES) NAME(transpose)(b + q * ldb + l, ldb, packed + l * cols + q, cols);
  for (int64_t q = 0; q < cols; q++)
    for (int64_t l = q < some ? deep : 0; l < depth; l++) packed[l * cols + q] = b[q * ldb + l];
}

/* packed = B, B stored depth x cols. */
static void NAME(pack_rows)(const REAL *b, int64_t ldb, int64_t cols, int64_t depth, REAL *packed) {
  const int64_t some = cols - cols % LANES;
  for (int64_t l = 0; l < depth; l++) {
    for (int64_t q = 0; q < some; q += LANES) NAME(store)(packed + l * cols + q, NAME(load)(b + l * ldb + q));
    for (int64_t q = some; q < cols; q++) packed[l * cols + q] = b[l * ldb + q];
  }
}

/* Six rows and two vectors of C fill the registers best; with fewer rows more vectors, and three where that spares reading A again. Rows of
 * B that lie far apart, or columns, are packed where they are used more than a few times. A transposed A is read in blocks of few of its
 * rows, whose columns are then near one another and still at hand for the next rows of C. */
static void NAME(multiply)(const tw_product *p, const void *a_, const void *b_, void *c_) {
  enum { DEPTH = 64, MOST = 4 * LANES, TALL = 6 };
  REAL packed[DEPTH * MOST];
  const int64_t width = p->m >= TALL && p->n > 3 * LANES ? MOST / 2 : MOST;
  const REAL *a = a_;
  const int64_t ai = p->ta ? 1 : p->lda, al = p->ta ? p->lda : 1;
  const bool packs = p->tb || (p->ldb > MOST && p->m >= 8);
  const int64_t most = p->ta && p->lda > MOST ? DEPTH / 2 : packs ? DEPTH : p->k, depth = p->k > most ? most : p->k;
  for (int64_t j = 0; j < p->n; j += width) {
    const int64_t cols = p->n - j < width ? p->n - j : width;
    REAL *c = (REAL *)c_ + j;
    for (int64_t l = 0; l < p->k; l += depth) {
      const int64_t some = p->k - l < depth ? p->k - l : depth;
      const REAL *b = (const REAL *)b_ + (p->tb ? j * p->ldb + l : l * p->ldb + j);
      const bool add = p->add || l > 0;
      if (packs) (p->tb ? NAME(pack_transposed) : NAME(pack_rows))(b, p->ldb, cols, some, packed);
      SMALL_VECTORS((cols + LANES - 1) / LANES,
                    NAME(panel)(V, add, p->m, cols, some, a + l * al, ai, al, packs ? packed : b,
                                packs ? cols : p->ldb, c, p->ldc))
    }
  }
}
