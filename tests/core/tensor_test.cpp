#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "zolt/core/lanes.hpp"
#include "zolt/core/tensor.hpp"

namespace zolt {
namespace {

TEST(tensor_view, is_row_major_memory_of_somebody_else) {
  std::vector<int> memory(12);
  std::iota(memory.begin(), memory.end(), 0);
  const tensor_view<int> view(memory.data(), {3, 4});
  EXPECT_EQ(view.size(), 12u);
  EXPECT_EQ(view(2, 1), 9);
  EXPECT_EQ(view.row(1).data(), memory.data() + 4);
  EXPECT_EQ(view.row(1).size(), 4u);
  EXPECT_EQ(view.flat().size(), 12u);
  view(0, 3) = -1;
  EXPECT_EQ(memory[3], -1);

  const tensor_view<int> last_two = view.rows_from(1, 2);
  EXPECT_EQ(last_two.shape(), (shape{2, 4}));
  EXPECT_EQ(&last_two(1, 3), &memory[11]);
}

TEST(tensor_view, of_a_span_is_one_row) {
  std::vector<float> memory(5);
  const tensor_view<float> view(std::span<float>{memory});
  EXPECT_EQ(view.shape(), (shape{1, 5}));
  EXPECT_EQ(view.data(), memory.data());
}

TEST(tensor_view, becomes_constant_and_not_back) {
  static_assert(std::is_convertible_v<tensor_view<float>, tensor_view<const float>>);
  static_assert(!std::is_convertible_v<tensor_view<const float>, tensor_view<float>>);
  tensor<float> owner({2, 2});
  const tensor_view<const float> view = owner.view();
  owner(1, 0) = 3;
  EXPECT_EQ(view(1, 0), 3);
}

TEST(tensor, owns_zeros_at_first) {
  const tensor<float> t({3, 5});
  EXPECT_EQ(t.shape(), (shape{3, 5}));
  EXPECT_EQ(t.size(), 15u);
  for (const float x : t.flat()) EXPECT_EQ(x, 0.0f);
  EXPECT_EQ(tensor<float>().size(), 0u);
}

TEST(tensor, copies_its_memory) {
  tensor<int> t({2, 2});
  tensor<int> copy = t;
  copy(0, 0) = 7;
  EXPECT_EQ(t(0, 0), 0);
}

TEST(tensor, begins_with_a_cache_line_and_a_large_one_with_a_huge_page) {
  const auto address = [](const auto& t) { return reinterpret_cast<std::uintptr_t>(t.data()); };
  for (const std::size_t columns : {1u, 3u, 1000u, (1u << 21) - 1}) {
    const tensor<std::int8_t> first({1, columns}), second({1, columns});
    EXPECT_EQ(address(first) % 64, 0u) << columns;
    EXPECT_EQ(address(second) % 64, 0u) << columns;
  }
  for (const std::size_t columns : {1u << 21, (1u << 21) + 1, 5u << 20}) {
    const tensor<std::int8_t> first({1, columns});
    const tensor<float> second({3, columns});
    EXPECT_EQ(address(first) % (1 << 21), 0u) << columns;
    EXPECT_EQ(address(second) % (1 << 21), 0u) << columns;
    EXPECT_EQ(second(2, columns - 1), 0.0f) << "the last page too";
  }
}
TEST(shape, reads_rows_by_columns) {
  EXPECT_EQ((shape{12, 7}.text()), "12x7");
  EXPECT_EQ((shape{12, 7}.size()), 84u);
}

TEST(lanes, load_and_store_anywhere) {
  std::uint32_t memory[lane_count + 3], copy[lane_count + 3] = {};
  std::iota(std::begin(memory), std::end(memory), 100u);
  lanes_u32 lanes;
  load_lanes(lanes, memory + 1);
  store_lanes(lanes, copy + 2);
  for (std::size_t i = 0; i < lane_count; ++i) EXPECT_EQ(copy[i + 2], 101 + i);
  EXPECT_EQ(copy[1], 0u);
  EXPECT_EQ(copy[lane_count + 2], 0u);
}

}  // namespace
}  // namespace zolt
