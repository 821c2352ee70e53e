#include <limits>

#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/half.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

// Known codes of the published formats: all of it is worked out by the compiler.
namespace zolt {
namespace {

using e2m1 = e2m1fn;

template <class Format>
constexpr int code_for(float x) {
  return Format::code_of(encode<Format>(x, nearest_even{}).ordinal);
}

static_assert(code_for<e4m3fn>(1) == 0x38 && code_for<e5m2>(1) == 0x3c && code_for<e2m1>(1) == 0x02);
static_assert(code_for<e4m3fn>(0.001f) == 0x01 && code_for<e5m2>(0.001f) == 0x14);
static_assert(code_for<e4m3fn>(3) == 0x44 && code_for<e5m2>(3) == 0x42 && code_for<e2m1>(3) == 0x05);
static_assert(code_for<e4m3fn>(5) == 0x4a && code_for<e5m2>(5) == 0x45);
static_assert(code_for<e2m1>(5) == 0x06, "a tie of 4 and 6 goes to 4, whose code is even");
static_assert(code_for<e2m1>(7) == 0x07 && code_for<e2m1>(-7) == 0x0f);

static_assert(code_for<e4m3fn>(448) == 0x7e && code_for<e4m3fn>(464) == 0x7e && code_for<e4m3fn>(464.00003f) == 0x7e, "overflow saturates");
static_assert(code_for<e5m2>(57344) == 0x7b && code_for<e5m2>(61440) == 0x7b && code_for<e5m2>(1e30f) == 0x7b);
static_assert(code_for<e4m3fn>(-std::numeric_limits<float>::max()) == 0xfe);
static_assert(code_for<e4m3fn>(0x1p-9f) == 0x01 && code_for<e5m2>(0x1p-16f) == 0x01, "the smallest subnormal numbers");
static_assert(code_for<e4m3fn>(0x1p-10f) == 0x00 && code_for<e5m2>(0x1p-17f) == 0x00, "their halves are ties and go to the even zero");
static_assert(code_for<e4m3fn>(-0.0f) == 0x00, "both zeros have the ordinal of one code");

// encode_code and decode_code: the codes without an ordinal, too.
template <class Format, class Rounding = nearest_even>
constexpr int any_code_for(float x) {
  return encode_code<Format>(x, Rounding{});
}
template <class Format>
using ieee = with_overflow<overflow::ieee, Format>;
constexpr float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

static_assert(any_code_for<e4m3fnuz>(1) == 0x40 && any_code_for<e5m2fnuz>(1) == 0x40 && any_code_for<e8m0fnu>(1) == 0x7f);
static_assert(any_code_for<e4m3fnuz>(0.001f) == 0x01 && any_code_for<e5m2fnuz>(0.001f) == 0x18);
static_assert(any_code_for<e4m3fnuz>(3) == 0x4c && any_code_for<e5m2fnuz>(3) == 0x46);
static_assert(any_code_for<e4m3fn>(-0.0f) == 0x80 && any_code_for<e2m1>(-0.0f) == 0x08, "a zero keeps its sign");
static_assert(any_code_for<e4m3fnuz>(-0.0f) == 0x00 && any_code_for<e5m2fnuz>(-1e-30f) == 0x00, "there is no negative zero");
static_assert(any_code_for<int8>(-0.0f) == 0x00 && any_code_for<fp4_bnb>(-0.0f) == 0x00);

static_assert(any_code_for<ieee<e4m3fn>>(464) == 0x7e && any_code_for<ieee<e4m3fn>>(464.00003f) == 0x7f, "464 is a tie");
static_assert(any_code_for<e4m3fn>(464.00003f) == 0x7e && any_code_for<e4m3fn>(-infinity) == 0xfe);
static_assert(any_code_for<ieee<e5m2>>(61439.996f) == 0x7b && any_code_for<ieee<e5m2>>(61440) == 0x7c,
              "the last code is odd: a tie overflows");
static_assert(any_code_for<ieee<e4m3fnuz>>(248) == 0x80 && any_code_for<ieee<e5m2fnuz>>(-61440) == 0x80, "to the only NaN");
static_assert(any_code_for<ieee<e3m4>>(15.75f) == 0x70 && any_code_for<ieee<e4m3>>(248) == 0x78 && any_code_for<ieee<e4m3>>(-248) == 0xf8);
static_assert(any_code_for<ieee<e5m2>, toward_zero>(std::numeric_limits<float>::max()) == 0x7b, "a rounding that never grows stays finite");
static_assert(any_code_for<ieee<e2m1>>(infinity) == 0x07 && any_code_for<ieee<e2m3fn>>(-1e9f) == 0x3f, "nothing to overflow to");
static_assert(any_code_for<e2m1>(not_a_number) == 0x07 && any_code_for<int4>(not_a_number) == 0x7, "no NaN: the largest number");
static_assert(any_code_for<e4m3fn>(not_a_number) == 0x7f && any_code_for<e4m3fnuz>(not_a_number) == 0x80);

template <class Format>
constexpr bool is_nan(int c) {
  return decode_code<Format>(static_cast<code>(c)) != decode_code<Format>(static_cast<code>(c));
}
static_assert(is_nan<e4m3fn>(0x7f) && is_nan<e4m3fn>(0xff) && is_nan<e4m3fnuz>(0x80) && is_nan<e8m0fnu>(0xff) && is_nan<int8>(0x80));
static_assert(decode_code<e5m2>(0x7c) == infinity && decode_code<e5m2>(0xfc) == -infinity && is_nan<e5m2>(0x7d));
static_assert(decode_code<e4m3fn>(0x01) == 0x1p-9f && decode_code<e5m2fnuz>(0x01) == 0x1p-17f && decode_code<e8m0fnu>(0x00) == 0x1p-127f);
static_assert(decode_code<e3m2fn>(0x1f) == 28 && decode_code<e2m3fn>(0x3f) == -7.5f && decode_code<mxint8>(0x81) == -1.984375f);
static_assert(decode_code<nf4>(0x7) == 0 && decode_code<fp4_bnb>(0x3) == 1 && decode_code<iq4_nl>(0x0) == -127);

static_assert(encode_code<e4m3fn>(17, stochastic_rounding{}, 0x7fffffff) == 0x59, "17 is half way from 16 to 18");
static_assert(encode_code<e4m3fn>(17, stochastic_rounding{}, 0x80000000) == 0x58);
static_assert(half::from(65504).bits == 0x7bff && half::from(65520).bits == 0x7c00 && half{0x3c00}.value() == 1);

static_assert(!e4m3fn::has_ordinal(0x7f) && !e4m3fn::has_ordinal(0xff) && e4m3fn::has_ordinal(0x7e));
static_assert(!e5m2::has_ordinal(0x7c) && !e5m2::has_ordinal(0xff) && e5m2::has_ordinal(0xfb));
static_assert(e2m1::has_ordinal(0x07) && e2m1::has_ordinal(0x0f));
static_assert(!int4::has_ordinal(0x8) && int4::has_ordinal(0x9) && !int8::has_ordinal(0x80) && int8::has_ordinal(0x81));

static_assert(int4::lowest == -7 && int4::highest == 7 && int8::lowest == -127 && int8::highest == 127);
static_assert(code_for<int4>(-1) == 0xf && code_for<int4>(-7) == 0x9 && code_for<int8>(-1) == 0xff && code_for<int8>(-127) == 0x81);
static_assert(code_for<int8>(0.5f) == 0 && code_for<int8>(1.5f) == 2 && code_for<int8>(2.5f) == 2 && code_for<int8>(-0.5f) == 0);
static_assert(code_for<int4>(1e9f) == 7 && code_for<int4>(-1e9f) == 0x9);

static_assert(e4m3fn::value_of(e4m3fn::highest) == 448 && e5m2::value_of(e5m2::highest) == 57344 && e2m1::value_of(e2m1::highest) == 6);
static_assert(e4m3::value_of(e4m3::highest) == 240);
static_assert(e3m4::value_of(e3m4::highest) == 15.5f);
static_assert(e3m2fn::value_of(e3m2fn::highest) == 28);

static_assert(int4::name == "int4" && int8::name == "int8" && integer<2>::name == "int2" && e4m3fn::name == "e4m3fn" &&
              e5m2::name == "e5m2");
static_assert(e2m1::name != e4m3fn::name);

}  // namespace
}  // namespace zolt
