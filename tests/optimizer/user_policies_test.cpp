#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "support/weights.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantizer.hpp"

// Every slot, filled by a user: a small struct that models a concept, in a file of its own, with no base class and no registration.

namespace zolt::test {
namespace {

// --- formats, storages and sets --------------------------------------------------------------------------------------

/// Signs and powers of two with a zero: −64, …, −2, −1, 0, 1, 2, …, 64, in sign and magnitude.
struct powers_of_two {
  static constexpr std::string_view name = "powers_of_two";
  static constexpr int bits = 4, lowest = -7, highest = 7;
  static constexpr bool has_ordinal(code) { return true; }
  static constexpr int ordinal_of(code c) { return c & 8 ? -(c & 7) : c & 7; }
  static constexpr code code_of(int o) { return static_cast<code>(o < 0 ? 8 - o : o); }
  static constexpr float value_of(int o) {
    return o == 0 ? 0.0f : o < 0 ? -static_cast<float>(1 << (-o - 1)) : static_cast<float>(1 << (o - 1));
  }
};

struct ternary {
  static constexpr std::string_view name = "ternary";
  static constexpr int bits = 2, lowest = -1, highest = 1;
  static constexpr bool has_ordinal(code c) { return (c & 3) != 3; }
  static constexpr int ordinal_of(code c) { return (c & 3) - 1; }
  static constexpr code code_of(int o) { return static_cast<code>(o + 1); }
  static constexpr float value_of(int o) { return static_cast<float>(o); }
};

/// A buffer as another program might have it: a byte per code, every second byte unused, and a scale that is computed.
struct strided_codes {
  using format = int8;
  std::vector<std::byte>* memory;

