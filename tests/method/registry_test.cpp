#include "zolt/method/registry.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "support/messages.hpp"

namespace zolt::test {
namespace {

using method::for_each_method, method::with_method;

template <class Entry>
using method_of = typename std::remove_cvref_t<Entry>::type;

/// f(estimator) of a method.
template <class Method, class F>
void with_estimator(const Method& method, F&& f) {
  const auto visit = [&]<class Policy>(const Policy& policy) {
    if constexpr (estimator<Policy>) f(policy);
  };
  std::apply([&](const auto&... policy) { (visit(policy), ...); }, detail::flat(method));
}

TEST(registry, names_are_unique_and_lead_to_their_methods) {
  std::set<std::string> names;
  for_each_method([&](const auto& e) {
    EXPECT_TRUE(names.insert(std::string(e.name)).second) << e.name;
    EXPECT_FALSE(e.idea.empty() || e.source.empty()) << e.name;
    int calls = 0;
    with_method(e.name, [&](const auto& found) {
      ++calls;
      EXPECT_EQ(found.name, e.name);
    });
    EXPECT_EQ(calls, 1);
  });
  double rate = 0;
  with_method("fzoo", [&](const auto& e) {
    if constexpr (std::is_same_v<method_of<decltype(e)>, method::fzoo>) rate = method_of<decltype(e)>{}.rate;
  });
  EXPECT_EQ(rate, method::fzoo{}.rate);
  const std::string message = message_of([] { with_method("adamw", [](const auto&) {}); });
  EXPECT_NE(message.find("adamw must be one of step_matched, "), std::string::npos) << message;
}

// What a step evaluates, late enough for schedules to have ended, with losses that decide nothing.
TEST(registry, a_step_takes_as_many_forward_passes_as_it_says) {
  for_each_method([](const auto& e) {
    bool asked = false;
    with_estimator(method_of<decltype(e)>{}, [&](const auto& estimator) {
      asked = true;
      std::vector<evaluation> seen;
      for (std::vector<probe> next;; next.clear()) {
        estimator.plan({1, 4'000'000'000, 0}, {}, seen, next);
        if (next.empty()) break;
        for (const probe& p : next) seen.push_back({p, 1.0});
      }
      // One pass of a batch gives each of its examples a loss, all under directions of their own.
      constexpr bool per_example = sign_factored_law<typename composition_of<method_of<decltype(e)>>::law>;
      constexpr std::size_t clean = method_with_head<method_of<decltype(e)>> ? 1 : 0;
      EXPECT_EQ(seen.size() + clean, e.forwards.of(estimator.queries) * (per_example ? estimator.queries : 1)) << e.name;
    });
    EXPECT_TRUE(asked || e.forwards.of(1) == 2) << e.name << ": the default estimator";
  });
}

TEST(registry, says_what_a_method_is_made_of) {
  with_method("mezo_adam", [](const auto& e) {
    EXPECT_EQ(method::composition_text(e),
              "two_point(radius 0.001, queries 1) + adam(rate 1e-05, first_decay 0.9, second_decay 0.999, epsilon 1e-08) + gaussian");
  });
  with_method("elastic_zo", [](const auto& e) {
    EXPECT_EQ(method::composition_text(e),
              "two_point(radius 0.001, queries 1) + sgd(rate 1e-06) + gaussian; head: exact_head + sgd(rate 0.001)");
    EXPECT_FALSE(std::remove_cvref_t<decltype(e)>::replays);
  });
  with_method("caq_zo", [](const auto& e) {
    EXPECT_EQ(method::composition_text(e), "two_point(radius 1, queries 1) + sgd(rate 0.01) + rademacher + stochastic");
  });
}

TEST(registry, what_a_method_trains_is_what_its_directions_can_move) {
  for_each_method([](const auto& e) {
    using entry = std::remove_cvref_t<decltype(e)>;
    constexpr bool on_codes = entry::trains == method::trained::codes || entry::trains == method::trained::floats_and_codes;
    EXPECT_TRUE(!on_codes || (composition_of<typename entry::type>::law::whole_units)) << e.name;
  });
}

}  // namespace
}  // namespace zolt::test
