#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "zolt/numeric/integer.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

namespace zolt {
namespace {

using int4_tensor = quantized_tensor<int4, per_group<32>>;

TEST(storage_of, sees_the_memory_of_floats) {
  std::vector<float> numbers(6);
  EXPECT_EQ(storage_of(numbers).values().data(), numbers.data());
  EXPECT_EQ(storage_of(numbers).shape(), (shape{1, 6}));

  std::span<float> part = std::span(numbers).subspan(2, 3);
  EXPECT_EQ(storage_of(part).values().data(), numbers.data() + 2);
  EXPECT_EQ(storage_of(part).shape(), (shape{1, 3}));

  std::array<float, 4> fixed{};
  EXPECT_EQ(storage_of(fixed).values().data(), fixed.data());
  EXPECT_EQ(storage_of(fixed).shape(), (shape{1, 4}));

  tensor<float> owner({2, 3});
  EXPECT_EQ(storage_of(owner).values().data(), owner.data());
  EXPECT_EQ(storage_of(owner).shape(), (shape{2, 3}));

  tensor_view<float> view = owner.view();
  EXPECT_EQ(storage_of(view).values().data(), owner.data());
  EXPECT_EQ(storage_of(view).shape(), (shape{2, 3}));

  dense_view storage(view);
  EXPECT_EQ(storage_of(storage).values().data(), owner.data());
}

TEST(storage_of, sees_the_memory_of_codes) {
  int4_tensor codes({2, 64});
  const auto storage = storage_of(codes);
  EXPECT_EQ(storage.shape(), (shape{2, 64}));
  storage.set_code(70, 0x5);
  EXPECT_EQ(codes.view().code(70), 0x5);

  auto view = codes.view();
  EXPECT_EQ(storage_of(view).bytes().data(), codes.view().bytes().data());
  EXPECT_EQ(memory_of(storage).size(), 64u);
}

TEST(memory_of, is_every_byte_that_a_weight_lies_in) {
  tensor<float> owner({3, 5});
  const auto storage = storage_of(owner);
  EXPECT_EQ(static_cast<void*>(memory_of(storage).data()), static_cast<void*>(owner.data()));
  EXPECT_EQ(memory_of(storage).size(), 60u);
}

TEST(parameter, has_the_hash_of_its_name_as_identity) {
  std::vector<float> weights(3);
  const parameter p("layer.0.bias", weights);
  EXPECT_EQ(p.id, hash_of("layer.0.bias", 12));
  EXPECT_EQ(p.size(), 3u);
  const parameter same("layer.0.bias", weights), other("layer.1.bias", weights);
  EXPECT_EQ(same.id, p.id);
  EXPECT_NE(other.id, p.id);
}

TEST(parameter, takes_the_identity_and_the_unit_that_are_given) {
  std::vector<float> weights(3);
  const parameter p("bias", weights, {.unit = 0.25, .id = 77});
  EXPECT_EQ(p.id, 77u);
  EXPECT_EQ(p.unit, 0.25);
  EXPECT_EQ(info_of(p).id, 77u);
  EXPECT_EQ(info_of(p).shape, (shape{1, 3}));
  EXPECT_EQ(parameter("bias", weights).unit, 0) << "not given";
}

TEST(parameter, of_codes_has_one_code_as_unit) {
  int4_tensor codes({2, 64});
  EXPECT_EQ(parameter("weight", codes, {.unit = 0.25}).unit, 1);
}

struct visited {
  std::size_t index;
  std::string name;
  std::uint64_t id;
  zolt::shape shape;
  bool coded;
  const void* memory;
  friend bool operator==(const visited&, const visited&) = default;
};
template <parameter_set Parameters>
std::vector<visited> visit_all(const Parameters& parameters) {
  std::vector<visited> all;
  for_each_parameter(parameters, [&all]<class Storage>(std::size_t index, const parameter<Storage>& p) {
    all.push_back({index, p.name, p.id, p.storage.shape(), coded_storage<Storage>, memory_of(p.storage).data()});
  });
  return all;
}

TEST(parameter_set, static_and_dynamic_visit_the_same) {
  int4_tensor weight({4, 32}), other({2, 64});
  std::vector<float> bias(4);
  const auto fixed = parameters(parameter("weight", weight), parameter("bias", bias, {.unit = 2, .id = 5}), parameter("other", other));
  parameter_list<dense_view, storage_t<int4_tensor>> list;
  list.add("weight", weight);
  list.add("bias", bias, {.unit = 2, .id = 5});
  list.add("other", other);

  const auto seen = visit_all(fixed);
  EXPECT_EQ(seen, visit_all(list));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1], (visited{1, "bias", 5, {1, 4}, false, bias.data()}));
  EXPECT_EQ(seen[2], (visited{2, "other", hash_of("other", 5), {2, 64}, true, other.view().bytes().data()}));
  EXPECT_EQ(weight_count(fixed), 128u + 4 + 128);
  EXPECT_EQ(weight_count(list), weight_count(fixed));
}

TEST(parameter_set, visits_one_parameter_by_index) {
  std::vector<float> a(1), b(2), c(3);
  const auto fixed = parameters(parameter("a", a), parameter("b", b), parameter("c", c));
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<std::size_t> sizes;
    fixed.visit(i, [&sizes](const auto& p) { sizes.push_back(p.size()); });
    EXPECT_EQ(sizes, std::vector<std::size_t>{i + 1});
  }
}

TEST(parameter_set, may_be_empty) {
  EXPECT_EQ(weight_count(parameters()), 0u);
  EXPECT_EQ(weight_count(parameter_list<dense_view>{}), 0u);
}

TEST(parameter_set, keeps_views_so_that_a_copy_moves_the_same_weights) {
  std::vector<float> weights(2);
  parameter_list<dense_view> list;
  list.add("weights", weights);
  const auto copy = list;
  copy.visit(0, [](const auto& p) { p.storage.values()[1] = 4; });
  EXPECT_EQ(weights[1], 4);
}

}  // namespace
}  // namespace zolt
