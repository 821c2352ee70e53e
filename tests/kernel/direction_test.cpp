#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/direction/uniform_codes.hpp"
#include "zolt/kernel/cells.hpp"
#include "zolt/kernel/direction.hpp"

namespace zolt::test {
namespace {

template <class Distribution>
class directions_of : public testing::Test {
 protected:
  struct span_of_elements {
    std::uint64_t first;
    std::size_t offset, count;  ///< where in memory the floats begin, and how many they are
  };
  static inline const random_stream source{{3, 1, 2}, 5, stream::direction};

  /// f(span, z) for short and long spans, near the start and far from it, at any alignment.
  template <class Function>
  static void for_spans(Function&& f) {
    draws draw(21);
    for (int i = 0; i < 40; ++i) {
      const span_of_elements s{(i % 4 == 3 ? std::uint64_t{1} << 34 : 0) + draw.below(3000), draw.below(17),
                               1 + draw.below(i % 2 == 0 ? 40 : 2500)};
      std::vector<std::int16_t> z(s.count);
      distribution_kernels<instruction_set::baseline>::template fill<Distribution>(source, s.first, z.data(), s.count);
      f(s, z);
    }
  }
  static std::vector<float> some_floats(draws& draw, const span_of_elements& s) {
    std::vector<float> w(s.offset + s.count + 1);
    for (float& x : w) x = draw.below(9) == 0 ? -0.0f : draw.normal() * std::exp2(static_cast<float>(draw.between(0, 20)) - 16.0f);
    return w;
  }
  static bool same(const std::vector<float>& a, const std::vector<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }
};
using distributions =
    testing::Types<distribution::rademacher, distribution::gaussian, distribution::uniform, distribution::uniform_integers<2>>;
TYPED_TEST_SUITE(directions_of, distributions);

TYPED_TEST(directions_of, fill_alike) {
  TestFixture::for_spans([](const auto& s, const std::vector<std::int16_t>& wanted) {
    for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      std::vector<std::int16_t> z(s.offset + s.count + 1, 99);
      distribution_kernels<Set>::template fill<TypeParam>(TestFixture::source, s.first, z.data() + s.offset, s.count);
      ASSERT_TRUE(std::equal(wanted.begin(), wanted.end(), z.begin() + static_cast<std::ptrdiff_t>(s.offset)))
          << name_of(Set) << " " << s.first;
      ASSERT_EQ(z.back(), 99) << "beyond the span";
      ASSERT_EQ(s.offset == 0 ? 99 : z[s.offset - 1], 99) << "before the span";
    });
    ASSERT_EQ(distribution::at<TypeParam>(TestFixture::source, s.first), wanted[0]);
  });
}

TYPED_TEST(directions_of, are_added_and_set_as_they_are_defined) {
  draws draw(22);
  TestFixture::for_spans([&](const auto& s, const std::vector<std::int16_t>& z) {
    const float zero = s.offset % 2 == 0 ? 0.0f : -0.0f;
    const float c = s.count % 5 == 0 ? zero : 0x1p-10f * static_cast<float>(draw.between(0, 4000)) - 2;
    const std::vector<float> before = TestFixture::some_floats(draw, s);
    std::vector<float> added = before, set = before;
    for (std::size_t j = 0; j < s.count; ++j) {
      if (z[j] != 0) added[s.offset + j] += c * static_cast<float>(z[j]);
      set[s.offset + j] = 0.0f + c * static_cast<float>(z[j]);
    }
    for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      using kernels = direction_kernels<Set>;
      std::vector<float> w = before;
      kernels::template add<TypeParam>(TestFixture::source, s.first, c, w.data() + s.offset, s.count);
      ASSERT_TRUE(TestFixture::same(w, added)) << name_of(Set) << " " << s.first << " " << s.count;
      w = before;
      std::vector<float> sums = set;
      kernels::template sum<TypeParam>(TestFixture::source, s.first, c, before.data() + s.offset, sums.data() + s.offset, s.count);
      for (std::size_t j = 0; j < s.count; ++j) ASSERT_EQ(sums[s.offset + j], added[s.offset + j]) << name_of(Set);
      ASSERT_EQ(sums.back(), set.back());
      kernels::add_scaled(z.data(), c, w.data() + s.offset, s.count);
      ASSERT_TRUE(TestFixture::same(w, added)) << name_of(Set) << " from integers";
      kernels::template set<TypeParam>(TestFixture::source, s.first, c, w.data() + s.offset, s.count);
      for (std::size_t j = 0; j < s.count; ++j) ASSERT_EQ(w[s.offset + j], set[s.offset + j]) << name_of(Set);
    });
  });
}

