/* exp and log1p on vectors, faster than SLEEF's, which carry pairs of numbers through (`talweg_bench functions`). Included by
 * loops_sleef.h for each element type, in its terms. Largest errors seen in units in the last place: exp 0.64 (f64) and 0.66 (f32),
 * log1p 0.88 and 0.89 (tests/graph/test_exp_log1p.c).
 *
 * log1p:  1 + x = 2^k (1 + f),  sqrt(1/2) <= 1 + f < sqrt(2),  f = x 2^-k + (2^-k - 1) with what its rounding loses,
 *         log(1 + f) = 2 artanh s = f - (h - s (h + R(s^2))),  s = f / (2 + f),  h = f^2 / 2    (Tang 1990; Ng 1993)
 * R is the minimax polynomial of (2 artanh s - 2 s) / s without a constant term: error 2^-58 (f64), 2^-36 (f32). Where x <= -1 or x
 * is NaN the value is SLEEF's, from `most` on it is log x, where SLEEF's log1p overflows.
 *
 * exp:    k = round(x / log 2),  r = x - k log 2,  e^x = 2^k (1 + (r + r^2 Q(r))),  |r| <= log(2) / 2    (Cody & Waite 1980)
 * Q interpolates (e^r - 1 - r) / r^2 at the zeros of a Chebyshev polynomial: error 2^-62 (f64), 2^-32 (f32). k comes from the last
 * digits of a sum with 1.5 2^digits, where it also stands as an integer. From |x| = `most` on, NaN included, the value is SLEEF's:
 * 2^k would leave the normal numbers. */
#ifndef EXP_LOG1P_PARTS
#define EXP_LOG1P_PARTS
/* log 2 in two parts: k times the first is exact. */
static const double log_2_f64[] = {0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45};
static const float log_2_f32[] = {0x1.62e4p-1f, 0x1.7f7d1cp-20f};
enum { digits_f64 = 52, digits_f32 = 23, bias_f64 = 1023, bias_f32 = 127 }; /* of a number's fraction, of its exponent */
static const double log1p_part_f64[] = {0x1.5555555555592p-1, 0x1.999999997fd76p-2, 0x1.24924941f5034p-2, 0x1.c71c5206028d7p-3,
                                        0x1.74663fa321262p-3, 0x1.39a1a6e05cda7p-3, 0x1.2f06355979b5fp-3};
static const float log1p_part_f32[] = {0x1.555554p-1f, 0x1.999a7ap-2f, 0x1.2438d2p-2f, 0x1.e2f722p-3f};
static const double log1p_most_f64 = 0x1p1000;
static const float log1p_most_f32 = 0x1p120f;
static const double exp_part_f64[] = {0x1p-1,
                                      0x1.5555555555557p-3,
                                      0x1.5555555555556p-5,
                                      0x1.11111111100bep-7,
                                      0x1.6c16c16c162c3p-10,
                                      0x1.a01a01abf85abp-13,
                                      0x1.a01a01a6e1e2ap-16,
                                      0x1.71de01fdbf9cap-19,
                                      0x1.27e4db46cddd1p-22,
                                      0x1.af4e554377204p-26,
                                      0x1.1f7340dbc337ep-29},
                    exp_per_two_f64 = 0x1.71547652b82fep+0, exp_most_f64 = 708;
static const float exp_part_f32[] = {0x1p-1f, 0x1.555556p-3f, 0x1.5554e8p-5f, 0x1.1110ep-7f, 0x1.6d43bp-10f, 0x1.a1256cp-13f},
                   exp_per_two_f32 = 0x1.715476p+0f, exp_most_f32 = 87;
#endif

typedef WORD NAME(words) __attribute__((vector_size(LANES * sizeof(WORD))));

