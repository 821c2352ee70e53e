#include "zolt/update/replayed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "support/messages.hpp"
#include "support/models.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/momentum.hpp"

namespace zolt::test {
namespace {

static_assert(std::regular<replayed<adam>> && std::is_aggregate_v<replayed<adam>> && policy<replayed<adam>>);
static_assert(moments_of<replayed<adam>>() == 0 && replayed<momentum>::name == "replayed momentum");

struct given_step {
  float rate;
  std::vector<logged_term> terms;
};

/// Steps of changing rates, of two terms, one or none.
std::vector<given_step> some_steps(std::size_t count) {
  draws d(3);
  std::vector<given_step> steps;
  for (std::size_t s = 0; s < count; ++s) {
    steps.push_back({d.real(0.05f, 0.3f), {}});
    const std::size_t terms = s == 3 ? 0 : 1 + s % 2;
    for (std::uint32_t q = 0; q < terms; ++q) steps.back().terms.push_back({q, d.normal()});
  }
  return steps;
}

using two_parameters = parameter_list<storage_t<int4_weights>, dense_view>;

/// All bytes after every step.
template <class Rule, class Direction>
std::vector<std::vector<std::byte>> course_of(const Rule& rule, const Direction& direction, const std::vector<given_step>& steps) {
  int4_weights codes(shape{21, 224});
  tensor<float> floats(shape{23, 101});
  draws d(2);
  for (float& s : codes.scales()) s = 1;
  for (float& w : floats.flat()) w = d.normal();
  two_parameters all;
  all.add("codes", codes);
  all.add("floats", floats, {.unit = 0.5});
  optimizer opt{all, rule, direction, two_point{.queries = 2}, options{.run = 5, .threads = 2}};
  EXPECT_EQ(opt.state_bytes(), moments_of<Rule>() * 4 * (codes.size() + floats.size()));
  const auto law = opt.policies().direction.law_at(0.4, 2).record();
  std::vector<std::vector<std::byte>> course;
  for (std::uint32_t s = 0; s < steps.size(); ++s) {
    opt.apply({s, law, steps[s].rate, static_cast<std::uint32_t>(steps[s].terms.size())}, steps[s].terms);
    const auto code_bytes = codes.view().bytes();
    course.emplace_back(code_bytes.begin(), code_bytes.end());
    const auto float_bytes = std::as_bytes(floats.flat());
    course.back().insert(course.back().end(), float_bytes.begin(), float_bytes.end());
  }
  return course;
}

template <class Rule, class Direction>
void expect_dense_rule_within_window(const Rule& rule, const Direction& law) {
  constexpr std::uint32_t window = 6;
  const auto steps = some_steps(window + 4);
  const auto dense = course_of(rule, law, steps), made_again = course_of(replayed<Rule>{.rule = rule, .window = window}, law, steps);
  for (std::size_t s = 0; s <= window; ++s) EXPECT_TRUE(made_again[s] == dense[s]) << Rule::name << ", step " << s;
  EXPECT_FALSE(made_again[window + 1] == dense[window + 1]) << Rule::name << " has forgotten a step";
  EXPECT_FALSE(dense[window] == dense[window - 1]) << "something moves";
}

TEST(replayed, is_the_rule_with_its_moments_up_to_its_window) {
  expect_dense_rule_within_window(momentum{}, sparse_rademacher{});
  expect_dense_rule_within_window(adam{}, rademacher{});
  expect_dense_rule_within_window(refined_adam{}, sparse_rademacher{});
}

TEST(replayed, starts_the_rule_anew_a_window_ago) {
  constexpr std::size_t size = 2500, window = 4;
  const auto steps = some_steps(11);
  const adam rule{.first_decay = 0.8, .second_decay = 0.9};
  std::vector<float> w(size);
  optimizer opt{parameters(parameter("w", w)), replayed<adam>{rule, window}, two_point{.queries = 2}, rademacher{}};
  const auto law = opt.policies().direction.law_of(0);
  const std::uint64_t id = hash_of("w", 1);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    std::vector<float> expected = w, m(size), v(size), gradient(size), delta(size);
    const std::size_t oldest = s < window ? 0 : s - window;
    for (std::size_t past = oldest; past <= s; ++past) {
      if (steps[past].terms.empty()) continue;
      std::fill(gradient.begin(), gradient.end(), 0.0f);
      std::vector<std::int16_t> z(size);
      for (const logged_term& t : steps[past].terms) {
        law.fill({0, static_cast<std::uint32_t>(past), t.query}, {id, {1, size}}, 0, z);
        const auto c = static_cast<float>(exact::round_to_significant(double{t.coefficient}, 12));
        for (std::size_t j = 0; j < size; ++j) gradient[j] += c * static_cast<float>(z[j]);
      }
      rule.apply(rule.at(double{steps[past].rate}, past - oldest), gradient, {std::span(m), std::span(v)}, delta);
    }
    if (!steps[s].terms.empty())
      for (std::size_t j = 0; j < size; ++j) expected[j] += delta[j];
    opt.apply({static_cast<std::uint32_t>(s), law.record(), steps[s].rate, static_cast<std::uint32_t>(steps[s].terms.size())},
              steps[s].terms);
    EXPECT_EQ(w, expected) << s;
  }
}

TEST(replayed, says_what_is_wrong_with_its_fields) {
  std::vector<float> w(8);
  const auto text = message_of([&] {
    optimizer{parameters(parameter("w", w)), replayed<adam>{.rule = {.rate = -1, .second_decay = 1}, .window = 0}};
  });
  EXPECT_TRUE(contains(text, "replayed adam: rate = -1"));
  EXPECT_TRUE(contains(text, "replayed adam: second_decay = 1"));
  EXPECT_TRUE(contains(text, "replayed adam: window = 0"));
  const auto many = message_of([&] {
    optimizer{parameters(parameter("w", w)), replayed<momentum>{.window = 1u << 20}, two_point{.queries = 2}};
  });
  EXPECT_TRUE(contains(many, "window times queries"));
}

}  // namespace
}  // namespace zolt::test
