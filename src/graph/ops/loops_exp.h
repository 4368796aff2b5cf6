/* e^x, error below 0.7 units in the last place, twice as fast as SLEEF's. Included by loops_sleef.h for each element type, in its
 * terms; log 2 in two parts is loops_log1p.h's.
 *   k = round(x / log 2),  r = x - k log 2,  e^x = 2^k (1 + (r + r^2 Q(r))),  |r| <= log(2) / 2    (Cody & Waite 1980)
 * Q interpolates (e^r - 1 - r) / r^2 at the zeros of a Chebyshev polynomial: error 2^-62 (f64), 2^-32 (f32). k comes from the last
 * digits of a sum with 1.5 2^digits, where it also stands as an integer. From |x| = `most` on, NaN included, the value is SLEEF's:
 * 2^k would leave the normal numbers. */
#ifndef EXP_PARTS
#define EXP_PARTS
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

static inline NAME(vec) NAME(exp_between)(NAME(vec) x) {
  const int digits = NAME(log1p_digits);
  const NAME(vec) magic = NAME(spread)((REAL)1.5 * (REAL)((WORD)1 << digits));
  const NAME(vec) shifted = NAME(fma)(x, NAME(spread)(NAME(exp_per_two)), magic), k = shifted - magic;
  const NAME(vec) high = NAME(fma)(-k, NAME(spread)(NAME(log1p_two)[0]), x), low = k * NAME(spread)(NAME(log1p_two)[1]), r = high - low;
  int at = (int)(sizeof NAME(exp_part) / sizeof *NAME(exp_part)) - 1;
  NAME(vec) q = NAME(spread)(NAME(exp_part)[at]);
  while (at-- > 0) q = NAME(fma)(q, r, NAME(spread)(NAME(exp_part)[at]));
  const NAME(vec) one = NAME(spread)(1), sum = one + high, lost = high - (sum - one), y = sum + (NAME(fma)(q, r * r, -low) + lost);
  return (NAME(vec))((NAME(words))y + ((NAME(words))shifted << digits));
}

static inline NAME(vec) NAME(exp_of)(NAME(vec) x) {
  const NAME(vec) most = NAME(spread)(NAME(exp_most)), magnitude = -NAME(negative_abs)(x), y = NAME(exp_between)(x);
  if (NAME(all_greater)(most, magnitude)) return y;
  return NAME(if_greater)(most, magnitude, y, SLEEF(exp)(x));
}