  zolt::shape shape() const { return {1, memory->size() / 2}; }
  zolt::code code(std::size_t i) const { return static_cast<zolt::code>((*memory)[2 * i]); }
  void set_code(std::size_t i, zolt::code c) const { (*memory)[2 * i] = static_cast<std::byte>(c); }
  float scale(std::size_t i) const { return i % 2 == 0 ? 0.25f : 0.125f; }
  std::span<std::byte> bytes() const { return *memory; }
  void decode(std::size_t first, std::span<float> out) const {
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = int8::value_of(int8::ordinal_of(code(first + j))) * scale(first + j);
  }
};

struct float_block {
  float* begin;
  std::size_t count;
  std::span<float> values() const { return {begin, count}; }
  zolt::shape shape() const { return {count / 2, 2}; }
};

/// Two tensors of one kind.
template <class Storage>
struct pair_of_tensors {
  parameter<Storage> first, second;
  std::size_t size() const { return 2; }
  template <class Function>
  void visit(std::size_t i, Function&& f) const {
    f(i == 0 ? first : second);
  }
};

// --- policies --------------------------------------------------------------------------------------------------------

/// z = −1, 0, 0 or 1 from two coins.
struct two_coins {
  struct law {
    static constexpr int bits = 1;
    static constexpr bool whole_units = true;
    double density() const { return 0.5; }
    double spread() const { return 1 / amplitude(); }
    double amplitude() const { return std::sqrt(2.0); }
    std::uint32_t record() const { return 0; }
    void fill(const direction_key& key, const parameter_info& info, std::uint64_t first, std::span<std::int16_t> z) const {
      word_reader words(random_stream(key, info.id, stream::direction));
      for (std::size_t j = 0; j < z.size(); ++j) {
        const std::uint32_t word = words(first + j);
        z[j] = static_cast<std::int16_t>(static_cast<int>(word & 1) - static_cast<int>(word >> 1 & 1));
      }
    }
  };
  law law_at(double, std::uint32_t) const { return {}; }
  law law_of(std::uint32_t) const { return {}; }
};

/// One direction per step, and its other side only if the first was no improvement: two rounds.
struct second_thought {
  double radius = 1;
  std::uint32_t queries = 1;
  void plan(const direction_key& key, const probe_scale&, std::span<const evaluation> seen, std::vector<probe>& next) const {
    if (seen.empty()) next.push_back({key, 0.0}), next.push_back({key, 1.0});
    if (seen.size() == 2 && seen[1].loss >= seen[0].loss) next.push_back({key, -1.0});
  }
  void estimate(std::span<const evaluation> seen, const probe_scale& scale, std::vector<term>& terms) const {
    for (const evaluation& e : seen)
      if (!exact::is_finite(e.loss)) return;
    const bool both = seen.size() == 3;
    const double difference = both ? seen[1].loss - seen[2].loss : seen[1].loss - seen[0].loss;
    terms.push_back({0, difference / ((both ? 2 : 1) * radius * scale.spread)});
  }
};

struct saturating {
  double rate = 0.1;
  double step_for(double step_rate, double coefficient) const { return -step_rate * coefficient / (1 + std::fabs(coefficient)); }
};

struct rms_prop {
  static constexpr std::string_view name = "rms_prop";
  static constexpr std::size_t moments = 1;
  double rate = 0.05;
  float at(double step_rate, std::uint64_t) const { return static_cast<float>(step_rate); }
  void apply(float step, std::span<const float> gradient, moment_tile<1> state, std::span<float> delta) const {
    for (std::size_t j = 0; j < gradient.size(); ++j) {
      state[0][j] = exact::product(0.9f, state[0][j]) + exact::product(0.1f, exact::product(gradient[j], gradient[j]));
      delta[j] = exact::product(-step, gradient[j] / (std::sqrt(state[0][j]) + 1e-6f));
    }
  }
};

/// Half away from zero, on a grid 64 times finer than the codes.
struct half_away {
  static constexpr bool random = false;
  int operator()(const grid_position& at, std::uint32_t) const { return at.below + (at.fraction >> 63 != 0 ? at.away : 0); }
};
struct fine_and_deterministic {
  static constexpr int residual_bits = 6;
  static constexpr half_away round{};
};

struct halving {
  double factor(std::uint64_t step) const { return std::ldexp(1.0, -static_cast<int>(step / 200)); }
};

struct by_largest {
  static constexpr coefficient_phase phase = coefficient_phase::normalise;
  std::uint32_t apply(std::span<term> terms, coefficient_statistics& s) const {
    for (const term& t : terms) s.mean_square = std::max(s.mean_square, std::fabs(t.coefficient));
    for (term& t : terms) t.coefficient /= std::max(s.mean_square, 1e-30);
    return 0;
  }
};

struct one_sign_only {
  static constexpr coefficient_phase phase = coefficient_phase::clip;
  std::uint32_t apply(std::span<term> terms, coefficient_statistics&) const {
    std::uint32_t cut = 0;
    for (term& t : terms)
      if (t.coefficient > 0) t.coefficient = 0, ++cut;
    return cut;
  }
};

// --- training with each of them --------------------------------------------------------------------------------------

/// Σ (w_j − (j mod 5)/2 + 1)² under every probe.
template <class Weights>
std::vector<double> losses(const Weights& w, std::size_t size, const probe_view& probes) {
  std::vector<float> seen(size * probes.count());
  probes.read(w, 0, seen);
  std::vector<double> sums(probes.count());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const double difference = seen[i] - static_cast<double>(i % size % 5) / 2 + 1;
    sums[i / size] += difference * difference;
  }
  return sums;
}

template <class Parameters>
std::vector<std::byte> bytes_of(const Parameters& p) {
  std::vector<std::byte> bytes;
  for_each_parameter(p, [&](std::size_t, const auto& one) {
    const auto memory = memory_of(one.storage);
    bytes.insert(bytes.end(), memory.begin(), memory.end());
  });
  return bytes;
}
template <class Parameters>
void set_bytes(const Parameters& p, std::span<const std::byte> bytes) {
  for_each_parameter(p, [&](std::size_t, const auto& one) {
    const auto memory = memory_of(one.storage);
    std::copy_n(bytes.begin(), memory.size(), memory.begin());
    bytes = bytes.subspan(memory.size());
  });
}

/// Trains on read, must halve the loss, and replays to the same bytes.
template <class Weights, class Parameters, class... Policies>
void expect_trains(Weights& w, std::size_t size, const Parameters& parameters, const Policies&... policies) {
  const auto base = bytes_of(parameters);
  const double before = losses(w, size, {})[0];
  optimizer opt{parameters, policies..., options{.run = 5}};
  for (int step = 0; step < 600; ++step) opt.step([&](const probe_view& p) { return losses(w, size, p); });
  EXPECT_LT(losses(w, size, {})[0], before / 2);

  const auto trained = bytes_of(parameters);
  set_bytes(parameters, base);
  optimizer again{parameters, policies..., options{.run = 5}};
  again.replay(trajectory_from(to_bytes(opt.recorded())));
  EXPECT_EQ(bytes_of(parameters) == trained, true);
  set_bytes(parameters, base);
}

/// And the same in place, in the same bits.
template <class Weights, class Parameters, class... Policies>
void expect_trains_in_place(Weights& w, std::size_t size, const Parameters& parameters, const Policies&... policies) {
  const auto base = bytes_of(parameters);
  const auto trained = [&](auto&& loss) {
    set_bytes(parameters, base);
    optimizer opt{parameters, policies..., options{.run = 5}};
    for (int step = 0; step < 100; ++step) opt.step(loss);
    return bytes_of(parameters);
  };
  const auto on_read = trained([&](const probe_view& p) { return losses(w, size, p); });
  EXPECT_EQ(on_read == base, false);
  EXPECT_EQ(trained([&] { return losses(w, size, {})[0]; }) == on_read, true);
  set_bytes(parameters, base);
}

quantized_tensor<int8, per_tensor> int8_weights() {
  quantized_tensor<int8, per_tensor> w(shape{8, 5});
  w.scales()[0] = 0.125f;
  return w;
}
template <class... Policies>
void expect_trains_codes(const Policies&... policies) {
  auto w = int8_weights();
  expect_trains(w, w.size(), parameters(parameter("w", w)), policies...);
}
template <class... Policies>
void expect_trains_floats(const Policies&... policies) {
  std::vector<float> w(40);
  expect_trains(w, w.size(), parameters(parameter("w", w, {.unit = 0.125})), policies...);
}

TEST(user_policies, formats) {
  quantized_tensor<powers_of_two, per_channel> logarithmic(shape{8, 5});
  for (float& s : logarithmic.scales()) s = 0.125f;
  expect_trains_in_place(logarithmic, logarithmic.size(), parameters(parameter("logarithmic", logarithmic)), sgd{.rate = 0.15},
                         two_point{.queries = 8});
  expect_trains(logarithmic, logarithmic.size(), parameters(parameter("logarithmic", logarithmic)), sgd{.rate = 0.15},
                two_point{.queries = 8});
  quantized_tensor<ternary, per_group<5>> three(shape{8, 5});
  for (std::size_t i = 0; i < three.size(); ++i) three.view().set_code(i, ternary::code_of(i % 2 == 0 ? 1 : -1));
  expect_trains(three, three.size(), parameters(parameter("three", three)), sgd{.rate = 0.1});
}

TEST(user_policies, a_user_format_is_quantized_and_decoded_like_the_others) {
  const std::vector<float> values = {-64, -33, -0.4f, 0, 0.6f, 1.4f, 3.5f, 64};
  const auto q = quantize<powers_of_two, per_tensor>("w", std::span<const float>(values));
  std::vector<float> decoded(values.size());
  q.decode(0, decoded);
  EXPECT_EQ(decoded, (std::vector<float>{-64, -32, 0, 0, 1, 1, 4, 64}));
}

TEST(user_policies, storages) {
  std::vector<std::byte> memory(80);
  const strided_codes codes{&memory};
  expect_trains_in_place(codes, 40, parameters(parameter("codes", codes)), sgd{.rate = 0.3});
  expect_trains(codes, 40, parameters(parameter("codes", codes)), sgd{.rate = 0.3});
  for (std::size_t i = 1; i < memory.size(); i += 2) EXPECT_EQ(memory[i], std::byte{0}) << "nobody's byte";
  std::vector<float> floats(40);
  const float_block block{floats.data(), floats.size()};
  expect_trains(floats, 40, parameters(parameter("block", block, {.unit = 0.125})), sgd{.rate = 0.3});
}

TEST(user_policies, a_parameter_set) {
  auto first = int8_weights(), second = int8_weights();
  const pair_of_tensors<storage_t<decltype(first)>> both{parameter("first", first), parameter("second", second)};
  expect_trains(second, second.size(), both, sgd{.rate = 0.3});
}

TEST(user_policies, a_law) {
  expect_trains_codes(two_coins{}, sgd{.rate = 0.3});
  std::vector<float> w(40);
  expect_trains_in_place(w, w.size(), parameters(parameter("w", w, {.unit = 0.125})), two_coins{}, sgd{.rate = 0.3});
}

TEST(user_policies, an_estimator_of_two_rounds) {
  expect_trains_codes(second_thought{}, sgd{.rate = 0.3});
  auto w = int8_weights();
  optimizer opt{parameters(parameter("w", w)), second_thought{}};
  EXPECT_EQ(opt.ask().size(), 2u);
  const report first = opt.tell(std::vector<double>{1.0, 2.0});
  EXPECT_FALSE(first.finished);
  EXPECT_EQ(opt.step_number(), 0u);
  ASSERT_EQ(opt.ask().size(), 1u);
  EXPECT_EQ(opt.ask()[0].offset, -1.0);
  const report second = opt.tell(std::vector<double>{0.5});
  EXPECT_TRUE(second.finished);
  EXPECT_EQ(second.probes, 3u);
  opt.ask();
  EXPECT_TRUE(opt.tell(std::vector<double>{1.0, 0.5}).finished);
}

TEST(user_policies, a_loss_that_throws_in_the_second_round_starts_the_step_anew) {
  auto w = int8_weights();
  optimizer opt{parameters(parameter("w", w)), second_thought{}};
  int calls = 0;
  EXPECT_THROW(opt.step([&]() -> double { return ++calls == 3 ? throw 0 : calls; }), int);
  EXPECT_EQ(opt.ask().size(), 2u);
  EXPECT_EQ(bytes_of(opt.parameters()), bytes_of(parameters(parameter("w", w))));
}

TEST(user_policies, update_rules) {
  expect_trains_codes(saturating{.rate = 0.6});
  expect_trains_codes(rms_prop{.rate = 0.1}, two_coins{});
  expect_trains_floats(rms_prop{.rate = 0.4});
}

TEST(user_policies, a_write_back) { expect_trains_codes(fine_and_deterministic{}, sgd{.rate = 0.3}); }

TEST(user_policies, a_schedule) {
  expect_trains_codes(halving{}, sgd{.rate = 0.4});
  auto w = int8_weights();
  optimizer opt{parameters(parameter("w", w)), halving{}, sgd{.rate = 0.5}};
  double rate = 0;
  for (int step = 0; step <= 200; ++step) rate = opt.step([&] { return 1.0; }).rate;
  EXPECT_EQ(rate, 0.25);
}

TEST(user_policies, coefficient_transforms) {
  expect_trains_codes(by_largest{}, sgd{.rate = 0.6});
  auto w = int8_weights();
  optimizer opt{parameters(parameter("w", w)), one_sign_only{}};
  opt.ask();
  EXPECT_EQ(opt.tell(std::vector<double>{1, 0}).clipped_coefficients, 1u);
  opt.ask();
  EXPECT_EQ(opt.tell(std::vector<double>{0, 1}).clipped_coefficients, 0u);
}

TEST(user_policies, all_slots_at_once_in_any_order) {
  auto first = int8_weights(), second = first;
  optimizer a{parameters(parameter("w", first)),
              two_coins{},
              second_thought{},
              rms_prop{},
              fine_and_deterministic{},
              halving{},
              by_largest{},
              one_sign_only{},
              options{.run = 3}};
  optimizer b{parameters(parameter("w", second)), options{.run = 3}, one_sign_only{},  by_largest{}, halving{},
              fine_and_deterministic{},           rms_prop{},        second_thought{}, two_coins{}};
  static_assert(std::same_as<decltype(a), decltype(b)>);
  for (int step = 0; step < 20; ++step) {
    a.step([&](const probe_view& p) { return losses(first, first.size(), p); });
    b.step([&](const probe_view& p) { return losses(second, second.size(), p); });
  }
  EXPECT_EQ(bytes_of(a.parameters()), bytes_of(b.parameters()));
  EXPECT_EQ(a.recorded(), b.recorded());
}

}  // namespace
}  // namespace zolt::test