static inline NAME(vec) NAME(log1p_between)(NAME(vec) x) {
  const NAME(vec) one = NAME(spread)(1), magic = NAME(spread)((REAL)((WORD)1 << NAME(digits)));
  const NAME(words) half_root = (NAME(words))NAME(spread)((REAL)0.70710678118654752440), shift = (NAME(words))one - half_root;
  const NAME(words) biased = ((NAME(words))(one + x) + shift) >> NAME(digits); /* k + bias */
  const NAME(vec) k = (NAME(vec))(biased | (NAME(words))magic) - (magic + NAME(spread)((REAL)NAME(bias)));
  const NAME(vec) power = (NAME(vec))((2 * (WORD)NAME(bias) - biased) << NAME(digits)); /* 2^-k */
  const NAME(vec) f = NAME(fma)(x, power, power - one), s = f / (NAME(spread)(2) + f), z = s * s;
  const NAME(vec) h = NAME(spread)((REAL)0.5) * f * f;
  int at = (int)(sizeof NAME(log1p_part) / sizeof *NAME(log1p_part)) - 1;
  NAME(vec) r = NAME(spread)(NAME(log1p_part)[at]);
  while (at-- > 0) r = NAME(fma)(r, z, NAME(spread)(NAME(log1p_part)[at]));
  const NAME(vec) lost = NAME(fma)(x, power, power - one - f); /* by rounding f */
  const NAME(vec) low = NAME(fma)(s, NAME(fma)(r, z, h), NAME(fma)(k, NAME(spread)(NAME(log_2)[1]), lost));
  return NAME(with_sign)(NAME(fma)(k, NAME(spread)(NAME(log_2)[0]), f - (h - low)), x); /* log(1 - 0) = -0 */
}

static inline bool NAME(log1p_plain)(NAME(vec) x) {
  return NAME(all_greater)(x, NAME(spread)(-1)) && NAME(all_greater)(NAME(spread)(NAME(log1p_most)), x);
}

static inline NAME(vec) NAME(log1p_of)(NAME(vec) x) {
  const NAME(vec) minus_one = NAME(spread)(-1), most = NAME(spread)(NAME(log1p_most)), y = NAME(log1p_between)(x);
  if (NAME(log1p_plain)(x)) return y;
  const NAME(vec) low = NAME(if_greater)(x, minus_one, y, SLEEF(log1p)(x));
  return NAME(if_greater)(most, x, low, NAME(if_greater)(x, minus_one, SLEEF(log)(x), low));
}

static inline NAME(vec) NAME(exp_between)(NAME(vec) x) {
  const NAME(vec) magic = NAME(spread)((REAL)1.5 * (REAL)((WORD)1 << NAME(digits)));
  const NAME(vec) shifted = NAME(fma)(x, NAME(spread)(NAME(exp_per_two)), magic), k = shifted - magic;
  const NAME(vec) high = NAME(fma)(-k, NAME(spread)(NAME(log_2)[0]), x), low = k * NAME(spread)(NAME(log_2)[1]), r = high - low;
  int at = (int)(sizeof NAME(exp_part) / sizeof *NAME(exp_part)) - 1;
  NAME(vec) q = NAME(spread)(NAME(exp_part)[at]);
  while (at-- > 0) q = NAME(fma)(q, r, NAME(spread)(NAME(exp_part)[at]));
  const NAME(vec) one = NAME(spread)(1), sum = one + high, lost = high - (sum - one), y = sum + (NAME(fma)(q, r * r, -low) + lost);
  return (NAME(vec))((NAME(words))y + ((NAME(words))shifted << NAME(digits)));
}

static inline bool NAME(exp_plain)(NAME(vec) x) {
  return NAME(all_greater)(NAME(negative_abs)(x), NAME(spread)(-NAME(exp_most)));
}

static inline NAME(vec) NAME(exp_of)(NAME(vec) x) {
  const NAME(vec) y = NAME(exp_between)(x);
  if (NAME(exp_plain)(x)) return y;
  return NAME(if_greater)(NAME(spread)(NAME(exp_most)), -NAME(negative_abs)(x), y, SLEEF(exp)(x));
}
