#include "zolt/direction/dense.hpp"
#include "zolt/direction/sparse.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/parameter/parameter_set.hpp"
#include "zolt/quantize/quantizer.hpp"
#include "zolt/update/momentum.hpp"
#include "zolt/update/sgd.hpp"

// What models a concept, and what must not.
namespace zolt {
namespace {

// --- numeric ---------------------------------------------------------------------------------------------------------
struct no_decode {
  static constexpr std::string_view name = "no_decode";
  static constexpr int bits = 4, lowest = 0, highest = 15;
  static constexpr bool has_ordinal(code) { return true; }
  static constexpr int ordinal_of(code c) { return c; }
  static constexpr code code_of(int ordinal) { return static_cast<code>(ordinal); }
};
struct decode_to_double : no_decode {
  static constexpr double value_of(int ordinal) { return ordinal; }
};
struct own_format : no_decode {
  static constexpr float value_of(int ordinal) { return static_cast<float>(ordinal); }
};
static_assert(number_format<int4> && number_format<int8> && number_format<e4m3fn> && number_format<e5m2> && number_format<own_format>);
static_assert(!number_format<int> && !number_format<no_decode> && !number_format<decode_to_double>);

struct rounding_without_word {
  static constexpr bool random = false;
  int operator()(const grid_position& at) const { return at.below; }
};
static_assert(rounding<nearest_even> && rounding<stochastic_rounding> && !nearest_even::random && stochastic_rounding::random);
static_assert(!rounding<rounding_without_word> && !rounding<int8>);

// --- parameter -------------------------------------------------------------------------------------------------------
static_assert(dense_storage<dense_view> && !coded_storage<dense_view>);
static_assert(!parameter_storage<std::vector<float>> && !parameter_storage<tensor<float>>, "they are weights, whose storage is a view");

using int4_view = coded_view<int4, per_group<32>>;
static_assert(coded_storage<int4_view> && !dense_storage<int4_view>);
static_assert(!coded_storage<coded_view<int4, per_group<32>, const std::byte>>, "a view that can only be read is no parameter");

static_assert(std::same_as<storage_t<std::vector<float>>, dense_view> && std::same_as<storage_t<std::span<float>>, dense_view>);
static_assert(std::same_as<storage_t<tensor<float>>, dense_view> && std::same_as<storage_t<tensor_view<float>>, dense_view>);
static_assert(std::same_as<storage_t<quantized_tensor<int4, per_group<32>>>, int4_view> && std::same_as<storage_t<int4_view>, int4_view>);

struct set_without_visit {
  std::size_t size() const { return 0; }
};
static_assert(parameter_set<static_parameters<>> && parameter_set<static_parameters<dense_view, int4_view>>);
static_assert(parameter_set<parameter_list<dense_view>> && parameter_set<parameter_list<dense_view, int4_view>>);
static_assert(!parameter_set<set_without_visit> && !parameter_set<std::vector<dense_view>>);

// --- quantize --------------------------------------------------------------------------------------------------------
static_assert(granularity<per_tensor> && granularity<per_channel> && granularity<per_group<8>> && !granularity<absmax>);
static_assert(range_policy<absmax> && !range_policy<per_tensor>);

// --- direction -------------------------------------------------------------------------------------------------------
static_assert(direction_law<rademacher> && direction_law<gaussian> && direction_law<block_gaussian> && direction_law<uniform> &&
              direction_law<sparse_rademacher>);
static_assert(!direction_law<sparse_rademacher_law>, "a law of one step is no policy");
static_assert(!direction_law<distribution::rademacher>);
static_assert(resolved_law<law_t<gaussian>> && resolved_law<law_t<sparse_rademacher>> && !resolved_law<sparse_rademacher>);
static_assert(sparse_law<law_t<sparse_rademacher>> && !sparse_law<law_t<rademacher>> && !sparse_law<law_t<uniform>>);
static_assert(policy_with_fields<sparse_rademacher> && !policy_with_fields<rademacher>);
static_assert(policy_name<sparse_rademacher>() == "sparse_rademacher" && policy_name<own_format>() == "no_decode");
static_assert(policy_name<set_without_visit>() == "user policy");

// --- update ----------------------------------------------------------------------------------------------------------
struct rule_derived_from_another : momentum {};
static_assert(kernel_rule<momentum> && kernel_rule<adam> && kernel_rule<sign_of_gradient> && !kernel_rule<sgd>);
static_assert(elementwise_rule<rule_derived_from_another> && !kernel_rule<rule_derived_from_another>, "its apply may be another");

}  // namespace
}  // namespace zolt