TYPED_TEST(directions_of, displace_and_put_back_every_bit) {
  draws draw(23);
  TestFixture::for_spans([&](const auto& s, const std::vector<std::int16_t>& z) {
    const float c = 0x1p-12f * static_cast<float>(1 + draw.below(4000));
    const std::vector<float> before = TestFixture::some_floats(draw, s);
    std::vector<float> wanted = before;
    for (std::size_t j = 0; j < s.count; ++j)
      if (z[j] != 0) wanted[s.offset + j] += c * static_cast<float>(z[j]);
    std::vector<std::int8_t> first_corrections;
    std::vector<std::uint32_t> first_lost;
    for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      using kernels = direction_kernels<Set>;
      for (const bool regenerated : {true, false}) {
        std::vector<float> w = before;
        std::vector<std::int8_t> corrections(s.count);
        std::vector<std::uint32_t> lost(s.count);
        float* const at = w.data() + s.offset;
        const kernel::noted_displacement noted{c, corrections.data(), lost.data()};
        const kernel::past_displacement past{c, corrections.data(), lost.data()};
        lost.resize(regenerated ? kernels::template displace<TypeParam>(TestFixture::source, s.first, at, noted, s.count)
                                : kernels::displace(at, z.data(), noted, s.count));
        ASSERT_TRUE(TestFixture::same(w, wanted)) << name_of(Set) << " " << s.first << " " << s.count;
        if (first_corrections.empty()) first_corrections = corrections, first_lost = lost;
        ASSERT_EQ(corrections, first_corrections) << name_of(Set);
        ASSERT_EQ(lost, first_lost) << name_of(Set);
        if (regenerated)
          kernels::template put_back<TypeParam>(TestFixture::source, s.first, at, past, s.count);
        else
          kernels::put_back(at, z.data(), past, s.count);
        ASSERT_TRUE(TestFixture::same(w, before)) << name_of(Set) << " " << s.first << " " << s.count;
      }
    });
  });
}

TYPED_TEST(directions_of, are_left_on_the_way_to_another_place) {
  draws draw(25);
  TestFixture::for_spans([&](const auto& s, const std::vector<std::int16_t>&) {
    const float c = 0x1p-12f * static_cast<float>(1 + draw.below(4000)), other = draw.below(2) == 0 ? -c : 0.5f * c;
    const std::vector<float> before = TestFixture::some_floats(draw, s);
    for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      using kernels = direction_kernels<Set>;
      std::vector<float> w = before, there = before, added = before;
      std::vector<std::int8_t> corrections(s.count), wanted_corrections(s.count), new_corrections(s.count);
      std::vector<std::uint32_t> lost(s.count), wanted_lost(s.count), new_lost(s.count);
      const kernel::past_displacement past{c, corrections.data(), lost.data()};
      const std::size_t losses = kernels::template displace<TypeParam>(TestFixture::source, s.first, there.data() + s.offset,
                                                                       {other, wanted_corrections.data(), wanted_lost.data()}, s.count);
      kernels::template add<TypeParam>(TestFixture::source, s.first, other, added.data() + s.offset, s.count);

      kernels::template displace<TypeParam>(TestFixture::source, s.first, w.data() + s.offset, {c, corrections.data(), lost.data()},
                                            s.count);
      std::vector<float> displaced = w, in_place = w;
      std::vector<std::int8_t> both = corrections;
      ASSERT_EQ(kernels::template exchange<TypeParam>(TestFixture::source, s.first, w.data() + s.offset, past,
                                                      {other, new_corrections.data(), new_lost.data()}, s.count),
                losses);
      ASSERT_TRUE(TestFixture::same(w, there)) << name_of(Set) << " " << s.first << " " << s.count;
      ASSERT_EQ(new_corrections, wanted_corrections) << name_of(Set);
      ASSERT_EQ(new_lost, wanted_lost) << name_of(Set);
      kernels::template exchange<TypeParam>(TestFixture::source, s.first, in_place.data() + s.offset, {c, both.data(), lost.data()},
                                            {other, both.data(), new_lost.data()}, s.count);
      ASSERT_TRUE(TestFixture::same(in_place, there)) << name_of(Set) << " one list of bytes";
      ASSERT_EQ(both, wanted_corrections) << name_of(Set);
      kernels::template put_back_and_add<TypeParam>(TestFixture::source, s.first, displaced.data() + s.offset, past, other, s.count);
      ASSERT_TRUE(TestFixture::same(displaced, added)) << name_of(Set) << " " << s.first << " " << s.count;
    });
  });
}

TEST(nonzeros, are_located_alike) {
  draws draw(24);
  for (const std::uint64_t size : {1u, 3u, 64u, 1000u, 1u << 20}) {
    std::vector<std::uint32_t> words(random_stream::group_size);
    for (std::uint32_t& w : words) w = draw.word();
    const std::uint64_t first = draw.long_word() >> 30;
    for (const std::uint64_t kept : {std::uint64_t{1} << 31, (std::uint64_t{1} << 31) - 5'000'000, std::uint64_t{1} << 30}) {
      bool all = true;
      for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<std::uint64_t> index(words.size());
        std::vector<std::int32_t> sign(words.size());
        const bool every = cell_kernels<Set>::locate(words.data(), first, size, kept, index.data(), sign.data());
        all = true;
        for (std::size_t j = 0; j < words.size(); ++j) {
          const std::uint64_t p = (words[j] >> 1) * size;
          ASSERT_EQ(index[j], (first + j) * size + (p >> 31)) << name_of(Set);
          ASSERT_EQ(sign[j], (words[j] & 1) != 0 ? -1 : 1) << name_of(Set);
          all = all && (p & 0x7fffffff) < kept;
        }
        ASSERT_EQ(every, all) << name_of(Set);
      });
    }
  }
}

}  // namespace
}  // namespace zolt::test
