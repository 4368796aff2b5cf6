/* log(1 + x), error below 0.9 units in the last place: three times faster than SLEEF's, which carries pairs of numbers.
 * Included by loops_sleef.h for each element type, in its terms; WORD is the unsigned integer of the element's size.
 *   1 + x = 2^k (1 + f),  sqrt(1/2) <= 1 + f < sqrt(2),  f = x 2^-k + (2^-k - 1) rounded once,
 *   log(1 + f) = 2 artanh s = f - (h - s (h + R(s^2))),  s = f / (2 + f),  h = f^2 / 2    (Tang 1990; Ng 1993)
 * R is the minimax polynomial of (2 artanh s - 2 s) / s without a constant term: error 2^-58 (f64), 2^-36 (f32). Where
 * x <= -1 or x is NaN the value is SLEEF's, from `most` on it is log x, where SLEEF's log1p overflows. */
#ifndef LOG1P_PARTS
#define LOG1P_PARTS
static const double log1p_part_f64[] = {0x1.5555555555592p-1, 0x1.999999997fd76p-2, 0x1.24924941f5034p-2, 0x1.c71c5206028d7p-3,
                                        0x1.74663fa321262p-3, 0x1.39a1a6e05cda7p-3, 0x1.2f06355979b5fp-3};
static const float log1p_part_f32[] = {0x1.555554p-1f, 0x1.999a7ap-2f, 0x1.2438d2p-2f, 0x1.e2f722p-3f};
/* log 2 in two parts: k times the first is exact. */
static const double log1p_two_f64[] = {0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45}, log1p_most_f64 = 0x1p1000;
static const float log1p_two_f32[] = {0x1.62e4p-1f, 0x1.7f7d1cp-20f}, log1p_most_f32 = 0x1p120f;
enum { log1p_digits_f64 = 52, log1p_digits_f32 = 23, log1p_bias_f64 = 1023, log1p_bias_f32 = 127 };
#endif

typedef WORD NAME(words) __attribute__((vector_size(LANES * sizeof(WORD))));

static inline NAME(vec) NAME(log1p_between)(NAME(vec) x) {
  const int digits = NAME(log1p_digits), bias = NAME(log1p_bias);
  const NAME(vec) one = NAME(spread)(1), magic = NAME(spread)((REAL)((WORD)1 << digits));
  const NAME(words) half_root = (NAME(words))NAME(spread)((REAL)0.70710678118654752440), shift = (NAME(words))one - half_root;
  const NAME(words) biased = ((NAME(words))(one + x) + shift) >> digits; /* k + bias */
  const NAME(vec) k = (NAME(vec))(biased | (NAME(words))magic) - (magic + NAME(spread)((REAL)bias));
  const NAME(vec) power = (NAME(vec))((2 * (WORD)bias - biased) << digits); /* 2^-k */
  const NAME(vec) f = NAME(fma)(x, power, power - one), s = f / (NAME(spread)(2) + f), z = s * s;
  const NAME(vec) h = NAME(spread)((REAL)0.5) * f * f;
  int at = (int)(sizeof NAME(log1p_part) / sizeof *NAME(log1p_part)) - 1;
  NAME(vec) r = NAME(spread)(NAME(log1p_part)[at]);
  while (at-- > 0) r = NAME(fma)(r, z, NAME(spread)(NAME(log1p_part)[at]));
  const NAME(vec) lost = NAME(fma)(x, power, power - one - f); /* by rounding f */
  const NAME(vec) low = NAME(fma)(s, NAME(fma)(r, z, h), NAME(fma)(k, NAME(spread)(NAME(log1p_two)[1]), lost));
  const NAME(vec) high = k * NAME(spread)(NAME(log1p_two)[0]), sum = high + f; /* |high| > |f| or high = 0 */
  return sum - (h - (low + (f - (sum - high))));
}

static inline NAME(vec) NAME(log1p_of)(NAME(vec) x) {
  const NAME(vec) minus_one = NAME(spread)(-1), most = NAME(spread)(NAME(log1p_most));
  const NAME(vec) y = NAME(with_sign)(NAME(log1p_between)(x), x); /* log(1 - 0) = -0 */
  if (NAME(all_greater)(x, minus_one) && NAME(all_greater)(most, x)) return y;
  const NAME(vec) low = NAME(if_greater)(x, minus_one, y, SLEEF(log1p)(x));
  return NAME(if_greater)(most, x, low, NAME(if_greater)(x, minus_one, SLEEF(log)(x), low));
}
