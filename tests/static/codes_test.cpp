#include <limits>

#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

// Known codes of the published formats.
namespace zolt {
namespace {

using e2m1 = minifloat<2, 1, 1, minifloat_kind::finite>;

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

static_assert(!e4m3fn::has_ordinal(0x7f) && !e4m3fn::has_ordinal(0xff) && e4m3fn::has_ordinal(0x7e));
static_assert(!e5m2::has_ordinal(0x7c) && !e5m2::has_ordinal(0xff) && e5m2::has_ordinal(0xfb));
static_assert(e2m1::has_ordinal(0x07) && e2m1::has_ordinal(0x0f));
static_assert(!int4::has_ordinal(0x8) && int4::has_ordinal(0x9) && !int8::has_ordinal(0x80) && int8::has_ordinal(0x81));

static_assert(int4::lowest == -7 && int4::highest == 7 && int8::lowest == -127 && int8::highest == 127);
static_assert(code_for<int4>(-1) == 0xf && code_for<int4>(-7) == 0x9 && code_for<int8>(-1) == 0xff && code_for<int8>(-127) == 0x81);
static_assert(code_for<int8>(0.5f) == 0 && code_for<int8>(1.5f) == 2 && code_for<int8>(2.5f) == 2 && code_for<int8>(-0.5f) == 0);
static_assert(code_for<int4>(1e9f) == 7 && code_for<int4>(-1e9f) == 0x9);

static_assert(e4m3fn::value_of(e4m3fn::highest) == 448 && e5m2::value_of(e5m2::highest) == 57344 && e2m1::value_of(e2m1::highest) == 6);
static_assert(minifloat<4, 3, 7, minifloat_kind::ieee>::value_of(minifloat<4, 3, 7, minifloat_kind::ieee>::highest) == 240);
static_assert(minifloat<3, 4, 3, minifloat_kind::ieee>::value_of(minifloat<3, 4, 3, minifloat_kind::ieee>::highest) == 15.5f);
static_assert(minifloat<3, 2, 3, minifloat_kind::finite>::value_of(minifloat<3, 2, 3, minifloat_kind::finite>::highest) == 28);

static_assert(int4::name == "int4" && int8::name == "int8" && integer<2>::name == "int2" && e4m3fn::name == "e4m3fn" && e5m2::name == "e5m2");
static_assert(e2m1::name != e4m3fn::name);

}  // namespace
}  // namespace zolt
